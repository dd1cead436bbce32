package trace

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// TestMistakesComeFirst: a wrong value is told as such to anyone, before it is
// asked whether he may trace at all.
func TestMistakesComeFirst(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk")
	qt.Assert(t, qt.IsNil(os.WriteFile(junk, []byte("no BTF"), 0o600)))
	for _, test := range []struct {
		common command.Common
		want   string
	}{
		{command.Common{Filter: filter.Flags{User: "no such user"}}, "--uid: unknown user .*"},
		{command.Common{Filter: filter.Flags{Follow: true}}, "--follow: .*"},
		{command.Common{BTF: junk}, "--btf: read type information .*"},
		{command.Common{BTF: junk, Check: true, Format: "json"}, "--btf: read type information .*"},
	} {
		b := newBench(t, test.common)
		err := b.tool.Run(t.Context(), b.env) // which has no object to read
		qt.Check(t, qt.ErrorMatches(err, test.want))
		qt.Check(t, qt.Equals(command.ExitCode(err), command.ExitUsage))
		qt.Check(t, qt.Equals(stdout(b) != "", test.common.Check))
	}
}

// TestPrivilegesComeNext: without them nothing is loaded.
func TestPrivilegesComeNext(t *testing.T) {
	b := newBench(t, command.Common{Format: "table"})
	b.tool.Needs = []preflight.Need{{Cap: 62, Why: "do what nobody can"}}
	var err error
	b.tool.Object, err = os.ReadFile("../../tools/execsnoop/bpf_x86_bpfel.o")
	qt.Assert(t, qt.IsNil(err))
	err = b.tool.Run(t.Context(), b.env)
	if preflight.Status(b.tool.Needs)[0].Have { // CAP_SYS_ADMIN stands for one that the kernel does not know
		qt.Check(t, qt.Not(qt.Equals(command.ExitCode(err), command.ExitPrivileges)))
		return
	}
	var e *preflight.MissingCapability
	qt.Assert(t, qt.ErrorAs(err, &e))
	qt.Check(t, qt.Equals(command.ExitCode(err), command.ExitPrivileges))
}

func TestNeeds(t *testing.T) {
	b := newBench(t, command.Common{})
	var err error
	b.session.kernel, err = preflight.Inspect("")
	qt.Assert(t, qt.IsNil(err))
	b.tool.Needs = make([]preflight.Need, 2, 4)
	copy(b.tool.Needs, BaseNeeds())
	needs := b.needs()
	qt.Check(t, qt.DeepEquals(needs[:2], BaseNeeds()))
	qt.Check(t, qt.Equals(b.tool.Needs[:3][2], preflight.Need{}), qt.Commentf("the tool's own list was changed"))
}

func TestSet(t *testing.T) {
	b := newBench(t, command.Common{})
	var err error
	b.session.filter, err = filter.Resolve(filter.Flags{}, nil)
	qt.Assert(t, qt.IsNil(err))
	spec, err := ebpf.LoadCollectionSpec("../../tools/execsnoop/bpf_x86_bpfel.o")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(b.set(spec)))
	b.tool.Set = func(*ebpf.CollectionSpec) error { return errors.New("the tool's own") }
	qt.Check(t, qt.ErrorMatches(b.set(spec), "the tool's own"))
	qt.Check(t, qt.ErrorMatches(b.set(&ebpf.CollectionSpec{}), "set constant .*: not in the BPF object"))
}

// TestWriters checks which format is which.
func TestWriters(t *testing.T) {
	for format, want := range map[string]string{
		"table": "TEXT\nhello\n",
		"csv":   "time,tool,type,pid,tid,ppid,uid,comm,cgroup_id,container_id\n1970-01-01T00:00:00.000000000Z,notes,event,0,0,0,0,\"\",0,\n",
	} {
		b := newBench(t, command.Common{Format: format})
		w, err := b.session.writer()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(w.Header()))
		qt.Assert(t, qt.IsNil(w.Event(&note{text: "hello"})))
		qt.Assert(t, qt.IsNil(w.Flush()))
		qt.Check(t, qt.Equals(stdout(b), want))
	}
}
