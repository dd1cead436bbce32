package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// usual are the thresholds where no flag says otherwise.
func usual() *learnConfig {
	cfg := &learnConfig{machine: newFake().machine()}
	learnCommandOf(cfg)
	return cfg
}

// learn runs guard learn.
func learn(t *testing.T, f *fake, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	c := withRun(learnCommandOf(&learnConfig{machine: f.machine()}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code = c.Execute(ctx, append([]string{"learn"}, args...), &out, &errs)
	return out.String(), errs.String(), code
}

func TestLearn(t *testing.T) {
	f := newFake()
	f.send(did("read", engine.Object{Path: "/etc/hosts"}), alert(nil))
	f.alerts <- func() engine.Alert { // of the default that the policy has
		cfg := usual()
		cfg.exes = []string{"/bin/cat"}
		p, err := cfg.denyAll()
		qt.Assert(t, qt.IsNil(err))
		a := did("read", engine.Object{Path: "/etc/hosts"})
		a.Policy, a.Position = p.Name, p.Defaults[0].Pos
		return a
	}()
	f.seen++
	stdout, stderr, code := learn(t, f, "--subject-exe", "/bin/cat", "--duration", "50ms")
	qt.Check(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(stderr, `guard: learning for 1 policy, Ctrl-C to end
guard: tracing, Ctrl-C to end
guard: 3 alerts = 3 read + 0 lost; 1 different operations
guard: 1 alerts taught nothing: a rule denies it
guard: 1 alerts taught nothing: its policy is not known any more
`))
	qt.Check(t, qt.Equals(stdout, `# Learned by guard from 1 different operations.
version: 1
name: cat

subjects:
  cat: {exe: /usr/bin/busybox, descendants: true}

defaults:
  cat: {file: deny, exec: deny, connect: deny, bind: deny, socket: deny, mount: deny, setuid: deny}

rules:
  - id: cat-read
    subject: cat
    action: allow
    file: {paths: /etc/hosts, access: read}
`))
	qt.Check(t, qt.DeepEquals(f.sets, []string{"cat audit 0 rules", ""}))
	qt.Check(t, qt.IsTrue(f.closed))
}

// TestLearnMore adds to a policy, which is audited meanwhile and keeps its mode.
func TestLearnMore(t *testing.T) {
	text := `version: 1
name: web
mode: enforce
subjects:
  nginx: {exe: /usr/sbin/nginx}
defaults:
  nginx: {write: deny}
rules:
  - {id: nginx-write, subject: nginx, action: allow, file: {paths: /run/nginx.pid}}
`
	name := file(t, text)
	policies, err := policy.ParseFiles(name)
	qt.Assert(t, qt.IsNil(err))
	f := newFake()
	a := did("write", engine.Object{Path: "/var/log/x"})
	a.Position = policies[0].Defaults[0].Pos
	f.send(a)
	to := filepath.Join(t.TempDir(), "out.yaml")
	write(t, to, strings.Repeat("something longer that was there\n", 100))
	stdout, stderr, code := learn(t, f, "-p", name, "-w", to, "-q", "--count", "1")
	qt.Check(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(stdout+stderr, ""))
	got, err := os.ReadFile(to)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(got), `# Learned by guard from 1 different operations, and p.yaml.
version: 1
name: web
mode: enforce

subjects:
  nginx: {exe: /usr/sbin/nginx}

defaults:
  nginx: {write: deny}

rules:
  - id: nginx-write
    subject: nginx
    action: allow
    file: {paths: /run/nginx.pid}
  - id: nginx-write-2
    subject: nginx
    action: allow
    file: {paths: /var/log/x, access: write}
`))
	qt.Check(t, qt.Equals(f.sets[0], "web audit 1 rule"))
}

