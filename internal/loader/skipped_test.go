package loader

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSkipped(t *testing.T) {
	plan := []step{
		{program: "a", role: roleBacked}, {program: "a1", role: roleBackup}, {program: "a2", role: roleBackup},
		{program: "b", role: roleAlone},
		{program: "c", role: roleBacked}, {program: "c1", role: roleBackup},
		{program: "d", role: roleBacked, sieved: true}, {program: "d1", role: roleBackup},
	}
	for _, test := range []struct {
		what         string
		misses       map[string]uint64
		rescued      uint64
		lost, others uint64
	}{
		{"nothing", nil, 0, 0, 0},
		{"all rescued", map[string]uint64{"a": 7}, 7, 0, 0},
		{"one was not, nor could it be: all three were skipped", map[string]uint64{"a": 7, "a1": 3, "a2": 1}, 6, 1, 0},
		{"skipped for events that a filter drops", map[string]uint64{"a": 7, "a1": 2}, 3, 0, 0},
		{"of two groups", map[string]uint64{"a": 7, "a1": 5, "a2": 2, "c": 4, "c1": 1}, 8, 3, 0},
		{"more rescued than skipped: the marks of the first were lost", map[string]uint64{"a": 1, "a1": 1, "a2": 1}, 5, 0, 0},
		{"skipped for what may be no event", map[string]uint64{"d": 9, "d1": 4}, 0, 0, 4},
		{"never skipped both", map[string]uint64{"d": 9, "b": 3}, 0, 0, 3},
		{"without a backup", map[string]uint64{"b": 2}, 0, 0, 2},
	} {
		lost, others := skipped(plan, test.rescued, func(p string) uint64 { return test.misses[p] })
		qt.Check(t, qt.Equals(lost, test.lost), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(others, test.others), qt.Commentf("%s", test.what))
	}
}

func TestAttachOrder(t *testing.T) {
	var got string
	for _, s := range attachOrder([]step{
		{program: "a", kind: Tracing}, {program: "b", kind: Tracing},
		{program: "c", kind: Tracing, role: roleBacked}, {program: "c1", kind: Tracing, role: roleBackup}, {program: "c2", kind: Tracing, role: roleBackup},
		{program: "d", kind: Tracing, role: roleBacked}, {program: "d1", kind: Tracing, role: roleBackup},
		{program: "e", kind: RawTracepoint, role: roleBacked}, {program: "e1", kind: RawTracepoint, role: roleBackup},
	}) {
		got += s.program + " "
	}
	qt.Check(t, qt.Equals(got, "a b c2 c1 c d1 d e e1 "))
}
