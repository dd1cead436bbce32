package loader

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
)

func TestInParallel(t *testing.T) {
	var done [100]atomic.Int32
	qt.Assert(t, qt.IsNil(InParallel(len(done), func(i int) error { done[i].Add(1); return nil })))
	for i := range done {
		qt.Assert(t, qt.Equals(done[i].Load(), 1), qt.Commentf("%d", i))
	}
	qt.Assert(t, qt.IsNil(InParallel(0, func(int) error { return errors.New("called") })))
}

// Two that wait for each other come to an end only side by side.
func TestInParallelIsSideBySide(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	meet := make(chan bool)
	err := InParallel(2, func(i int) error {
		select {
		case meet <- true:
		case <-meet:
		case <-time.After(10 * time.Second):
			return errors.New("alone")
		}
		return nil
	})
	qt.Assert(t, qt.IsNil(err))
}

// After an error nothing more begins, and what had begun is waited for.
func TestInParallelFails(t *testing.T) {
	var began, ended atomic.Int32
	err := InParallel(1000, func(i int) error {
		began.Add(1)
		defer ended.Add(1)
		return fmt.Errorf("item %d", i)
	})
	qt.Assert(t, qt.ErrorMatches(err, "item 0"))
	qt.Assert(t, qt.IsTrue(int(began.Load()) <= runtime.GOMAXPROCS(0)))
	qt.Assert(t, qt.Equals(ended.Load(), began.Load()))
}

func TestLongestFirst(t *testing.T) {
	spec := func(n int) *ebpf.ProgramSpec { return &ebpf.ProgramSpec{Instructions: make(asm.Instructions, n)} }
	got := longestFirst(map[string]*ebpf.ProgramSpec{"b": spec(2), "a": spec(2), "long": spec(9), "short": spec(1)})
	qt.Assert(t, qt.DeepEquals(got, []string{"long", "a", "b", "short"}))
}
