package events

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Clock turns the kernel's time stamps into wall-clock time.
type Clock struct {
	id     int32 // CLOCK_BOOTTIME or CLOCK_MONOTONIC
	offset int64 // nanoseconds to add
	next   time.Time
}

// NewClock returns a clock for the stamps of bpf_ktime_get_boot_ns, or of
// bpf_ktime_get_ns on a kernel without it (before 5.8).
func NewClock(bootTime bool) (*Clock, error) {
	c := &Clock{id: unix.CLOCK_MONOTONIC}
	if bootTime {
		c.id = unix.CLOCK_BOOTTIME
	}
	if err := c.measure(); err != nil {
		return nil, err
	}
	return c, nil
}

// Wall returns nanoseconds since the Unix epoch for a kernel time stamp.
func (c *Clock) Wall(ns uint64) int64 { return int64(ns) + c.offset }

// Follow measures again when a second has passed, so that the offset follows
// a wall clock that is being set or slewed. Call it when idle.
func (c *Clock) Follow() {
	if now := time.Now(); now.After(c.next) {
		c.next = now.Add(time.Second)
		_ = c.measure() // the clocks were readable before; keep the old offset
	}
}

// measure takes the wall clock between two readings of the kernel's clock and
// keeps the tightest of three tries.
func (c *Clock) measure() error {
	best := int64(1<<63 - 1)
	for range 3 {
		var before, wall, after unix.Timespec
		if err := unix.ClockGettime(c.id, &before); err != nil {
			return fmt.Errorf("read kernel clock: %w", err)
		}
		if err := unix.ClockGettime(unix.CLOCK_REALTIME, &wall); err != nil {
			return fmt.Errorf("read wall clock: %w", err)
		}
		if err := unix.ClockGettime(c.id, &after); err != nil {
			return fmt.Errorf("read kernel clock: %w", err)
		}
		if width := after.Nano() - before.Nano(); width < best {
			best = width
			c.offset = wall.Nano() - (before.Nano() + width/2)
		}
	}
	return nil
}
