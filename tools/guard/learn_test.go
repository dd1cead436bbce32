package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
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

// patternsOf is what paths are collapsed to, as text.
func patternsOf(th thresholds, paths ...string) string {
	var all []string
	for _, p := range sorted(th.collapse(paths)) {
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

func TestCollapse(t *testing.T) {
	th := usual().limits
	files := func(format string, n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(format, i))
		}
		return all
	}
	for _, test := range []struct {
		what  string
		paths []string
		want  string
	}{
		{"nothing", nil, ""},
		{"a file", []string{"/etc/hosts"}, "/etc/hosts"},
		{"the same twice", []string{"/etc/hosts", "/etc/hosts"}, "/etc/hosts"},
		{"four files", files("/srv/f%d", 4), "/srv/f0 /srv/f1 /srv/f2 /srv/f3"},
		{"five files", files("/srv/f%d", 5), "/srv/*"},
		{"five files and their directory", append(files("/srv/f%d", 5), "/srv"), "/srv /srv/*"},
		{"three directories", files("/srv/%d/x", 3), "/srv/0/x /srv/1/x /srv/2/x"},
		{"four directories", files("/srv/%d/x", 4), "/srv/**"},
		{"four directories, and itself", append(files("/srv/%d/x", 4), "/srv"), "/srv/**"},
		{"deep", files("/srv/a/b/%d/x", 4), "/srv/a/b/**"},
		{"files and a directory of files", append(files("/srv/f%d", 5), files("/srv/d/f%d", 5)...), "/srv/* /srv/d/*"},
		{"a file that is a directory too", []string{"/srv/d", "/srv/d/x"}, "/srv/d /srv/d/x"},
		{"never the root", files("/f%d", 99), strings.Join(strings.Fields(patternsOf(th, files("/f%d", 99)...)), " ")},
		{"nor all below it", files("/d%d/x", 5), "/d0/x /d1/x /d2/x /d3/x /d4/x"},
		{"the root itself", []string{"/"}, "/"},
		{"processes", []string{"/proc/17/stat", "/proc/cpuinfo"}, "/proc/**"},
		{"no process", []string{"/proc/cpuinfo", "/proc/sys/kernel/x"}, "/proc/cpuinfo /proc/sys/kernel/x"},
		{"the directory of a process", []string{"/proc/17"}, "/proc/**"},
		{"a name with a star", []string{"/srv/a*b", "/srv/c"}, "/srv/*"},
		{"a directory with a star", []string{"/srv/a*b/c", "/srv/c"}, "/srv/**"},
		{"bytes", []string{"/srv/\xff"}, "/srv/*"},
		{"a name that means something else", []string{"/srv/**"}, "/srv/*"},
		{"brackets", []string{"/usr/bin/["}, "/usr/bin/["},
		{"brackets with something in them", []string{"/usr/bin/[a]"}, "/usr/bin/*"},
	} {
		qt.Check(t, qt.Equals(patternsOf(th, test.paths...), test.want), qt.Commentf("%s", test.what))
	}
	qt.Check(t, qt.Equals(strings.Count(patternsOf(th, files("/f%d", 99)...), " "), 98))
	qt.Check(t, qt.Equals(patternsOf(thresholds{files: 2, dirs: 2}, "/a/1", "/a/2"), "/a/*"))
	qt.Check(t, qt.Equals(patternsOf(thresholds{files: 2, dirs: 2}, "/a/1/x", "/a/2/x"), "/a/**"))
}

// learned is what guard learn writes of alerts for a program.
func learned(t *testing.T, cfg *learnConfig, alerts ...engine.Alert) (string, *school) {
	t.Helper()
	if cfg.exes == nil {
		cfg.exes = []string{"/usr/sbin/nginx"}
	}
	p, err := cfg.denyAll()
	qt.Assert(t, qt.IsNil(err))
	s := newSchool([]*policy.Policy{p}, 4026531841)
	for i := range alerts {
		a := alerts[i]
		if a.Reason == engine.ByDefault {
			a.Policy = p.Name
			for _, d := range p.Defaults {
				if d.Class == classOf(a.Kind) {
					a.Position = d.Pos
				}
			}
		}
		s.learn(&a)
	}
	text, err := cfg.policyOf(s)
	qt.Assert(t, qt.IsNil(err))
	return string(text), s
}

