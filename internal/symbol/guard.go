package symbol

import (
	"sync/atomic"
	"time"
)

// guard bounds how long we wait for files of others. A file system can be a program of the traced user that never
// answers, and the mappings of a process can be locked for as long as it likes. Who waits in the kernel cannot be called
// back: such a thread is left behind, and after a few of them nothing more is tried.
type guard struct {
	patience time.Duration
	waiting  atomic.Int32
}

const (
	defaultPatience = 10 * time.Second
	maxWaiting      = 4
)

// try returns what f returns, or false if that takes too long. f must not touch what the caller goes on using.
func try[T any](g *guard, f func() T) (result T, ok bool) {
	if g.waiting.Load() >= maxWaiting {
		return result, false
	}
	g.waiting.Add(1)
	done := make(chan T, 1)
	go func() {
		defer g.waiting.Add(-1)
		done <- f()
	}()
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case result = <-done:
		return result, true
	case <-timer.C:
		return result, false
	}
}
