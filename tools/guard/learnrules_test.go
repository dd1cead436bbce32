package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

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
