package main

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
)

func set(caps ...preflight.Capability) (s preflight.Set) {
	for _, c := range caps {
		s = s.With(c)
	}
	return s
}

// known are subjects that sent their names.
func known(t testing.TB, names ...*names) *subjects {
	t.Helper()
	h := tooltest.Host(t)
	s := newSubjects()
	for _, n := range names {
		qt.Assert(t, qt.IsNil(s.add(h, n.bytes())))
	}
	return s
}

// used is a line of the map about the subject with this inode.
func used(inode uint64, level uint32, c int32, how uint32, checks uint64) use {
	return use{bpfUseKey{Who: bpfSubject{CgroupId: 7171, Inode: inode, UsernsLevel: level}, Cap: c, How: how}, checks}
}

// inUserns says that the subject has credentials of a user namespace.
func inUserns(n *names) *names {
	n.Who.UsernsLevel = 1
	return n
}

// TestGroup adds uses up in every way, and keeps user namespaces apart.
func TestGroup(t *testing.T) {
	s := known(t,
		subjectOf(2, "/usr/bin/curl", "/system.slice/a.service", ""),
		subjectOf(3, "/usr/bin/curl", "/system.slice/b.service", ""), // the same path elsewhere
		subjectOf(5, "/bin/sh", "/docker/"+containerName, containerName),
		inUserns(subjectOf(5, "/bin/sh", "/docker/"+containerName, containerName)),
		subjectOf(7, "/usr/bin/cat", "/user.slice", ""))
	uses := []use{
		used(5, 1, 21, howUsed, 13), used(5, 0, 12, howRefused, 11), used(2, 0, 10, howUsed, 2), used(2, 0, 7, howNeedless, 3),
		used(3, 0, 13, howUsed, 5), used(3, 0, 34, howUnaudited, 7), used(7, 0, 2, howUsed, 17), used(99, 0, 1, howUsed, 19), used(2, 0, 1, 4, 23),
	}
	curl := row{by: byExecutable, name: "/usr/bin/curl", used: set(10, 13), needless: set(7), unaudited: set(34), checks: 40}
	want := []row{
		{by: byExecutable, name: "/bin/sh", refused: set(12), checks: 11},
		{by: byExecutable, name: "/bin/sh", userns: true, used: set(21), checks: 13},
		{by: byExecutable, name: "/usr/bin/cat", used: set(2), checks: 17},
		curl,
		{by: byExecutable, name: "?", used: set(1), checks: 19}, // its names are not known
		{by: byUnit, name: "a.service", used: set(10), needless: set(7), checks: 28},
		{by: byUnit, name: "b.service", used: set(13), unaudited: set(34), checks: 12},
		{by: byContainer, name: containerID, refused: set(12), checks: 11},
		{by: byContainer, name: containerID, userns: true, used: set(21), checks: 13},
	}
	for range 7 { // the order of the map is not that of the rows
		rows, checks := s.group(uses, "")
		qt.Check(t, qt.Equals(checks, 100))
		qt.Assert(t, qt.HasLen(rows, len(want)))
		for i := range want {
			qt.Check(t, qt.Equals(rows[i], want[i]))
		}
		uses = append(uses[1:], uses[0])
	}

	// With a command, its two rows come first and the rest stays.
	rows, checks := s.group(uses, "sh -c 'a b'")
	qt.Check(t, qt.Equals(checks, 100))
	qt.Assert(t, qt.HasLen(rows, len(want)+2))
	qt.Check(t, qt.Equals(rows[0], row{by: byCommand, name: "sh -c 'a b'", used: set(1, 2, 10, 13), needless: set(7), unaudited: set(34), refused: set(12), checks: 87}))
	qt.Check(t, qt.Equals(rows[1], row{by: byCommand, name: "sh -c 'a b'", userns: true, used: set(21), checks: 13}))
	qt.Check(t, qt.Equals(rows[2], want[0]))

	rows, checks = s.group(nil, "true")
	qt.Assert(t, qt.HasLen(rows, 1)) // that it asked for nothing is an answer
	qt.Check(t, qt.Equals(rows[0], row{by: byCommand, name: "true"}))
	qt.Check(t, qt.Equals(checks, 0))
}

