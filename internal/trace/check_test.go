package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
)

func stdout(b *bench) string { return b.env.Stdout.(*bytes.Buffer).String() }

var (
	ladder = loader.Hook{Name: "execs", Rungs: []loader.Rung{
		{Name: "fexit"},
		{Name: "raw_tp", Blind: []string{"the \x1b[31mred ones"}, Costs: "much"},
	}}
	optional = loader.Hook{Name: "durations", Optional: true, Without: "how long it took", Rungs: []loader.Rung{{Name: "fexit"}}}
	choices  = []loader.Choice{
		{Hook: &ladder, Rung: &ladder.Rungs[1], Refused: []string{"fexit: operation not supported"}},
		{Hook: &optional, Refused: []string{"fexit: no function x"}},
		{Hook: &ladder, Rung: &ladder.Rungs[0]},
	}
)

func TestCheckJSON(t *testing.T) {
	b := newBench(t, command.Common{Format: "json", Buffer: 65536})
	b.choices = choices
	qt.Assert(t, qt.IsNil(b.check(nil)))
	qt.Check(t, qt.Equals(b.stderr.String(), ""))
	kernel, err := json.Marshal(preflight.Release())
	qt.Assert(t, qt.IsNil(err))
	// All keys, in their order: scripts read this.
	qt.Check(t, qt.Equals(stdout(b), `{"tool":"notes","kernel":`+string(kernel)+`,"ok":true,"exit_code":0,"error":null,"remedy":null,"transport":"ring buffer","hooks":[`+
		`{"name":"execs","rung":"raw_tp","refused":["fexit: operation not supported"],"cannot_see":["the \u001b[31mred ones"],"costs":"much"},`+
		`{"name":"durations","rung":null,"refused":["fexit: no function x"],"cannot_see":["how long it took"],"costs":null},`+
		`{"name":"execs","rung":"fexit","refused":[],"cannot_see":[],"costs":null}`+
		`],"capabilities":[]}`+"\n"))
}

// TestCheckJSONErrors: what a real run would fail with is in the report, and
// comes back as it is, so that the exit code is the same.
func TestCheckJSONErrors(t *testing.T) {
	for _, test := range []struct {
		err    error
		code   int
		remedy any
	}{
		{&preflight.MissingFeature{Feature: "ring \xff buffers\n", Fix: "use 5.8"}, command.ExitKernel, "use 5.8"},
		{&preflight.LockedDown{Mode: "confidentiality", Err: errors.New("x")}, command.ExitKernel, "boot with lockdown=integrity, or with secure boot off"},
		{command.Usagef("--pid: no process 7"), command.ExitUsage, nil},
		{errors.New("something else"), command.ExitFailure, nil},
	} {
		b := newBench(t, command.Common{Format: "json"})
		b.loaded = nil
		qt.Check(t, qt.Equals(b.check(test.err), test.err))
		var got map[string]any
		qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout(b)), &got)))
		qt.Check(t, qt.Equals(got["ok"], any(false)))
		qt.Check(t, qt.Equals(got["exit_code"], any(float64(test.code))))
		qt.Check(t, qt.Equals(got["error"], any(string(output.AppendEscaped(nil, []byte(test.err.Error()))))))
		qt.Check(t, qt.Equals(got["remedy"], test.remedy))
		qt.Check(t, qt.Equals(got["transport"], nil))
		qt.Check(t, qt.DeepEquals(got["hooks"], any([]any{})))
		qt.Check(t, qt.DeepEquals(got["capabilities"], any([]any{})))
		qt.Check(t, qt.HasLen(got, 9))
	}
}

func TestCheckCapabilities(t *testing.T) {
	b := newBench(t, command.Common{Format: "json"})
	var err error
	b.session.kernel, err = preflight.Inspect("")
	qt.Assert(t, qt.IsNil(err))
	b.tool.Needs = []preflight.Need{{Cap: preflight.SysPtrace, Why: "look"}, {Cap: preflight.NetAdmin, Why: "see"}}
	raw, err := json.Marshal(b.report(nil).Capabilities)
	qt.Assert(t, qt.IsNil(err))
	var want []map[string]any
	for _, s := range preflight.Status(b.needs()) {
		want = append(want, map[string]any{"name": s.Cap.String(), "why": s.Why, "have": s.Have})
	}
	qt.Assert(t, qt.JSONEquals(raw, want))
	qt.Assert(t, qt.Matches(string(raw), `\[{"name":"CAP_SYS_PTRACE","why":"look","have":(true|false)},{"name":"CAP_NET_ADMIN",.*`))
}

func TestCheckText(t *testing.T) {
	b := newBench(t, command.Common{Buffer: 65536})
	b.choices = choices
	qt.Assert(t, qt.IsNil(b.check(nil)))
	first, rest, _ := strings.Cut(stdout(b), "\n")
	qt.Check(t, qt.Equals(first, "notes can run on kernel "+preflight.Release()))
	qt.Check(t, qt.Equals(rest, `  execs: raw_tp
    refused fexit: operation not supported
    cannot see: the \x1b[31mred ones
    costs: much
  durations: none
    refused fexit: no function x
    cannot see: how long it took
  execs: fexit
  transport: ring buffer of 65536 bytes
`))

	b = newBench(t, command.Common{})
	b.loaded = nil
	failure := errors.New("no")
	qt.Check(t, qt.Equals(b.check(failure), failure)) // whoever gets it tells it on stderr
	qt.Check(t, qt.Equals(stdout(b), "notes cannot run on kernel "+preflight.Release()+"\n"))
}

func TestBanner(t *testing.T) {
	for _, test := range []struct {
		quiet, verbose bool
		want           string
	}{
		{false, false, "notes: tracing, Ctrl-C to end\n"},
		{true, false, ""},
		{false, true, "notes: execs: fexit\nnotes: transport: ring buffer of 7 bytes\nnotes: tracing, Ctrl-C to end\n"},
		{true, true, "notes: execs: fexit\nnotes: transport: ring buffer of 7 bytes\n"},
	} {
		b := newBench(t, command.Common{Quiet: test.quiet, Verbose: test.verbose, Buffer: 7})
		b.choices = choices[2:]
		b.banner()
		qt.Check(t, qt.Equals(b.stderr.String(), test.want))
		qt.Check(t, qt.Equals(stdout(b), ""))
	}
}

func TestPrivileges(t *testing.T) {
	got := Privileges("notes", []Mode{
		{Name: "default", Needs: BaseNeeds(), Hooks: []loader.Hook{ladder}},
		{Name: "-x", Needs: append(BaseNeeds(), preflight.Need{Cap: preflight.SysPtrace, Why: "look"}), Hooks: []loader.Hook{ladder, optional}},
	})
	qt.Assert(t, qt.Equals(string(got), strings.Join([]string{
		"| notes | `default` | execs: fexit, else raw_tp | `CAP_BPF`, `CAP_PERFMON` | `CAP_BPF`, `CAP_PERFMON`, `CAP_SYS_RESOURCE` | `CAP_SYS_ADMIN`, `CAP_SYS_RESOURCE` |",
		"| notes | `-x` | execs: fexit, else raw_tp; durations: fexit, else none | `CAP_BPF`, `CAP_PERFMON`, `CAP_SYS_PTRACE` | `CAP_BPF`, `CAP_PERFMON`, `CAP_SYS_PTRACE`, `CAP_SYS_RESOURCE` | `CAP_SYS_ADMIN`, `CAP_SYS_PTRACE`, `CAP_SYS_RESOURCE` |",
		"",
	}, "\n")))
}
