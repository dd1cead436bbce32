// Package filter turns the common filter flags into constants and maps of a
// BPF object that includes internal/bpf/filter.h. Filters are exact: one that
// cannot be applied is an error before anything is loaded.
package filter

import (
	"fmt"
	"os"
	"strconv"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
)

// MaxPIDs is how many processes --pid with --follow can track
// (FILTER_PIDS_MAX).
const MaxPIDs = 8192

// Flags are the values of the common filter flags, as given.
type Flags struct {
	PIDs      []uint32
	Follow    bool
	Child     bool   // the command that we run, with its children
	User      string // name or number; "" for all
	Comm      string
	Cgroup    string // directory
	Container string // id or its beginning
	MntNS     string // number, or the path of a namespace file
	CgroupMap string // pinned map
	MntNSMap  string // pinned map
}

// Filter is a resolved set of filters.
type Filter struct {
	flags   Flags
	uid     uint32
	mntns   uint32
	cgroups []*os.File
	maps    map[string]*ebpf.Map
}

// Resolve looks up everything that the flags name. The caller closes the
// filter.
func Resolve(flags Flags, users *process.Users) (*Filter, error) {
	f := &Filter{flags: flags, maps: make(map[string]*ebpf.Map)}
	if err := f.resolve(users); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Filter) resolve(users *process.Users) (err error) {
	flags := f.flags
	if (len(flags.PIDs) > 0 || flags.Child) && !preflight.InInitPIDNamespace() {
		return fmt.Errorf("filter by process: this process is in a pid namespace of its own and the kernel counts in the initial one: run with the host's pid namespace (docker: --pid host)")
	}
	if len(flags.PIDs) > MaxPIDs {
		return fmt.Errorf("--pid: %d processes given, at most %d can be filtered", len(flags.PIDs), MaxPIDs)
	}
	for _, pid := range flags.PIDs {
		if !process.Exists(pid) {
			return fmt.Errorf("--pid: no process %d", pid)
		}
	}
	if flags.Follow && len(flags.PIDs) == 0 {
		return fmt.Errorf("--follow: follows the children of --pid, which is not given")
	}
	if flags.User != "" {
		if f.uid, err = users.ID(flags.User); err != nil {
			return fmt.Errorf("--uid: %w", err)
		}
	}
	if len(flags.Comm) > 15 {
		return fmt.Errorf("--comm: %q is longer than the 15 bytes that the kernel keeps of a name", flags.Comm)
	}
	if flags.MntNS != "" {
		if f.mntns, err = mountNamespace(flags.MntNS); err != nil {
			return fmt.Errorf("--mntns: %w", err)
		}
	}
	if err := f.resolveCgroups(); err != nil {
		return err
	}
	return f.openPinned()
}

func (f *Filter) resolveCgroups() error {
	open := func(flag, path string) error {
		dir, err := process.OpenCgroup(path)
		if err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		f.cgroups = append(f.cgroups, dir)
		return nil
	}
	if f.flags.Cgroup != "" {
		if err := open("--cgroup", f.flags.Cgroup); err != nil {
			return err
		}
	}
	if f.flags.Container != "" {
		path, err := process.FindContainer(f.flags.Container)
		if err != nil {
			return fmt.Errorf("--container: %w", err)
		}
		return open("--container", path)
	}
	return nil
}

// openPinned opens the sets that the user pinned, and checks their shape: the
// kernel would accept a map of another key size and then never match.
func (f *Filter) openPinned() error {
	for _, p := range []struct {
		flag, path, name string
		value            uint32
	}{
		{"--cgroupmap", f.flags.CgroupMap, "filter_cgroupmap", 8},
		{"--mntnsmap", f.flags.MntNSMap, "filter_mntnsmap", 4},
	} {
		if p.path == "" {
			continue
		}
		m, err := ebpf.LoadPinnedMap(p.path, nil)
		if err != nil {
			return fmt.Errorf("%s: open pinned map %s: %w", p.flag, p.path, err)
		}
		f.maps[p.name] = m
		if m.Type() != ebpf.Hash || m.KeySize() != 8 || m.ValueSize() != p.value {
			return fmt.Errorf("%s: %s is a %s map with keys of %d and values of %d bytes: want a hash with 8 and %d",
				p.flag, p.path, m.Type(), m.KeySize(), m.ValueSize(), p.value)
		}
	}
	return nil
}

// Set writes the filters into spec's constants.
func (f *Filter) Set(spec *ebpf.CollectionSpec) error {
	set := func(err *error, name string, value any) {
		if *err == nil {
			*err = loader.SetConstant(spec, name, value)
		}
	}
	var err error
	if preflight.InInitPIDNamespace() {
		set(&err, "filter_self", uint32(os.Getpid()))
	}
	set(&err, "filter_by_pid", f.byPID())
	if f.flags.User != "" {
		set(&err, "filter_by_uid", true)
		set(&err, "filter_uid", f.uid)
	}
	if f.flags.Comm != "" {
		var comm [16]byte
		copy(comm[:], f.flags.Comm)
		set(&err, "filter_by_comm", true)
		set(&err, "filter_comm", comm)
	}
	if f.flags.MntNS != "" {
		set(&err, "filter_by_mntns", true)
		set(&err, "filter_mntns", f.mntns)
	}
	set(&err, "filter_cgroup_count", uint32(len(f.cgroups)))
	set(&err, "filter_by_cgroupmap", f.flags.CgroupMap != "")
	set(&err, "filter_by_mntnsmap", f.flags.MntNSMap != "")

	for name, m := range f.maps { // only maps of one shape can stand in for each other
		spec.Maps[name].MaxEntries = m.MaxEntries()
		spec.Maps[name].Flags = m.Flags()
	}
	// A map's size is charged whether or not it is used.
	if err == nil && !f.byPID() {
		spec.Maps["filter_pids"].MaxEntries = 1
	}
	return err
}

