//go:build kernel

package engine

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"
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
			if !o.has(name) {
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
