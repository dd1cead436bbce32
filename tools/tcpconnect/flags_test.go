package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// execute runs the command, which must not come to tracing.
func execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	c.Run = func(context.Context, *command.Env) error {
		err := cfg.check()
		if err == nil {
			t.Errorf("%q: ran", args)
		}
		return err
	}
	var out, err bytes.Buffer
	code = c.Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

func TestFlags(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, test := range []struct {
		args string
		want config
	}{
		{"", config{}},
		{"-t", config{timestamp: true}},
		{"-U", config{printUID: true}},
		{"-L", config{lport: true}},
		{"-s", config{sport: true}},
		{"-c", config{count: true}}, // bcc's letter, not --cgroup's
		{"-d", config{dns: true}},
		{"-4", config{v4: true}},
		{"-6", config{v6: true}},
		{"--result", config{result: true}},
		{"-P 80", config{port: []uint16{80}}},
		{"-P 80,443 --port 1", config{port: []uint16{80, 443, 1}}},
		{"--not-port 53,65535", config{notPort: []uint16{53, 65535}}},
		{"--net 10.1.2.3/8 --net ::1", config{net: []netip.Prefix{prefix("10.0.0.0/8"), prefix("::1/128")}}},
		{"--net ::ffff:10.0.0.0/104,::ffff:1.2.3.4", config{net: []netip.Prefix{prefix("10.0.0.0/8"), prefix("1.2.3.4/32")}}},
		{"--only refused,timeout", config{only: []uint8{resultRefused, resultTimeout}}},
		{"--failed", config{failed: true, only: []uint8{2, 3, 4, 5, 6, 7}}},
		{"-tULsc4", config{timestamp: true, printUID: true, lport: true, sport: true, count: true, v4: true}},
	} {
		cfg, _ := configure(t, strings.Fields(test.args)...)
		qt.Check(t, qt.Equals(fmt.Sprintf("%+v", *cfg), fmt.Sprintf("%+v", test.want)), qt.Commentf("%s", test.args))
	}
	_, env := configure(t, "--cgroup", "/x", "-p", "7", "-u", "root")
	qt.Check(t, qt.Equals(env.Filter.Cgroup, "/x"))

	for _, args := range []string{"-4 -6", "-P 0", "-P 65536", "-P a", "-P 80,", "--not-port -1", "--net 10.0.0.0/33", "--net x", "--net fe80::1%lo",
		"--only established,won", "--only established --failed", "-x", "-c stray", "-d -c", "--dns -c -s"} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s: %s", args, stderr))
	}
}

// TestExamples checks that what --help proposes is understood.
func TestExamples(t *testing.T) {
	for _, e := range newCommand().Examples {
		line, _, _ := strings.Cut(e.Line, " | jq")
		words := strings.Fields(line)
		qt.Check(t, qt.Equals(words[0], "tcpconnect"))
		configure(t, words[1:]...)
	}
}

func TestConstants(t *testing.T) {
	type constants struct {
		Outcome, Container, Counts, Sport, ByPort, ByNotPort, ByNet bool
		Results                                                     uint32
		Version                                                     uint8
	}
	all := ^uint32(0)
	for _, test := range []struct {
		flags string
		want  constants
	}{
		{"", constants{Results: all}},
		{"-t -U", constants{Results: all}},
		{"-L", constants{Outcome: true, Sport: true, Results: all}},
		{"-s", constants{Outcome: true, Sport: true, Results: all}},
		{"--result", constants{Outcome: true, Results: all}},
		{"--json", constants{Outcome: true, Container: true, Results: all}},
		{"-o csv", constants{Outcome: true, Container: true, Results: all}},
		{"-c", constants{Counts: true, Results: all}},
		{"-c --json", constants{Counts: true, Results: all}},
		{"-c -s", constants{Counts: true, Outcome: true, Sport: true, Results: all}},
		{"--failed", constants{Outcome: true, Results: 0xfc}},
		{"-c --only refused", constants{Counts: true, Outcome: true, Results: 1 << resultRefused}},
		{"-4", constants{Version: 4, Results: all}},
		{"-6 -P 1 --not-port 2 --net ::/0", constants{Version: 6, ByPort: true, ByNotPort: true, ByNet: true, Results: all}},
	} {
		cfg, env := configure(t, strings.Fields(test.flags)...)
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(newTool(cfg, env).Set(spec)))
		var got constants
		for name, p := range map[string]any{"want_outcome": &got.Outcome, "want_container": &got.Container, "want_counts": &got.Counts,
			"count_sport": &got.Sport, "want_results": &got.Results, "want_version": &got.Version,
			"filter_by_port": &got.ByPort, "filter_by_not_port": &got.ByNotPort, "filter_by_net": &got.ByNet} {
			qt.Assert(t, qt.IsTrue(spec.Variables[name].Constant()), qt.Commentf("%s", name))
			qt.Assert(t, qt.IsNil(spec.Variables[name].Get(p)))
		}
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%s", test.flags))
		// Maps are as large as they are used, and no larger.
		waits, counts := spec.Maps["pending"].MaxEntries > 1, spec.Maps["counts"].MaxEntries > 1
		qt.Check(t, qt.Equals(waits, test.want.Outcome), qt.Commentf("%s", test.flags))
		qt.Check(t, qt.Equals(counts, test.want.Counts), qt.Commentf("%s", test.flags))
	}
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	delete(spec.Variables, "want_counts")
	qt.Check(t, qt.ErrorMatches(setConstants(spec, new(config), "table"), "set constant want_counts: not in the BPF object"))
}

