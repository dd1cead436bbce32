package filter

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
)

// users has only the numbers where this machine has no /etc/passwd.
func users(t *testing.T) *process.Users {
	t.Helper()
	u, err := process.ReadUsers()
	qt.Assert(t, qt.IsNil(err))
	return u
}

func TestResolveErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o600)))
	fifo := filepath.Join(dir, "fifo")
	qt.Assert(t, qt.IsNil(unix.Mkfifo(fifo, 0o600)))
	none := filepath.Join(dir, "none")

	for _, test := range []struct {
		flags Flags
		want  string
	}{
		{Flags{Follow: true}, `--follow: follows the children of --pid, which is not given`},
		{Flags{User: "no such user"}, `--uid: unknown user "no such user": want a name of /etc/passwd or a number from 0 to 4294967294`},
		{Flags{User: "4294967295"}, `--uid: unknown user "4294967295": .*`},
		{Flags{Comm: "sixteen bytes ab"}, `--comm: "sixteen bytes ab" is longer than the 15 bytes that the kernel keeps of a name`},
		{Flags{MntNS: "0"}, `--mntns: "0" is neither a number from 1 to 4294967295 nor a namespace file: .*`},
		{Flags{MntNS: "-1"}, `--mntns: "-1" is neither .*`},
		{Flags{MntNS: "4294967296"}, `--mntns: "4294967296" is neither .*`},
		{Flags{MntNS: none}, `--mntns: ".*" is neither .*: no such file or directory`},
		{Flags{MntNS: file}, `--mntns: ".*" is not the file of a mount namespace: want one like /proc/PID/ns/mnt`},
		{Flags{MntNS: fifo}, `--mntns: ".*" is not the file of a mount namespace: .*`},
		{Flags{MntNS: dir}, `--mntns: ".*" is not the file of a mount namespace: .*`},
		{Flags{MntNS: "/proc/self/ns/net"}, `--mntns: "/proc/self/ns/net" is not the file of a mount namespace: .*`},
		{Flags{Cgroup: none}, `--cgroup: open cgroup: .*: no such file or directory`},
		{Flags{Cgroup: dir}, `--cgroup: open cgroup .*: not a cgroup v2 directory.*`},
		{Flags{Cgroup: file}, `--cgroup: open cgroup: .*: not a directory`},
		{Flags{Container: "no such"}, `--container: (unknown container "no such": .*|find cgroup2 mount: .*)`},
		{Flags{CgroupMap: none}, `--cgroupmap: open pinned map .*/none: .*`},
		{Flags{MntNSMap: none}, `--mntnsmap: open pinned map .*/none: .*`},
		{Flags{MntNSMap: file}, `--mntnsmap: open pinned map .*/file: .*`},
	} {
		f, err := Resolve(test.flags, users(t))
		qt.Check(t, qt.ErrorMatches(err, test.want), qt.Commentf("%+v", test.flags))
		qt.Check(t, qt.IsNil(f), qt.Commentf("%+v", test.flags))
	}
}

// TestResolvePIDs has the errors of --pid, which is refused altogether where
// process ids mean something else to the kernel than to us.
func TestResolvePIDs(t *testing.T) {
	self := uint32(os.Getpid())
	if !preflight.InInitPIDNamespace() {
		_, err := Resolve(Flags{PIDs: []uint32{self}}, users(t))
		qt.Assert(t, qt.ErrorMatches(err, `filter by process: this process is in a pid namespace of its own .*`))
		return
	}
	f, err := Resolve(Flags{PIDs: []uint32{self}, Follow: true}, users(t))
	qt.Assert(t, qt.IsNil(err))
	f.Close()

	_, err = Resolve(Flags{PIDs: []uint32{self, 1<<22 + 1}}, users(t))
	qt.Check(t, qt.ErrorMatches(err, `--pid: no process 4194305`))
	f, err = Resolve(Flags{PIDs: slices.Repeat([]uint32{self}, MaxPIDs)}, users(t))
	qt.Assert(t, qt.IsNil(err))
	f.Close()
	_, err = Resolve(Flags{PIDs: slices.Repeat([]uint32{self}, MaxPIDs+1)}, users(t))
	qt.Check(t, qt.ErrorMatches(err, `--pid: 8193 processes given, at most 8192 can be filtered`))
}

// object is the BPF object that the filters are written into. All commands
// have the same in theirs; byte order is the same on all that we build for.
func object(t *testing.T) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpec("../../tools/execsnoop/bpf_x86_bpfel.o")
	qt.Assert(t, qt.IsNil(err))
	return spec
}

// constants are the filters' part of an object's constants.
type constants struct {
	Self                    uint32
	ByPID, ByUID, ByComm    bool
	UID                     uint32
	Comm                    string
	ByMntNS                 bool
	MntNS                   uint32
	Cgroups                 uint32
	ByCgroupMap, ByMntNSMap bool
	PIDsMax                 uint32 // entries of the map
}