// TestLeast has what the least set leaves out, and what it does not.
func TestLeast(t *testing.T) {
	const admin, bpf, perfmon, restore, override, search, raw = 21, 39, 38, 40, 1, 2, 13
	for _, test := range []struct {
		row  row
		want preflight.Set
	}{
		{row{}, 0},
		{row{used: set(raw)}, set(raw)},
		{row{unaudited: set(raw)}, set(raw)},
		{row{needless: set(raw)}, 0},
		{row{refused: set(raw)}, 0},
		{row{used: set(raw), needless: set(raw), refused: set(raw)}, set(raw)}, // by another call
		{row{used: set(override, search)}, set(override)},
		{row{used: set(search)}, set(search)},
		{row{used: set(override)}, set(override)},
		{row{used: set(override), unaudited: set(search)}, set(override)},
		{row{used: set(search), unaudited: set(override)}, set(override)},
		{row{used: set(search), needless: set(override)}, set(search)},
		{row{used: set(search), refused: set(override)}, set(search)},
		{row{used: set(admin, bpf, perfmon, restore, raw)}, set(admin, raw)},
		{row{used: set(bpf, perfmon, restore)}, set(bpf, perfmon, restore)},
		{row{used: set(bpf, override), refused: set(admin)}, set(bpf, override)},
		{row{used: set(admin, search, 34, 12)}, set(admin, search, 34, 12)}, // SYS_ADMIN is not all
	} {
		qt.Check(t, qt.DeepEquals(test.row.least().Names(), test.want.Names()), qt.Commentf("%+v", test.row))
	}
	// 63 capabilities at once: but for the implied, each stands for itself.
	all := row{used: ^preflight.Set(0)}
	qt.Check(t, qt.Equals(all.least(), ^set(search, bpf, perfmon, restore)))
}

func TestUnitOf(t *testing.T) {
	for path, want := range map[string]string{
		"":                               "",
		"/":                              "",
		"/system.slice":                  "",
		"/system.slice/a.service":        "a.service",
		"/system.slice/a.service/worker": "a.service", // of its own making
		"/user.slice/user-1000.slice/user@1000.service/app.slice/b.service": "b.service",
		"/user.slice/user-1000.slice/session-1.scope":                       "session-1.scope",
		"/system.slice/a.service.d":                                         "",
		"/system.slice/system-x.slice/x@1.service":                          "x@1.service",
		"/init.scope": "init.scope",
	} {
		dirs := strings.Split(strings.TrimPrefix(path, "/"), "/")
		for i, j := 0, len(dirs)-1; i < j; i, j = i+1, j-1 {
			dirs[i], dirs[j] = dirs[j], dirs[i]
		}
		qt.Check(t, qt.Equals(unitOf(dirs), want), qt.Commentf("%s", path))
	}
	qt.Check(t, qt.Equals(unitOf(nil), ""))
}

// TestSubjects has the names of subjects as the kernel sends them.
func TestSubjects(t *testing.T) {
	for _, test := range []struct {
		names *names
		want  subject
	}{
		{subjectOf(7, "/usr/bin/a", "/system.slice/b.service", ""), subject{exe: "/usr/bin/a", unit: "b.service"}},
		{subjectOf(7, "/usr/bin/a", "/system.slice", ""), subject{exe: "/usr/bin/a"}},
		// A unit around a container, or one inside of it, is not what the container is.
		{subjectOf(7, "/a", "/system.slice/"+containerName+"/init.scope", containerName), subject{exe: "/a", container: containerID}},
		{&names{exe: []string{"b", "a"}, bpfSubjectRecord: bpfSubjectRecord{Flags: flagExeCut, Who: bpfSubject{CgroupId: 7171, Inode: 7}}}, subject{exe: ".../a/b"}},
		{&names{exe: []string{"memfd:x"}, bpfSubjectRecord: bpfSubjectRecord{Flags: flagExeDetached, Who: bpfSubject{CgroupId: 7171, Inode: 7}}}, subject{exe: "memfd:x"}},
	} {
		qt.Check(t, qt.Equals(known(t, test.names).known[bpfSubject{CgroupId: 7171, Inode: 7}], test.want))
	}
}

// TestSubjectsBound: whatever the programs send, not more is remembered than
// their map holds.
func TestSubjectsBound(t *testing.T) {
	h := tooltest.Host(t)
	s := newSubjects()
	for i := range uint64(maxSubjects + 7) {
		qt.Assert(t, qt.IsNil(s.add(h, subjectOf(i, "/x", "/y", "").bytes())))
	}
	qt.Check(t, qt.Equals(len(s.known), maxSubjects))
}

var _ trace.Totals = (*profile)(nil)
