package loader

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// loadRoom is how many bytes the runtime may take before loading has garbage collected. Most commands stay below
// it; filesnoop needs nearly all of it, and would save 3 MB and be a fifth slower with 16 MiB.
const loadRoom = 20 << 20

// oftenPercent is the collector's setting where loading takes more than that.
const oftenPercent = 40

// WhileLoading has the collector spare what loading makes, and returns what ends that. Loading makes a few
// megabytes of garbage and keeps next to nothing. To collect it while it is made takes up to a third of the time
// until we trace; with the usual setting, much garbage would be most of our memory for ever. So nothing is
// collected at first, and more often than usual once there is much.
func WhileLoading() (end func()) {
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(loadRoom)
	var mu sync.Mutex
	ended := false
	set := func(percent int) {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			debug.SetGCPercent(percent)
			debug.SetMemoryLimit(limit)
		}
	}
	// What nobody refers to is cleaned up behind the first collection.
	runtime.AddCleanup(new([16]byte), set, oftenPercent)
	return func() {
		set(percent)
		mu.Lock()
		defer mu.Unlock()
		ended = true
	}
}
