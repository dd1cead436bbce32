//go:build kernel

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
)

// overlay mounts an overlay whose lower layer has a file that belongs to a user, and
// returns where.
func overlay(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/dev/shm", "ringside") // an upper layer needs a real file system or tmpfs
	if err != nil {
		base = t.TempDir()
	} else {
		t.Cleanup(func() { os.RemoveAll(base) })
	}
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(base, d), 0o755)))
	}
	file := filepath.Join(base, "lower", "file")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte("x"), 0o644)))
	qt.Assert(t, qt.IsNil(os.Chown(file, 1234, 1234)))
	merged := filepath.Join(base, "merged")
	opts := "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work"
	qt.Assert(t, qt.IsNil(syscall.Mount("overlay", merged, "overlay", 0, opts)))
	t.Cleanup(func() { syscall.Unmount(merged, 0) })
	return merged
}
