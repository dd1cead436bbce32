package loader

import (
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
)

func TestChoose(t *testing.T) {
	fexit := Rung{Name: "fexit", Attach: []Attachment{
		{Program: "enter", To: "__x64_sys_execve"},
		{Program: "exit", To: "__x64_sys_execve"},
		{Program: "exit", To: "compat_execve", Optional: true},
	}}
	raw := Rung{Name: "raw_tp", Attach: []Attachment{{Program: "tp_a"}, {Program: "tp_b"}}}
	ladder := []Rung{fexit, raw}
	all := &fakeKernel{functions: []string{"execve", "__x64_sys_execve", "compat_execve"}, tracepoints: []string{"sys_enter", "sys_exit"}}

	for _, test := range []struct {
		what    string
		rungs   []Rung
		kernel  *fakeKernel
		want    string // rung; "" for none
		refused []string
		tried   []string
	}{
		{"the first that can", ladder, all, "fexit", nil, []string{"__x64_sys_execve"}},
		{"in the order of the ladder", []Rung{raw, fexit}, all, "raw_tp", nil, nil},
		{"the kernel refuses", ladder, &fakeKernel{functions: all.functions, tracepoints: all.tracepoints, refuses: errRefused},
			"raw_tp", []string{"fexit: operation not supported"}, []string{"__x64_sys_execve"}},
		{"no function", ladder, &fakeKernel{tracepoints: all.tracepoints}, "raw_tp", []string{"fexit: no function __x64_sys_execve"}, nil},
		{"types that do not do", ladder, &fakeKernel{functions: all.functions, tracepoints: all.tracepoints, vague: []string{"__x64_sys_execve"}},
			"raw_tp", []string{"fexit: function __x64_sys_execve is vague"}, nil},
		{"of a function that is there and optional", ladder, &fakeKernel{functions: all.functions, tracepoints: all.tracepoints, vague: []string{"compat_execve"}},
			"raw_tp", []string{"fexit: function compat_execve is vague"}, []string{"__x64_sys_execve"}},
		{"no optional function", ladder, &fakeKernel{functions: []string{"__x64_sys_execve"}}, "fexit", nil, []string{"__x64_sys_execve"}},
		{"one tracepoint is missing", []Rung{raw}, &fakeKernel{tracepoints: []string{"sys_enter"}}, "", []string{"raw_tp: no tracepoint sys_exit"}, nil},
		{"nothing", ladder, &fakeKernel{}, "", []string{"fexit: no function __x64_sys_execve", "raw_tp: no tracepoint sys_enter"}, nil},
		{"the function of the section name", []Rung{{Name: "fentry", Attach: []Attachment{{Program: "exit_at"}}}},
			&fakeKernel{functions: []string{"execveat"}}, "fentry", nil, []string{"execveat"}},
		{"not that of the section name", []Rung{{Name: "fentry", Attach: []Attachment{{Program: "enter", To: "other"}}}},
			all, "", []string{"fentry: no function other"}, nil},
		{"only optional ones, and none exists", []Rung{{Name: "fexit", Attach: []Attachment{{Program: "exit", To: "none", Optional: true}}}},
			all, "", []string{"fexit: none of its functions exist"}, nil},
		{"the first that exists speaks for the others", []Rung{{Name: "fexit", Attach: []Attachment{
			{Program: "exit", To: "none", Optional: true}, {Program: "exit", To: "execve", Optional: true}, {Program: "exit", To: "compat_execve", Optional: true}}}},
			all, "fexit", nil, []string{"execve"}},
		{"no such program", []Rung{{Name: "x", Attach: []Attachment{{Program: "none"}}}}, all, "", []string{"x: no program none in the BPF object"}, nil},
		{"no such optional program", []Rung{{Name: "x", Attach: []Attachment{{Program: "none", Optional: true}}}}, all, "", []string{"x: no program none in the BPF object"}, nil},
		{"a type that is not ours", []Rung{{Name: "x", Attach: []Attachment{{Program: "probe"}}}}, all, "", []string{"x: program probe is of a type that the loader does not attach"}, nil},
		{"an empty rung", []Rung{{Name: "x"}}, all, "", []string{"x: none of its functions exist"}, nil},
	} {
		comment := qt.Commentf("%s", test.what)
		for _, optional := range []bool{true, false} {
			test.kernel.tried = nil
			hooks := []Hook{{Name: "execs", Rungs: test.rungs, Optional: optional, Without: "nothing is seen"}}
			got, err := Choose(test.kernel, hooks, kinds)
			qt.Check(t, qt.DeepEquals(test.kernel.tried, test.tried), comment)
			if test.want == "" && !optional {
				var missing *preflight.MissingFeature
				if qt.Check(t, qt.ErrorAs(err, &missing), comment) {
					qt.Check(t, qt.Equals(missing.Feature, "any hook for execs ("+join(test.refused)+")"), comment)
					qt.Check(t, qt.Not(qt.Equals(missing.Remedy(), "")), comment)
				}
				continue
			}
			if !qt.Check(t, qt.IsNil(err), comment) || !qt.Check(t, qt.HasLen(got, 1), comment) {
				continue
			}
			qt.Check(t, qt.DeepEquals(got[0].Refused, test.refused), comment)
			qt.Check(t, qt.Equals(got[0].Hook, &hooks[0]), comment)
			name := ""
			if got[0].Rung != nil {
				name = got[0].Rung.Name
			}
			qt.Check(t, qt.Equals(name, test.want), comment)
		}
	}
}