// Resolved are the filters as a program needs them that is made when it is loaded,
// and has no constants to be set.
type Resolved struct {
	Self                uint32 // our own process, 0 where the kernel counts otherwise than we do
	PIDs                []uint32
	Follow              bool // and their descendants
	ByUID               bool
	UID                 uint32
	Comm                string
	MntNS               uint32               // 0 for all
	Cgroups             []*os.File           // of all of which it must be below
	CgroupSet, MntNSSet bool                 // by the pinned maps
	Maps                map[string]*ebpf.Map // the pinned maps, by the names of internal/bpf/filter.h
}

// Resolved returns the filters. What it refers to is closed with the filter.
func (f *Filter) Resolved() Resolved {
	r := Resolved{
		PIDs: f.flags.PIDs, Follow: f.flags.Follow, ByUID: f.flags.User != "", UID: f.uid, Comm: f.flags.Comm, MntNS: f.mntns, Cgroups: f.cgroups,
		CgroupSet: f.flags.CgroupMap != "", MntNSSet: f.flags.MntNSMap != "", Maps: f.maps,
	}
	if preflight.InInitPIDNamespace() {
		r.Self = uint32(os.Getpid())
	}
	return r
}

// Hooks returns what the filters themselves must see.
func (f *Filter) Hooks() []loader.Hook {
	if !f.flags.Follow && !f.flags.Child {
		return nil
	}
	attach := []loader.Attachment{{Program: "filter_follow_fork"}, {Program: "filter_follow_exit"}}
	if f.flags.Child {
		attach = append(attach, loader.Attachment{Program: "filter_follow_exec"})
	}
	return []loader.Hook{{
		Name:  "children",
		Rungs: []loader.Rung{{Name: "raw_tp", Attach: attach}},
	}}
}

func (f *Filter) byPID() bool { return len(f.flags.PIDs) > 0 || f.flags.Child }

// Maps returns the pinned maps that stand in for maps of the object.
func (f *Filter) Maps() map[string]*ebpf.Map { return f.maps }

// Fill writes the filters into the maps of the loaded object. With --follow it
// must run once before the programs are attached and [Filter.FillChildren]
// after, so that no child slips between.
func (f *Filter) Fill(coll *ebpf.Collection) error {
	for _, pid := range f.flags.PIDs {
		if err := coll.Maps["filter_pids"].Put(pid, uint8(1)); err != nil {
			return fmt.Errorf("filter process %d: %w", pid, err)
		}
	}
	for i, dir := range f.cgroups {
		if err := coll.Maps["filter_cgroups"].Put(uint32(i), uint32(dir.Fd())); err != nil {
			return fmt.Errorf("filter cgroup %s: %w", dir.Name(), err)
		}
	}
	return nil
}

// FillChildren adds the children that the processes have already.
func (f *Filter) FillChildren(coll *ebpf.Collection) error {
	return f.AddChildren(func(pid uint32) error { return coll.Maps["filter_pids"].Put(pid, uint8(1)) })
}

// AddChildren calls add for the children that the processes have already, if they are to
// be followed. Those that they get from now on are added in the kernel, if their parent is
// known there: so we look until there is nothing new.
func (f *Filter) AddChildren(add func(pid uint32) error) error {
	if !f.flags.Follow {
		return nil
	}
	known := make(map[uint32]bool)
	for news := true; news; {
		news = false
		children, err := process.Descendants(f.flags.PIDs)
		if err != nil {
			return fmt.Errorf("--follow: %w", err)
		}
		for _, pid := range children {
			news = news || !known[pid]
			known[pid] = true
			// Each time: a fork that saw the set before its parent was in it takes
			// the child out again.
			if err := add(pid); err != nil {
				return fmt.Errorf("--follow: filter process %d: %w", pid, err)
			}
		}
	}
	return nil
}

// Close releases what Resolve opened.
func (f *Filter) Close() {
	for _, dir := range f.cgroups {
		dir.Close()
	}
	for _, m := range f.maps {
		m.Close()
	}
}

// mountNamespace reads a namespace number, or the number of a namespace file.
// A file of another kind of namespace has a number too, that would never match.
func mountNamespace(s string) (uint32, error) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil && n > 0 {
		return uint32(n), nil
	}
	ns, err := os.OpenFile(s, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO would wait for its writer
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number from 1 to 4294967295 nor a namespace file: %w", s, err)
	}
	defer ns.Close()
	kind, err := unix.IoctlRetInt(int(ns.Fd()), unix.NS_GET_NSTYPE) // since 4.11
	if err != nil || kind != unix.CLONE_NEWNS {
		return 0, fmt.Errorf("%q is not the file of a mount namespace: want one like /proc/PID/ns/mnt", s)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(ns.Fd()), &st); err != nil {
		return 0, fmt.Errorf("inspect mount namespace %s: %w", s, err)
	}
	return uint32(st.Ino), nil
}
