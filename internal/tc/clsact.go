package tc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
)

// Clsact attaches by filters of the queueing discipline clsact, for kernels before 6.6.
type Clsact struct {
	name    string
	owner   string // name of our filters: the name, our process id and when that began
	filters []filter
	made    []int // interfaces that did not have the discipline before
}

// NewClsact returns one whose filters begin with name, by which those that a killed process left are found.
func NewClsact(name string) *Clsact {
	c := &Clsact{name: name, owner: name + ":?"}
	// In a pid namespace of its own nobody else can tell whether the process still lives.
	if began := began(os.Getpid()); began != "" && preflight.InInitPIDNamespace() {
		c.owner = fmt.Sprintf("%s:%d:%s", name, os.Getpid(), began)
	}
	return c
}

// began is when a process was started, in ticks since boot: with its id it is the process's alone. "" if there is none.
func began(pid int) string {
	stat, err := process.ReadStat(uint32(pid))
	if err != nil {
		return ""
	}
	return stat.Field(process.StatStarted)
}

// parent is where filters of a direction are.
func parent(d Direction) uint32 {
	if d == Egress {
		return egressParent
	}
	return ingressParent
}

// Attach adds a filter, with the highest priority that is free, after it has taken away what processes that were
// killed have left on the interface.
func (c *Clsact) Attach(index int, d Direction, p *ebpf.Program) error {
	err := withConn(func(n *conn) error { return c.attach(n, index, d, p) })
	if err != nil {
		return fmt.Errorf("attach to %s of interface %d: %w", d, index, err)
	}
	return nil
}

func withConn(use func(*conn) error) error {
	n, err := dial()
	if err != nil {
		return err
	}
	defer n.close()
	return use(n)
}

func (c *Clsact) attach(n *conn, index int, d Direction, p *ebpf.Program) error {
	switch err := n.clsact(index, true); {
	case err == nil:
		c.made = append(c.made, index)
	case !errors.Is(err, unix.EEXIST):
		return fmt.Errorf("add queueing discipline clsact: %w", err)
	}
	there, err := n.filters(index, d)
	if err != nil {
		return err
	}
	if there, err = c.sweep(n, there); err != nil {
		return err
	}
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network byte order
	f := filter{
		tcMsg: tcMsg{Index: int32(index), Parent: parent(d), Handle: handle(there), Info: uint32(priority(there))<<16 | all},
		name:  c.owner,
	}
	if err := n.add(f, p.FD()); err != nil {
		return err
	}
	c.filters = append(c.filters, f)
	return nil
}

// sweep takes away the filters of processes that are gone, and returns the others.
func (c *Clsact) sweep(n *conn, there []filter) (left []filter, err error) {
	for _, f := range there {
		if !c.stale(f.name) {
			left = append(left, f)
		} else if err := n.remove(f); err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, fmt.Errorf("take away the filter that %s left: %w", f.name, err)
		}
	}
	return left, nil
}

// stale reports whether a filter is of a process of our kind that does not live any more.
func (c *Clsact) stale(name string) bool {
	rest, ours := strings.CutPrefix(name, c.name+":")
	pid, start, ok := strings.Cut(rest, ":")
	n, err := strconv.Atoi(pid)
	if !ours || !ok || err != nil || n <= 0 || !preflight.InInitPIDNamespace() {
		return false
	}
	return began(n) != start
}

// priority is the lowest number, which comes first, that no filter has.
func priority(there []filter) uint16 {
	p := uint16(1)
	for slices.ContainsFunc(there, func(f filter) bool { return f.priority() == p }) {
		p++
	}
	return p
}

// firstHandle is where we begin to look for a handle of our own.
const firstHandle = 0x5249

func handle(there []filter) uint32 {
	h := uint32(firstHandle)
	for slices.ContainsFunc(there, func(f filter) bool { return f.Handle == h }) {
		h++
	}
	return h
}

// Close takes away our filters, and clsact where we added it and nobody else has filters in it.
func (c *Clsact) Close() error {
	if len(c.filters)+len(c.made) == 0 {
		return nil
	}
	return withConn(func(n *conn) error {
		var errs []error
		for _, f := range c.filters {
			if err := n.remove(f); err != nil && !gone(err) {
				errs = append(errs, fmt.Errorf("take away the filter on interface %d: %w", f.Index, err))
			}
		}
		for _, index := range c.made {
			if n.used(index) {
				continue
			}
			if err := n.clsact(index, false); err != nil && !gone(err) {
				errs = append(errs, fmt.Errorf("take away clsact of interface %d: %w", index, err))
			}
		}
		c.filters, c.made = nil, nil
		return errors.Join(errs...)
	})
}

// gone reports whether what was to be taken away, its discipline or its interface is not there any more.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL)
}

// used reports whether an interface has filters, or that cannot be told.
func (c *conn) used(index int) bool {
	for _, d := range []Direction{Ingress, Egress} {
		if there, err := c.filters(index, d); err != nil || len(there) > 0 {
			return true
		}
	}
	return false
}
