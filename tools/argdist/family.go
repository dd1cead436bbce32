package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
)

// maxFamily is how many processes can be tracked; tests make it less.
var maxFamily uint32 = filter.MaxPIDs

// family are processes and all that descends from them. The kernel keeps the set.
type family struct {
	set, full *ebpf.Map
	programs  []*ebpf.Program
	links     []io.Closer
}

// followFamily starts to track the processes of the filters and their children, of whom
// none slips between: those to come are added before we look for those that there are.
func followFamily(f *filter.Filter, offsets gen.TaskOffsets) (*family, error) {
	fam := new(family)
	if err := fam.start(f, offsets); err != nil {
		fam.close()
		return nil, fmt.Errorf("--follow: %w", err)
	}
	return fam, nil
}

func (fam *family) start(f *filter.Filter, offsets gen.TaskOffsets) (err error) {
	if fam.set, err = ebpf.NewMap(&ebpf.MapSpec{Name: gen.FamilyMap, Type: ebpf.Hash, KeySize: 8, ValueSize: 8, MaxEntries: maxFamily}); err != nil {
		return fmt.Errorf("make map of processes: %w", err)
	}
	if fam.full, err = ebpf.NewMap(&ebpf.MapSpec{Name: gen.FamilyFullMap, Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}); err != nil {
		return fmt.Errorf("make map of a counter: %w", err)
	}
	add := func(pid uint32) error { return fam.set.Put(uint64(pid), uint64(1)) }
	for _, pid := range f.Resolved().PIDs {
		if err := add(pid); err != nil {
			return fmt.Errorf("process %d: %w", pid, err)
		}
	}
	maps := map[string]*ebpf.Map{gen.FamilyMap: fam.set, gen.FamilyFullMap: fam.full}
	for _, p := range []struct {
		tracepoint string
		insns      asm.Instructions
	}{{"sched_process_fork", gen.Join(offsets)}, {"sched_process_exit", gen.Leave(offsets)}} {
		program, err := probe.Load(&ebpf.ProgramSpec{Name: "argdist_family", Type: ebpf.RawTracepoint, License: "GPL", Instructions: p.insns}, maps)
		if err != nil {
			return err
		}
		fam.programs = append(fam.programs, program)
		l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: p.tracepoint, Program: program})
		if err != nil {
			return fmt.Errorf("attach to %s: %w", p.tracepoint, err)
		}
		fam.links = append(fam.links, l)
	}
	return f.AddChildren(add)
}

// missed is how many children were not followed, for want of room.
func (fam *family) missed() (n uint64, err error) {
	if err := fam.full.Lookup(uint32(0), &n); err != nil {
		return 0, fmt.Errorf("read how many children were not followed: %w", err)
	}
	return n, nil
}

func (fam *family) close() error {
	var errs []error
	for _, l := range slices.Backward(fam.links) {
		errs = append(errs, l.Close())
	}
	for _, p := range fam.programs {
		errs = append(errs, p.Close())
	}
	for _, m := range []*ebpf.Map{fam.set, fam.full} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}
