package kerneltest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"
)

// Pin makes and pins a set such as a user gives to --cgroupmap or --mntnsmap, with
// values of that many bytes, and returns it with its path.
func Pin(t *testing.T, name string, value uint32) (*ebpf.Map, string) {
	t.Helper()
	const bpffs = "/sys/fs/bpf"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(bpffs, &fs); err != nil || fs.Type != 0xcafe4a11 {
		qt.Assert(t, qt.IsNil(os.MkdirAll(bpffs, 0o755)))
		qt.Assert(t, qt.IsNil(syscall.Mount("bpf", bpffs, "bpf", 0, "")))
		t.Cleanup(func() { syscall.Unmount(bpffs, 0) })
	}
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock())) // before 5.11
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 8, ValueSize: value, MaxEntries: 128})
	qt.Assert(t, qt.IsNil(err))
	path := filepath.Join(bpffs, "ringside-test-"+name)
	os.Remove(path)
	qt.Assert(t, qt.IsNil(m.Pin(path)))
	t.Cleanup(func() { m.Unpin(); m.Close() })
	return m, path
}
