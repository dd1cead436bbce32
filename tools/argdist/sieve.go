package main

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
)

// resolve looks up what the filters name.
func (s *session) resolve() error {
	if s.cfg.tid != 0 && !preflight.InInitPIDNamespace() {
		return command.Usagef("--tid: this process is in a pid namespace of its own and the kernel counts in the initial one: run with the host's pid namespace (docker: --pid host)")
	}
	users, err := process.ReadUsers()
	if err != nil {
		return err
	}
	if s.filter, err = filter.Resolve(s.env.Filter, users); err != nil {
		if errors.Is(err, unix.EPERM) { // opening a pinned map takes a privilege
			if err := preflight.Capabilities(s.env.Name, s.needs()); err != nil {
				return err
			}
		}
		return &command.UsageError{Err: err}
	}
	r := s.filter.Resolved()
	s.sieve = gen.Sieve{
		Self: r.Self, PIDs: r.PIDs, Family: r.Follow, TID: uint32(s.cfg.tid), ByUID: r.ByUID, UID: r.UID, Cgroups: len(r.Cgroups),
		CgroupSet: r.CgroupSet, MntNSSet: r.MntNSSet, MntNS: r.MntNS, Comm: r.Comm,
	}
	if r.MntNS != 0 || r.MntNSSet {
		if s.sieve.MntNSPath, err = s.host.MountNamespace(); err != nil {
			return fmt.Errorf("filter by mount namespace: %w", err)
		}
	}
	return nil
}

// shareMaps makes the maps that the sieve looks into.
func (s *session) shareMaps() error {
	r := s.filter.Resolved()
	s.shared = make(map[string]*ebpf.Map)
	for name, m := range r.Maps {
		s.shared[name] = m
	}
	if r.Follow {
		offsets, err := s.host.TaskOffsets()
		if err != nil {
			return fmt.Errorf("--follow: %w", err)
		}
		if s.family, err = followFamily(s.filter, offsets); err != nil {
			return err
		}
		s.shared[gen.FamilyMap] = s.family.set
	}
	if len(r.Cgroups) == 0 {
		return nil
	}
	cgroups, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "argdist_cgroups", Type: ebpf.CGroupArray, KeySize: 4, ValueSize: 4, MaxEntries: uint32(len(r.Cgroups)),
	})
	if err != nil {
		return fmt.Errorf("make map of cgroups: %w", err)
	}
	s.shared[gen.CgroupsMap] = cgroups
	for i, dir := range r.Cgroups {
		if err := cgroups.Put(uint32(i), uint32(dir.Fd())); err != nil {
			return fmt.Errorf("filter cgroup %s: %w", dir.Name(), err)
		}
	}
	return nil
}

// unshare frees them, and what the filters have opened.
func (s *session) unshare() {
	if m := s.shared[gen.CgroupsMap]; m != nil {
		m.Close() // the others are the filter's
	}
	if s.family != nil {
		s.family.close()
	}
	if s.filter != nil {
		s.filter.Close()
	}
}