func read(t *testing.T, spec *ebpf.CollectionSpec) constants {
	t.Helper()
	var c constants
	var comm [16]byte
	for name, p := range map[string]any{
		"filter_self": &c.Self, "filter_by_pid": &c.ByPID, "filter_by_uid": &c.ByUID, "filter_uid": &c.UID,
		"filter_by_comm": &c.ByComm, "filter_comm": &comm, "filter_by_mntns": &c.ByMntNS, "filter_mntns": &c.MntNS,
		"filter_cgroup_count": &c.Cgroups, "filter_by_cgroupmap": &c.ByCgroupMap, "filter_by_mntnsmap": &c.ByMntNSMap,
	} {
		v, ok := spec.Variables[name]
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		qt.Assert(t, qt.IsTrue(v.Constant()), qt.Commentf("%s", name))
		qt.Assert(t, qt.IsNil(v.Get(p)), qt.Commentf("%s", name))
	}
	c.Comm = strings.TrimRight(string(comm[:]), "\x00")
	c.PIDsMax = spec.Maps["filter_pids"].MaxEntries
	return c
}

// TestObjectFiltersNothing checks what a constant means that is not set.
func TestObjectFiltersNothing(t *testing.T) {
	qt.Assert(t, qt.Equals(read(t, object(t)), constants{PIDsMax: MaxPIDs}))
}

func TestSet(t *testing.T) {
	var self uint32
	if preflight.InInitPIDNamespace() {
		self = uint32(os.Getpid())
	}
	var ns unix.Stat_t
	qt.Assert(t, qt.IsNil(unix.Stat("/proc/self/ns/mnt", &ns)))

	for _, test := range []struct {
		flags Flags
		want  constants
	}{
		{Flags{}, constants{PIDsMax: 1}},
		{Flags{User: "0"}, constants{PIDsMax: 1, ByUID: true}}, // root is a filter, too
		{Flags{User: "4294967294"}, constants{PIDsMax: 1, ByUID: true, UID: 4294967294}},
		{Flags{Comm: "fifteen bytes a"}, constants{PIDsMax: 1, ByComm: true, Comm: "fifteen bytes a"}},
		{Flags{Comm: "x"}, constants{PIDsMax: 1, ByComm: true, Comm: "x"}},
		{Flags{MntNS: "4294967295"}, constants{PIDsMax: 1, ByMntNS: true, MntNS: 4294967295}},
		{Flags{MntNS: "/proc/self/ns/mnt"}, constants{PIDsMax: 1, ByMntNS: true, MntNS: uint32(ns.Ino)}},
		{Flags{User: "7", Comm: "y", MntNS: "8"}, constants{PIDsMax: 1, ByUID: true, UID: 7, ByComm: true, Comm: "y", ByMntNS: true, MntNS: 8}},
	} {
		f, err := Resolve(test.flags, users(t))
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%+v", test.flags))
		spec := object(t)
		qt.Check(t, qt.IsNil(f.Set(spec)))
		test.want.Self = self
		qt.Check(t, qt.Equals(read(t, spec), test.want), qt.Commentf("%+v", test.flags))
		qt.Check(t, qt.HasLen(f.Hooks(), 0))
		qt.Check(t, qt.HasLen(f.Maps(), 0))
		qt.Check(t, qt.IsNil(f.FillChildren(nil))) // without --follow there is nothing to fill
		f.Close()
	}
}

// TestSetResolved has the filters that cannot be resolved on every machine.
func TestSetResolved(t *testing.T) {
	f := &Filter{flags: Flags{PIDs: []uint32{7}}, cgroups: []*os.File{nil, nil}}
	spec := object(t)
	qt.Assert(t, qt.IsNil(f.Set(spec)))
	got := read(t, spec)
	got.Self = 0
	qt.Check(t, qt.Equals(got, constants{ByPID: true, Cgroups: 2, PIDsMax: MaxPIDs}))

	f = &Filter{flags: Flags{CgroupMap: "/a"}}
	spec = object(t)
	qt.Assert(t, qt.IsNil(f.Set(spec)))
	got = read(t, spec)
	got.Self = 0
	qt.Check(t, qt.Equals(got, constants{ByCgroupMap: true, PIDsMax: 1}))

	f = &Filter{flags: Flags{MntNSMap: "/a"}}
	spec = object(t)
	qt.Assert(t, qt.IsNil(f.Set(spec)))
	got = read(t, spec)
	got.Self = 0
	qt.Check(t, qt.Equals(got, constants{ByMntNSMap: true, PIDsMax: 1}))
}

// TestResolved has what programs get that have no constants.
func TestResolved(t *testing.T) {
	f, err := Resolve(Flags{User: "0", Comm: "a b", MntNS: "7"}, users(t))
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	r := f.Resolved()
	qt.Check(t, qt.IsTrue(r.ByUID && r.UID == 0 && r.Comm == "a b" && r.MntNS == 7))
	qt.Check(t, qt.IsFalse(r.CgroupSet || r.MntNSSet || len(r.Cgroups) > 0 || len(r.PIDs) > 0))
	if preflight.InInitPIDNamespace() {
		qt.Check(t, qt.Equals(r.Self, uint32(os.Getpid())))
	} else {
		qt.Check(t, qt.Equals(r.Self, 0)) // our number is another process's to the kernel
	}
	r = (&Filter{flags: Flags{PIDs: []uint32{5}, CgroupMap: "/a"}, uid: 9, cgroups: []*os.File{nil}}).Resolved()
	qt.Check(t, qt.DeepEquals(r.PIDs, []uint32{5}))
	qt.Check(t, qt.IsTrue(r.CgroupSet && !r.MntNSSet && !r.ByUID && len(r.Cgroups) == 1))
	qt.Check(t, qt.IsTrue((&Filter{flags: Flags{MntNSMap: "/a"}}).Resolved().MntNSSet))
}