// TestSets checks what goes into the maps of ports and networks, which has no
// limit that a user would meet.
func TestSets(t *testing.T) {
	var many []string
	for port := 1; port <= 1009; port++ {
		many = append(many, fmt.Sprint(port))
	}
	cfg, env := configure(t, "-P", strings.Join(many, ","), "--net", "10.0.0.0/8,fd00::/16")
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(newTool(cfg, env).Set(spec)))
	qt.Check(t, qt.Equals(spec.Maps["ports"].MaxEntries, 1009))
	qt.Check(t, qt.HasLen(spec.Maps["ports"].Contents, 1009))
	qt.Check(t, qt.Equals(spec.Maps["not_ports"].MaxEntries, 1))
	qt.Check(t, qt.HasLen(spec.Maps["not_ports"].Contents, 0))
	qt.Check(t, qt.DeepEquals(spec.Maps["nets"].Contents, []ebpf.MapKV{
		{Key: netKey{PrefixLen: 16, Version: 4, Addr: v4(10, 0, 0, 0)}, Value: uint8(1)},
		{Key: netKey{PrefixLen: 24, Version: 6, Addr: [16]uint8{0xfd}}, Value: uint8(1)},
	}))
}

// TestHooks checks which ladders the command stands on, and that every program
// on them is in the object and every program of the object on one.
func TestHooks(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	kinds := loader.Kinds(spec)
	used := map[string]bool{
		"filter_follow_fork": true, "filter_follow_exec": true, "filter_follow_exit": true, // --follow
		"state_body": true, "sys_exit_body": true, // others end with them
	}
	var got []string
	for _, h := range hooks(&config{dns: true}) {
		text := h.Name + ":"
		for _, r := range h.Rungs {
			text += " " + r.Name
			for _, a := range r.Attach {
				used[a.Program] = true
				qt.Check(t, qt.Not(qt.Equals(kinds[a.Program].Type, loader.Other)), qt.Commentf("%s", a.Program))
			}
		}
		got = append(got, text)
	}
	qt.Check(t, qt.DeepEquals(got, []string{"attempts and their outcome: raw_tp", "attempts that fail at once: fexit raw_tp", "answers of DNS: cgroup_skb raw_tp"}))
	qt.Check(t, qt.HasLen(hooks(&config{}), 2))
	for program := range spec.Programs {
		qt.Check(t, qt.IsTrue(used[program]), qt.Commentf("no ladder has %s", program))
	}
}

// TestHelpAndDocuments checks what the command says of itself.
func TestHelpAndDocuments(t *testing.T) {
	stdout, stderr, code := execute(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.Matches(stdout, `(?s)tcpconnect - .*\nEXAMPLES\n(  tcpconnect.* # .*\n)+`))
	for _, line := range strings.Split(stdout, "\n") {
		qt.Check(t, qt.IsTrue(len(line) <= 120), qt.Commentf("%s", line))
	}
	stdout, _, code = execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stdout, string(output.Schema("tcpconnect", schemaVersion, fields))))
	stdout, _, _ = execute(t, "--describe", "fields")
	for _, f := range fields {
		qt.Check(t, qt.StringContains(stdout, "\n.BR "+f.Name+" "))
	}
	stdout, _, _ = execute(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "tcpconnect.8", flags)
}
