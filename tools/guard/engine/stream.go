package engine

import (
	"context"
	"errors"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/process"
)

// read starts handing out alerts.
func (m *Manager) read() error {
	clock, err := events.NewClock(true)
	if err != nil {
		return err
	}
	src, err := events.Open(m.object.maps.Maps["events"], 0)
	if err != nil {
		return err
	}
	containers := process.NewContainers()
	d := &decoder{clock: clock, containers: containers.ID, tables: func(revision uint32) *tables {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.tables[revision]
	}}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() {
		err := src.Run(ctx, &dispatcher{m, d, ctx}, func() error { return nil })
		close(m.alerts)
		m.done <- errors.Join(err, src.Close())
	}()
	return nil
}

// dispatcher hands alerts to those who wait for them. Whoever has a channel must read
// it: the ring fills up otherwise, and alerts are counted as lost.
type dispatcher struct {
	m   *Manager
	d   *decoder
	ctx context.Context
}

func (d *dispatcher) Record(raw []byte) error {
	a, err := d.d.decode(raw)
	if err != nil {
		return err
	}
	to := d.m.alerts
	d.m.mu.Lock()
	if at := d.m.attached[string(a.Hook)]; at != nil && at.alerts != nil {
		to = at.alerts
	}
	d.m.mu.Unlock()
	select {
	case to <- a:
	case <-d.ctx.Done():
	}
	return nil
}

func (d *dispatcher) Idle() error {
	d.d.clock.Follow()
	return nil
}

// Counters are the kernel's account of alerts: those that there were, and those that
// found the ring full. Verdicts do not depend on them.
func (m *Manager) Counters() (seen, lost uint64, err error) {
	c, err := events.ReadCounters(m.object.maps.Maps["counters"])
	return c.Seen, c.Lost, err
}
