package events

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// restTime is how long the reader rests once it has drained the buffers. The
// kernel wakes us at the first record after that, not at every one: a wakeup
// costs the traced process more than the record, and may preempt our program
// in its last instructions. Of 2, 5 and 10 ms, 5 halves our own CPU time per
// event and 10 gains little more; nobody sees any of them.
const restTime = 5 * time.Millisecond

// rest rests for d, or less where the runtime wants something of us: its
// signals end the rest. It does so unseen by the runtime. A runtime that knows
// hands our processor to another thread, which finds nothing to do and has
// itself and the monitor woken and put to sleep, every few milliseconds: at
// some hundred events a second that is as much CPU time as all the rest of a
// command takes. The other goroutines have the other processors; where there
// are none, the runtime must know.
func rest(d time.Duration) {
	switch {
	case d <= 0:
	case runtime.GOMAXPROCS(0) == 1:
		time.Sleep(d)
	default:
		t := unix.NsecToTimespec(d.Nanoseconds())
		unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
	}
}
