package engine

import (
	"fmt"
	"io"

	"github.com/cilium/ebpf/link"
)

// passes is how often the running tasks are looked at, at most: a task can be looked
// at before its parent is.
const passes = 16

// seeding is struct seeding of label.h.
type seeding struct {
	Changed, Clean uint64
	Fresh          set
}

// clean takes subjects that are new from running tasks: a bit may have been that of
// another. Executables must not be labelled with them yet.
func (o *bpfObject) clean(fresh set) error { return o.pass(seeding{Clean: 1, Fresh: fresh}) }

// seed gives running tasks the labels of new subjects that they would have if the
// policy had been there before them.
func (o *bpfObject) seed(fresh set) error { return o.pass(seeding{Fresh: fresh}) }

// pass looks at the running tasks until nothing changes.
func (o *bpfObject) pass(s seeding) error {
	p, err := o.load("seed")
	if err != nil {
		return err
	}
	for range passes {
		if err := o.maps.Maps["seeding"].Put(uint32(0), s); err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		it, err := link.AttachIter(link.IterOptions{Program: p})
		if err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		if err := readAll(it); err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		var done seeding
		if err := o.maps.Maps["seeding"].Lookup(uint32(0), &done); err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		if done.Changed == 0 {
			return nil
		}
	}
	return nil
}

func readAll(it *link.Iter) error {
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}
