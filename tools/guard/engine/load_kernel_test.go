//go:build kernel

package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestPrograms: every program whose hook the kernel has loads and attaches.
func TestPrograms(t *testing.T) {
	key, err := newHashKey()
	qt.Assert(t, qt.IsNil(err))
	o, err := openObject(key, Options{Buffer: defaultBuffer})
	qt.Assert(t, qt.IsNil(err))
	defer o.close()
	for name, spec := range o.specs {
		t.Run(name, func(t *testing.T) {
			if spec.Type == ebpf.LSM && !o.has(name) {
				lacks := map[string][]string{"5.10": {"file_truncate", "inode_file_setattr", "inode_remove_acl", "inode_set_acl", "path_chown", "task_fix_setgroups", "userns_create"},
					"6.1": {"file_truncate", "inode_file_setattr", "inode_remove_acl", "inode_set_acl"}, "6.12": {"inode_file_setattr"}, "arm64-6.12": {"inode_file_setattr"}}
				qt.Assert(t, qt.IsTrue(slices.Contains(lacks[kerneltest.Kernel()], name)))
				t.Skipf("no hook for it")
			}
			start := time.Now()
			p, err := o.load(name)
			qt.Assert(t, qt.IsNil(err))
			took := time.Since(start)
			var l link.Link
			if spec.Type == ebpf.LSM {
				l, err = link.AttachLSM(link.LSMOptions{Program: p})
			} else {
				l, err = link.AttachIter(link.IterOptions{Program: p})
			}
			qt.Assert(t, qt.IsNil(err))
			l.Close()
			t.Logf("%s: %v", name, took)
			qt.Check(t, qt.IsNil(o.forget(name)))
		})
	}
}