// did is an alert of a default.
func did(kind engine.Kind, o engine.Object) engine.Alert {
	return alert(func(a *engine.Alert) {
		a.Kind, a.Object, a.Reason, a.Rule, a.Message = kind, o, engine.ByDefault, "", ""
	})
}

func to(kind engine.Kind, addr string, protocol uint32) engine.Alert {
	a := connected(addr, protocol)
	a.Kind = kind
	return a
}

// TestLearned has one policy in full.
func TestLearned(t *testing.T) {
	got, s := learned(t, usual(),
		did("read", engine.Object{Path: "/etc/nginx/nginx.conf"}),
		did("read", engine.Object{Path: "/etc/nginx/nginx.conf"}),
		did("read", engine.Object{Path: "/var/log/nginx/error.log"}),
		did("write", engine.Object{Path: "/var/log/nginx/error.log"}),
		did("create", engine.Object{Path: "/run/nginx.pid"}),
		did("write", engine.Object{Path: "/run/nginx.pid"}),
		did("exec", engine.Object{Path: "/usr/sbin/nginx"}),
		did("exec", engine.Object{Path: "/usr/bin/logger"}),
		did("load", engine.Object{Path: "/usr/sbin/nginx"}),
		did("load", engine.Object{Path: "/usr/lib/libc.so.6"}),
		to("bind", "0.0.0.0:80", unix.IPPROTO_TCP),
		to("bind", "0.0.0.0:443", unix.IPPROTO_TCP),
		to("connect", "192.0.2.53:53", unix.IPPROTO_UDP),
		to("connect", "192.0.2.53:53", unix.IPPROTO_TCP),
		to("connect", "[::ffff:10.0.0.1]:8080", unix.IPPROTO_TCP),
		to("connect", "10.0.0.1:8081", unix.IPPROTO_TCP),
		to("connect", "0.0.0.0:1", unix.IPPROTO_TCP),
		did("connect", engine.Object{Family: unix.AF_UNIX, Path: "/run/log"}),
		did("connect", engine.Object{Family: unix.AF_UNIX}),
		did("socket", engine.Object{Family: unix.AF_INET, SocketType: unix.SOCK_STREAM}),
		did("socket", engine.Object{Family: unix.AF_INET6, SocketType: unix.SOCK_STREAM}),
		did("socket", engine.Object{Family: unix.AF_NETLINK, SocketType: unix.SOCK_RAW}),
		did("socket", engine.Object{Family: unix.AF_TIPC, SocketType: unix.SOCK_RDM}),
		did("mount", engine.Object{Operation: "new", FSType: "tmpfs", Path: "/mnt"}),
		did("mount", engine.Object{Operation: "pivot"}),
		did("setuid", engine.Object{Operation: "setuid", OldID: 0, NewID: 33}),
		did("setuid", engine.Object{Operation: "setgid", OldID: 0, NewID: 33}),
		did("setuid", engine.Object{Operation: "setgroups"}),
		did("setuid", engine.Object{Operation: "suid_exec", OldID: 33, NewID: 0}),
		alert(nil), // what a rule denies stays denied
		did("read", engine.Object{Path: ".../deep", PathCut: true}),
		alert(func(a *engine.Alert) { a.Reason = engine.ByUnresolved }),
	)
	qt.Check(t, qt.Equals(got, `# Learned by guard from 28 different operations.
version: 1
name: nginx

subjects:
  nginx: {exe: /usr/sbin/nginx, descendants: true}

defaults:
  nginx:
    file: deny
    exec: deny
    connect: deny
    bind: deny
    socket: deny
    mount: deny
    setuid: deny

rules:
  - id: nginx-read
    subject: nginx
    action: allow
    file: {paths: /etc/nginx/nginx.conf, access: read}
  - id: nginx-read-write
    subject: nginx
    action: allow
    file: {paths: /var/log/nginx/error.log, access: [read, write]}
  - id: nginx-write-create
    subject: nginx
    action: allow
    file: {paths: /run/nginx.pid, access: [write, create]}
  - id: nginx-exec
    subject: nginx
    action: allow
    exec: {paths: /usr/bin/logger}
  - id: nginx-load
    subject: nginx
    action: allow
    exec: {paths: [/usr/lib/libc.so.6, /usr/sbin/nginx], loader: true}
  - id: nginx-connect-tcp
    subject: nginx
    action: allow
    connect: {to: "127.0.0.1", ports: 1, proto: tcp}
  - id: nginx-connect-tcp-udp
    subject: nginx
    action: allow
    connect: {to: "192.0.2.53", ports: 53, proto: [tcp, udp]}
  - id: nginx-connect-tcp-2
    subject: nginx
    action: allow
    connect: {to: "10.0.0.1", ports: "8080-8081", proto: tcp}
  - id: nginx-connect-unix
    subject: nginx
    action: allow
    connect: {unix: [/run/log, "@**"]}
  - id: nginx-bind-tcp
    subject: nginx
    action: allow
    bind: {to: "0.0.0.0", ports: [80, 443], proto: tcp}
  - id: nginx-socket
    subject: nginx
    action: allow
    socket: {families: tipc}
  - id: nginx-socket-2
    subject: nginx
    action: allow
    socket: {families: netlink, types: raw}
  - id: nginx-socket-3
    subject: nginx
    action: allow
    socket: {families: [inet, inet6], types: stream}
  - id: nginx-mount-new
    subject: nginx
    action: allow
    mount: {ops: new, fstype: tmpfs, targets: /mnt}
  - id: nginx-mount-pivot
    subject: nginx
    action: allow
    mount: {ops: pivot}
  - id: nginx-setuid-setuid
    subject: nginx
    action: allow
    setuid: {to: 33, via: setuid}
  - id: nginx-setuid-setgid
    subject: nginx
    action: allow
    setuid: {to: 33, via: setgid}
  - id: nginx-setuid-setgroups
    subject: nginx
    action: allow
    setuid: {via: setgroups}
  - id: nginx-setuid-exec
    subject: nginx
    action: allow
    setuid: {to: 0, via: exec}
`))
	qt.Check(t, qt.DeepEquals(s.missed, map[unlearned]int{byRule: 1, unresolved: 2}))
}