func TestLearnUsage(t *testing.T) {
	name := file(t, head+shadow)
	for _, test := range []struct{ args, want string }{
		{"", "guard: whom to learn from? want --subject-exe PATH or --policy FILE\n"},
		{"-e /usr/bin/cat -p " + name, "guard: --subject-exe: not with --policy"},
		{"--name x -p " + name, "guard: --name: not with --policy"},
		{"-e cat", `guard: --subject-exe: "cat" is no absolute path`},
		{"-e /usr/bin/cat --name a/b", "guard: --name: "},
		{"-e /usr/bin/cat --files 1", "want a number from 2 to 1048576"},
		{"-e /usr/bin/cat -w /nonexistent/x", "guard: --write: open /nonexistent/x: no such file or directory\n"},
		{"-e /usr/bin/cat stray", `unexpected argument "stray"`},
		{"-p /nonexistent", "guard: read policy: open /nonexistent"},
		{"-p " + name, "no default of these policies denies anything"},
		{"-p " + file(t, "rules: ["), "not YAML"},
		{"-e /usr/bin/cat --json", "unknown flag --json"},
	} {
		stdout, stderr, code := learn(t, newFake(), strings.Fields(test.args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s: %s", test.args, stderr))
		qt.Check(t, qt.Equals(stdout, ""))
		qt.Check(t, qt.StringContains(stderr, test.want))
	}
	for exe, want := range map[string]string{"/usr/bin/all": "all-program", "/opt/x y/..z": "z", "/opt/über": "ber", "/srv/ä": "program"} {
		cfg := usual()
		cfg.exes = []string{exe}
		p, err := cfg.denyAll()
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(p.Name, want))
		qt.Check(t, qt.Equals(p.Subjects[0].Name, want))
	}
}

// TestLearnAbstract: sockets without a file are allowed by their names, but for those that
// nobody can write or that are others the next time.
func TestLearnAbstract(t *testing.T) {
	of := func(names ...string) string {
		var all []engine.Alert
		for _, name := range names {
			all = append(all, did("connect", engine.Object{Family: unix.AF_UNIX, Path: name}))
		}
		all = append(all, did("bind", engine.Object{Family: unix.AF_UNIX, Path: "@own"}))
		got, _ := learned(t, usual(), all...)
		_, rule, _ := strings.Cut(got, "connect: {")
		rule, _, _ = strings.Cut(rule, "\n")
		qt.Check(t, qt.StringContains(got, `bind: {unix: "@own"}`))
		return rule
	}
	qt.Check(t, qt.Equals(of("@b", "@a", "@a", "/run/log"), `unix: [/run/log, "@a", "@b"]}`))
	qt.Check(t, qt.Equals(of("@/tmp/.X11-unix/X0"), `unix: "@/tmp/.X11-unix/X0"}`))
	qt.Check(t, qt.Equals(of("@a", "@b", "@c", "@d"), `unix: ["@a", "@b", "@c", "@d"]}`))
	for _, names := range [][]string{
		{"@a", "@b", "@c", "@d", "@e"}, {"@"}, {"@a", ""}, {"@a*b"}, {"@a\x00b"}, {"@\xff"}, {"@a\nb"}, {"@0001f"}, {"@" + strings.Repeat("x", 108)},
	} {
		qt.Check(t, qt.Equals(of(names...), `unix: "@**"}`), qt.Commentf("%q", names))
	}
}

// TestLearnLeftOut: a default that the kernel cannot enforce is left out, and it is said
// why; in policies of others it is not.
func TestLearnLeftOut(t *testing.T) {
	kernel := func(minor int) policy.Kernel { return policy.KernelOf(policy.Version{Major: 5, Minor: minor}) }
	alerts := []engine.Alert{
		did("read", engine.Object{Path: "/etc/hosts"}),
		did("setuid", engine.Object{Operation: "setuid", OldID: 0, NewID: 33}),
	}
	cfg := usual()
	cfg.kernel = kernel(10)
	got, _ := learned(t, cfg, alerts...)
	qt.Check(t, qt.StringContains(got, "\n# Left out is setuid: deny, which this kernel cannot enforce: "))
	qt.Check(t, qt.StringContains(got, "task_fix_setgroups"))
	qt.Check(t, qt.Equals(strings.Count(got, "setuid: deny"), 1))
	qt.Check(t, qt.Not(qt.StringContains(got, "nginx-setuid")))
	qt.Check(t, qt.StringContains(got, "mount: deny"))
	qt.Check(t, qt.StringContains(got, "id: nginx-read"))
	policies, err := policy.Parse("x", []byte(got))
	qt.Assert(t, qt.IsNil(err))
	for _, f := range policy.Covers(policy.Needs(enforcing(policies)), cfg.kernel) {
		qt.Check(t, qt.Not(qt.Equals(f.Severity, policy.Fatal)), qt.Commentf("%s", f))
	}

	cfg = usual()
	cfg.kernel = policy.KernelOf(policy.Version{Major: 6, Minor: 12})
	got, _ = learned(t, cfg, alerts...)
	qt.Check(t, qt.Not(qt.StringContains(got, "Left out")))
	qt.Check(t, qt.StringContains(got, "\n    setuid: deny"))
}
