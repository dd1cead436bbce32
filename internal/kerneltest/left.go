package kerneltest

import (
	"os"
	"testing"
	"time"
)

// NothingLeft checks that no program, map or link outlives a command.
func NothingLeft(t testing.TB, before Objects) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		// The kernel frees what is closed after a grace period.
		programs, maps, links := Loaded(t).Without(before)
		if programs+maps+links == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still loaded: %d programs, %d maps, %d links", programs, maps, links)
		}
	}
}

// Kernel is the name of the kernel in the matrix that the test runs on, or "" for
// the machine's own.
func Kernel() string { return os.Getenv("RINGSIDE_KERNEL") }