// TestLearnedAddresses takes many addresses together, and many ports.
func TestLearnedAddresses(t *testing.T) {
	var alerts []engine.Alert
	for i := range 8 {
		alerts = append(alerts, to("connect", fmt.Sprintf("198.51.100.%d:443", i), unix.IPPROTO_TCP))
	}
	for i := range 16 {
		alerts = append(alerts, to("connect", fmt.Sprintf("192.0.2.1:%d", 1000+2*i), unix.IPPROTO_TCP))
	}
	got, _ := learned(t, usual(), alerts...)
	qt.Check(t, qt.StringContains(got, "    connect: {ports: 443, proto: tcp}\n"))
	qt.Check(t, qt.StringContains(got, "    connect: {to: \"192.0.2.1\", proto: tcp}\n"))
	qt.Check(t, qt.Equals(strings.Count(got, "connect:"), 3)) // with the default
	got, _ = learned(t, usual(), alerts[1:23]...)
	qt.Check(t, qt.Equals(strings.Count(got, `"198.51.100.`), 7))
	qt.Check(t, qt.StringContains(got, "        - 1000\n        - 1002\n"))
}

// TestLearnedOtherNamespace: paths of other mount namespaces get rules of their own.
func TestLearnedOtherNamespace(t *testing.T) {
	inside := did("read", engine.Object{Path: "/app/data"})
	inside.Process.MountNS = 4026532000
	got, _ := learned(t, usual(), inside, did("read", engine.Object{Path: "/etc/hosts"}))
	qt.Check(t, qt.StringContains(got, "  - id: nginx-read\n    subject: nginx\n    action: allow\n    file: {paths: /etc/hosts, access: read}\n"))
	qt.Check(t, qt.StringContains(got, "  - id: nginx-read-2\n    subject: nginx\n    action: allow\n    view: task\n    file: {paths: /app/data, access: read}\n"))
}

