package events

import (
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// TestClock checks that a stamp of now is now, on both of the kernel's clocks.
func TestClock(t *testing.T) {
	for boot, id := range map[bool]int32{true: unix.CLOCK_BOOTTIME, false: unix.CLOCK_MONOTONIC} {
		c, err := NewClock(boot)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(c.id, id))
		checkClock(t, c)
	}
}

func checkClock(t *testing.T, c *Clock) {
	t.Helper()
	var stamp unix.Timespec
	before := time.Now()
	qt.Assert(t, qt.IsNil(unix.ClockGettime(c.id, &stamp)))
	after := time.Now()
	const slack = 10 * time.Millisecond // the measurement, on a busy machine
	got := time.Unix(0, c.Wall(uint64(stamp.Nano())))
	qt.Check(t, qt.IsTrue(got.After(before.Add(-slack)) && got.Before(after.Add(slack))), qt.Commentf("%v is not in %v..%v", got, before, after))
}

func TestWall(t *testing.T) {
	c := &Clock{offset: 1_700_000_000_000_000_000}
	qt.Check(t, qt.Equals(c.Wall(0), 1_700_000_000_000_000_000))
	qt.Check(t, qt.Equals(c.Wall(123), 1_700_000_000_000_000_123))
	c.offset = -5
	qt.Check(t, qt.Equals(c.Wall(7), 2))
}

// TestFollow checks that a wall clock that was set is followed, but not with
// every call.
func TestFollow(t *testing.T) {
	c, err := NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	c.offset += int64(time.Hour)
	c.Follow()
	checkClock(t, c)

	c.offset += int64(time.Hour)
	off := c.offset
	c.Follow()
	qt.Check(t, qt.Equals(c.offset, off))
	c.next = time.Now().Add(-time.Nanosecond)
	c.Follow()
	checkClock(t, c)
}

func TestBadClock(t *testing.T) {
	c := &Clock{id: 99}
	qt.Check(t, qt.ErrorMatches(c.measure(), "read kernel clock: invalid argument"))
	c.offset = 7
	c.Follow() // keeps what it knew
	qt.Check(t, qt.Equals(c.offset, 7))
}
