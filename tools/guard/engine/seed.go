package engine

import (
	"fmt"
	"io"

	"github.com/cilium/ebpf/link"
)

// passes is how often the running tasks are looked at, at most: a task can be looked
// at before its parent is.
const passes = 16

// seed gives running tasks the labels that they would have if the policy had been
// there before them.
func (o *bpfObject) seed() error {
	p, err := o.load("seed")
	if err != nil {
		return err
	}
	for range passes {
		if err := o.maps.Maps["seeded"].Put(uint32(0), uint64(0)); err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		it, err := link.AttachIter(link.IterOptions{Program: p})
		if err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		if err := readAll(it); err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		var changed uint64
		if err := o.maps.Maps["seeded"].Lookup(uint32(0), &changed); err != nil {
			return fmt.Errorf("label running tasks: %w", err)
		}
		if changed == 0 {
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