// randomAlert is an alert of a default about something.
func randomAlert(r *rand.Rand) engine.Alert {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	name := func() string {
		return pick("a", "b", "c", "d", "e", "f", "x y", "17", "a*b", "\xff\xfe", "[x]", "{a,b}", "ü", "-", "a: b", "#", "'\"", "\\n", "\n", "~", "null", strings.Repeat("n", 255))
	}
	path := func() string {
		p := "/" + pick("etc", "usr", "srv", "proc", "tmp")
		for range r.IntN(5) {
			p += "/" + name()
		}
		return p
	}
	number := func(n int) uint32 { return uint32(r.IntN(n)) }
	var a engine.Alert
	switch kind := engine.Kind(kinds[r.IntN(len(kinds)-1)]); kind {
	case "connect", "bind":
		if r.IntN(3) == 0 {
			a = did(kind, engine.Object{Family: unix.AF_UNIX, Path: pick("", path())})
			break
		}
		addr := netip.AddrFrom4([4]byte{byte(number(2)) * 10, 0, 0, byte(number(12))})
		if r.IntN(2) == 0 {
			addr = netip.AddrFrom16([16]byte{byte(number(2)) * 0xfd, 15: byte(number(3))})
		}
		a = did(kind, engine.Object{Family: unix.AF_INET, Addr: netip.AddrPortFrom(addr, uint16(number(30))), Protocol: []uint32{6, 17, 262, 132}[number(4)]})
	case "socket":
		a = did(kind, engine.Object{Family: uint16(number(50)), SocketType: number(12)})
	case "mount":
		a = did(kind, engine.Object{
			Operation: pick("new", "bind", "move", "remount", "umount", "pivot", "propagation"),
			FSType:    pick("", "tmpfs", "fuse.x", "9p"), Path: pick("", path()),
		})
	case "setuid":
		a = did(kind, engine.Object{Operation: pick("setuid", "setgid", "setgroups", "suid_exec", "userns", "capset"), OldID: number(3), NewID: number(3)})
	case "exec", "load":
		a = did(kind, engine.Object{Operation: pick("", "", "fileless", "no_args"), Path: path()})
	default:
		a = did(kind, engine.Object{Path: path()})
	}
	if r.IntN(8) == 0 {
		a.Process.MountNS++
	}
	return a
}

// TestLearnNotSelf: what is done to guard is nothing to allow.
func TestLearnNotSelf(t *testing.T) {
	_, ok := seenIn(&engine.Alert{Kind: classSelf, Object: engine.Object{Operation: "switch", Path: "/proc/sys/kernel/ftrace_enabled"}})
	qt.Check(t, qt.IsFalse(ok))
}

// TestLearnedAllows: whatever was seen, what is written is read as a policy without
// errors, and allows it: it is enforced here, and who is not the program is not asked.
func TestLearnedAllows(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		cfg := usual()
		cfg.limits = thresholds{files: 2 + r.IntN(6), dirs: 2 + r.IntN(6), addresses: 2 + r.IntN(8), ports: 2 + r.IntN(20)}
		var alerts []engine.Alert
		for range r.IntN(200) {
			alerts = append(alerts, randomAlert(r))
		}
		text, _ := learned(t, cfg, alerts...)
		policies, err := policy.Parse("learned.yaml", []byte(text))
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%d: %s", seed, text))
		for _, f := range policy.Check(policies, policy.Options{}) {
			qt.Check(t, qt.Not(qt.Equals(f.Severity, policy.Fatal)), qt.Commentf("%d: %s", seed, f))
		}
		policies[0].Mode = policy.Enforce
		denied := 0
		for i := range alerts {
			s, ok := seenIn(&alerts[i])
			qt.Assert(t, qt.IsTrue(ok))
			s.otherNS = s.path != "" && alerts[i].Process.MountNS != 4026531841
			op := s.op(policy.Task{Exe: "/usr/sbin/nginx", UID: 1})
			v := policy.Explain(policies, op)
			qt.Assert(t, qt.IsTrue(v.Action == policy.Allow && v.Mode == policy.Enforce), qt.Commentf("seed %d: %+v\n%s", seed, s, text))
			// Something else like it is denied, or the test would pass with "allow all".
			op.Path, op.Addr, op.Family, op.IDs, op.FSType = "/never/seen", netip.MustParseAddrPort("203.0.113.9:60999"), 222, []uint32{99}, "never"
			op.Fileless = false
			if policy.Explain(policies, op).Action == policy.Deny {
				denied++
			}
		}
		qt.Check(t, qt.IsTrue(len(alerts) == 0 || denied > len(alerts)/4), qt.Commentf("seed %d: %d of %d", seed, denied, len(alerts)))
	}
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
