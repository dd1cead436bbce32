package events

import (
	"runtime"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// TestRestTakesTime rests, and not where nothing is to be rested.
func TestRestTakesTime(t *testing.T) {
	longest := time.Duration(0)
	for range 10 { // a signal of the runtime may end any of them
		start := time.Now()
		rest(restTime)
		longest = max(longest, time.Since(start))
	}
	qt.Check(t, qt.IsTrue(longest >= restTime), qt.Commentf("%s", longest))

	start := time.Now()
	for range 10_000 {
		rest(0)
	}
	qt.Check(t, qt.IsTrue(time.Since(start) < 10_000*restTime/2))
}

// TestRestLetsOthers: one that rests again and again holds up neither the
// other goroutines nor the collector, however many processors there are.
func TestRestLetsOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(processors)
		stop, stopped := make(chan bool), make(chan bool)
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					rest(restTime)
				}
			}
		}()
		fastest := time.Hour // of a few: the machine has more to do than this
		for range 10 {
			start := time.Now()
			time.Sleep(time.Millisecond)
			runtime.GC()
			fastest = min(fastest, time.Since(start))
		}
		close(stop)
		<-stopped
		qt.Check(t, qt.IsTrue(fastest < 50*time.Millisecond), qt.Commentf("%d processors: %s", processors, fastest))
	}
}