func TestSetNeedsConstants(t *testing.T) {
	f := &Filter{flags: Flags{User: "0"}}
	spec := object(t)
	delete(spec.Variables, "filter_by_uid")
	qt.Assert(t, qt.ErrorMatches(f.Set(spec), `set constant filter_by_uid: not in the BPF object`))
}

// TestCgroupFilter has both cgroup filters on a machine with cgroup v2.
func TestCgroupFilter(t *testing.T) {
	root, err := process.CgroupRoot()
	if err != nil {
		t.Skip("no cgroup v2 hierarchy is mounted here")
	}
	f, err := Resolve(Flags{Cgroup: root}, users(t))
	qt.Assert(t, qt.IsNil(err))
	spec := object(t)
	qt.Check(t, qt.IsNil(f.Set(spec)))
	qt.Check(t, qt.Equals(read(t, spec).Cgroups, 1))
	f.Close()
	qt.Check(t, qt.Equals(f.cgroups[0].Fd(), ^uintptr(0)), qt.Commentf("Close left the directory open"))

	// What was opened before the error is closed with it.
	before := descriptors(t)
	for range 10 {
		_, err := Resolve(Flags{Cgroup: root, Container: "no such"}, users(t))
		qt.Check(t, qt.IsNotNil(err))
	}
	qt.Check(t, qt.Equals(descriptors(t), before))
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	qt.Assert(t, qt.IsNil(err))
	return len(fds)
}

// TestFollowHooks checks that --follow stands on programs that the object has.
func TestFollowHooks(t *testing.T) {
	hooks := (&Filter{flags: Flags{Follow: true}}).Hooks()
	qt.Assert(t, qt.HasLen(hooks, 1))
	qt.Check(t, qt.IsFalse(hooks[0].Optional))
	programs := object(t).Programs
	n := 0
	for _, r := range hooks[0].Rungs {
		for _, a := range r.Attach {
			qt.Check(t, qt.IsNotNil(programs[a.Program]), qt.Commentf("%s", a.Program))
			n++
		}
	}
	qt.Check(t, qt.Equals(n, 2)) // a child joins, and leaves
}

// TestMaxPIDs checks the limit that users are told against the map's size.
func TestMaxPIDs(t *testing.T) {
	b, err := os.ReadFile("../bpf/filter.h")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.StringContains(string(b), fmt.Sprintf("#define FILTER_PIDS_MAX %d ", MaxPIDs)))
}

// TestChild: the command that we run is filtered by process, from its exec on,
// and takes its children with it.
func TestChild(t *testing.T) {
	programs := func(f *Filter) (names []string) {
		for _, h := range f.Hooks() {
			qt.Check(t, qt.IsFalse(h.Optional))
			qt.Assert(t, qt.HasLen(h.Rungs, 1))
			for _, a := range h.Rungs[0].Attach {
				qt.Check(t, qt.IsNotNil(object(t).Programs[a.Program]), qt.Commentf("%s", a.Program))
				names = append(names, a.Program)
			}
		}
		return names
	}
	f := &Filter{flags: Flags{Child: true}}
	qt.Check(t, qt.DeepEquals(programs(f), []string{"filter_follow_fork", "filter_follow_exit", "filter_follow_exec"}))
	// Without it, an exec of ours joins nothing.
	qt.Check(t, qt.DeepEquals(programs(&Filter{flags: Flags{PIDs: []uint32{7}, Follow: true}}), []string{"filter_follow_fork", "filter_follow_exit"}))
	qt.Check(t, qt.HasLen(programs(&Filter{flags: Flags{PIDs: []uint32{7}}}), 0))

	spec := object(t)
	qt.Assert(t, qt.IsNil(f.Set(spec)))
	got := read(t, spec)
	if preflight.InInitPIDNamespace() {
		qt.Check(t, qt.Equals(got.Self, uint32(os.Getpid()))) // whose children join
	}
	got.Self = 0
	qt.Check(t, qt.Equals(got, constants{ByPID: true, PIDsMax: MaxPIDs}))
	qt.Check(t, qt.IsNil(f.FillChildren(nil))) // it has none yet

	f, err := Resolve(Flags{Child: true}, users(t))
	if !preflight.InInitPIDNamespace() {
		qt.Check(t, qt.ErrorMatches(err, `filter by process: this process is in a pid namespace of its own .*`))
		return
	}
	qt.Assert(t, qt.IsNil(err))
	f.Close()
}