// TestChooseAll checks that every hook gets its own answer, in order, and that
// one mandatory hook without a rung is enough to fail.
func TestChooseAll(t *testing.T) {
	k := &fakeKernel{functions: []string{"execve"}, tracepoints: []string{"sys_enter"}}
	rung := func(name, program string) []Rung {
		return []Rung{{Name: name, Attach: []Attachment{{Program: program}}}}
	}
	hooks := []Hook{
		{Name: "one", Rungs: rung("a", "enter")},
		{Name: "two", Rungs: rung("b", "exit_at"), Optional: true},
		{Name: "three", Rungs: rung("c", "tp_a")},
	}
	got, err := Choose(k, hooks, kinds)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(got, 3))
	for i, want := range []*Rung{&hooks[0].Rungs[0], nil, &hooks[2].Rungs[0]} {
		qt.Check(t, qt.Equals(got[i].Rung, want))
		qt.Check(t, qt.Equals(got[i].Hook, &hooks[i]))
	}

	hooks = append(hooks, Hook{Name: "four", Rungs: rung("d", "tp_b")})
	_, err = Choose(k, hooks, kinds)
	qt.Assert(t, qt.ErrorMatches(err, `this kernel lacks any hook for four \(d: no tracepoint sys_exit\)`))
}

// TestChooseLacks: what a better rung would take is told where the kernel did not
// permit it, and only there.
func TestChooseLacks(t *testing.T) {
	needs := []preflight.Need{{Cap: preflight.NetAdmin, Why: "see packets"}}
	hooks := []Hook{{Name: "packets", Rungs: []Rung{
		{Name: "skb", Attach: []Attachment{{Program: "skb"}}, Needs: needs},
		{Name: "raw_tp", Attach: []Attachment{{Program: "tp_a"}}},
	}}}
	for refusal, want := range map[error][]preflight.Need{
		fmt.Errorf("attach: %w", unix.EPERM): needs,
		errRefused:                           nil,
	} {
		got, err := Choose(&fakeKernel{tracepoints: []string{"sys_enter"}, refuses: refusal}, hooks, kinds)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got[0].Rung, &hooks[0].Rungs[1]))
		qt.Check(t, qt.DeepEquals(got[0].Lacks, want), qt.Commentf("%v", refusal))
	}
}
