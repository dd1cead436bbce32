package policy

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/go-quicktest/qt"
)

// parse reads a policy that enforces.
func parse(t testing.TB, body string) []*Policy {
	policies, err := Parse("p", []byte("version: 1\nname: p\nmode: enforce\n"+body))
	qt.Assert(t, qt.IsNil(err))
	return policies
}

func by(exe string) Task { return Task{Exe: exe, UID: 1000, Cgroup: "/user.slice"} }

func open(exe, path string, access Access) Operation {
	return Operation{Task: by(exe), Class: ClassFile, Path: path, Access: access}
}

func connect(addr string, proto Proto) Operation {
	return Operation{Task: by("/bin/nc"), Class: ClassConnect, Addr: netip.MustParseAddrPort(addr), Proto: proto}
}

func bind(addr string) Operation {
	return Operation{Task: by("/bin/nc"), Class: ClassBind, Addr: netip.MustParseAddrPort(addr), Proto: TCP}
}

func with(op Operation, change func(*Operation)) Operation {
	change(&op)
	return op
}

// verdicts are the short names of outcomes in tests: what happens, and who decided.
func outcome(v Verdict) string {
	s := "allow"
	switch {
	case v.Action == Deny:
		s = "deny"
	case v.Mode == Audit:
		s = "tell"
	}
	switch {
	case v.Decision.Rule != nil:
		s += " " + v.Decision.Rule.ID
	case v.Decision.Default != nil:
		s += " default " + v.Decision.Default.Subject.S
	}
	return s
}

type explainCase struct {
	op   Operation
	want string
}

func check(t *testing.T, body string, cases []explainCase) {
	t.Helper()
	policies := parse(t, body)
	for _, c := range cases {
		qt.Check(t, qt.Equals(outcome(Explain(policies, c.op)), c.want), qt.Commentf("%+v", c.op))
	}
}

func TestPrecedence(t *testing.T) {
	check(t, `
subjects: {cat: {exe: /bin/cat}, shell: {exe: /bin/sh, descendants: true}}
defaults: {cat: {file: deny, read: allow}, shell: {exec: deny}}
rules:
  - {id: data, subject: all, action: allow, file: {paths: "/data/**"}}
  - {id: secret, subject: all, action: deny, file: {paths: /data/secret}}
  - {id: ls, subject: shell, action: allow, exec: {paths: /bin/ls}}
`, []explainCase{
		{open("/bin/cat", "/data/x", Write), "allow data"},
		{open("/bin/cat", "/data/secret", Read), "deny secret"},
		{open("/bin/cat", "/etc/x", Write), "deny default cat"},
		{open("/bin/cat", "/etc/x", Read), "allow"},
		{open("/bin/cat", "/etc/x", Read|Write), "deny default cat"},
		{open("/bin/cat", "/data/x", Read|Write|Create), "allow data"},
		{open("/bin/head", "/etc/x", Write), "allow"},
		{Operation{Task: by("/bin/sh"), Class: ClassExec, Access: Exec_, Path: "/bin/ls"}, "allow ls"},
		{Operation{Task: by("/bin/sh"), Class: ClassExec, Access: Exec_, Path: "/bin/id"}, "deny default shell"},
		{Operation{Task: by("/bin/sh"), Class: ClassExec, Access: Load, Path: "/bin/ls"}, "deny default shell"},
		{Operation{Task: by("/bin/cat"), Class: ClassExec, Access: Exec_, Path: "/bin/id"}, "allow"},
		{Operation{Task: Task{Exe: "/bin/cat", Ancestors: []string{"/bin/sh", "/sbin/init"}}, Class: ClassExec, Access: Exec_,
			Path: "/bin/id"}, "deny default shell"},
	})
}

func TestSubjects(t *testing.T) {
	file := func(task Task) Operation { return Operation{Task: task, Class: ClassFile, Path: "/f", Access: Read} }
	check(t, `
subjects:
  batch: {cgroup: /system.slice/batch.service, uid: [1000-1999], not: [cat]}
  cat: {exe: [/bin/cat, /bin/tac]}
  box: {container: 0123456789ab}
  host: {exe: /h, view: host}
  task: {exe: /t, view: task}
rules:
  - {id: r, subject: {any: [batch, box, host, task], except: {exe: /bin/head}}, action: deny, file: {paths: /f}}
`, []explainCase{
		{file(Task{UID: 1000, Cgroup: "/system.slice/batch.service"}), "deny r"},
		{file(Task{UID: 1999, Cgroup: "/system.slice/batch.service/below"}), "deny r"},
		{file(Task{UID: 999, Cgroup: "/system.slice/batch.service"}), "allow"},
		{file(Task{UID: 2000, Cgroup: "/system.slice/batch.service"}), "allow"},
		{file(Task{UID: 1000, Cgroup: "/system.slice/batch.service2"}), "allow"},
		{file(Task{UID: 1000, Cgroup: "/system.slice"}), "allow"},
		{file(Task{UID: 1000, Cgroup: "/system.slice/batch.service", Exe: "/bin/tac"}), "allow"},
		{file(Task{UID: 1000, Cgroup: "/system.slice/batch.service", Exe: "/bin/head"}), "allow"},
		{file(Task{UID: 1000, Cgroup: "/system.slice/batch.service", Exe: "/bin/a", Ancestors: []string{"/bin/cat"}}), "deny r"},
		{file(Task{Container: "0123456789abcdef"}), "deny r"},
		{file(Task{Container: "0123456789a"}), "allow"},
		{file(Task{Exe: "/h"}), "deny r"},
		{file(Task{Exe: "/h", OtherNS: true}), "allow"},
		{file(Task{Exe: "/t", OtherNS: true}), "deny r"},
		{file(Task{Exe: "/t", Kernel: true}), "allow"},
	})
}

func TestAll(t *testing.T) {
	const rules = `
defaults: {all: {bind: deny}, init: {mount: deny}, kernel: {write: deny}}
rules:
  - {id: f, subject: all, action: deny, file: {paths: "/**", access: read}}
  - {id: c, subject: all, action: deny, connect: {ports: 25}}
  - {id: i, subject: {any: init, except: all}, action: deny, connect: {ports: 26}, file: {paths: /i}}
  - {id: n, subject: none, action: deny, mount: {}}
`
	initial := func(op Operation) Operation {
		return with(op, func(op *Operation) { op.Task = Task{Exe: "/sbin/init", Init: true} })
	}
	kernel := func(op Operation) Operation {
		return with(op, func(op *Operation) { op.Task = Task{Kernel: true} })
	}
	mount := Operation{Task: by("/bin/mount"), Class: ClassMount, MountOp: MountNew, Path: "/mnt"}
	check(t, rules, []explainCase{
		{open("/bin/cat", "/x", Read), "deny f"},
		{initial(open("", "/x", Read)), "allow"},
		{kernel(open("", "/x", Read)), "allow"},
		{kernel(open("", "/x", Write)), "deny default kernel"},
		{connect("192.0.2.1:25", TCP), "deny c"},
		{initial(connect("192.0.2.1:25", TCP)), "deny c"},
		{kernel(connect("192.0.2.1:25", TCP)), "allow"},
		{initial(connect("192.0.2.1:26", TCP)), "allow"},
		{initial(open("", "/i", Write)), "deny i"},
		{initial(bind("0.0.0.0:80")), "deny default all"},
		{kernel(bind("0.0.0.0:80")), "allow"},
		{mount, "allow"},
		{initial(mount), "deny default init"},
	})
}

func TestFiles(t *testing.T) {
	check(t, `
subjects: {cat: {exe: /bin/cat}}
defaults: {cat: {write: deny, delete: deny}}
rules:
  - {id: exact, subject: all, action: deny, file: {paths: /a/exact}}
  - {id: children, subject: all, action: deny, file: {paths: "/c/*"}}
  - {id: subtree, subject: all, action: deny, file: {paths: "/s/**"}}
  - {id: name, subject: all, action: deny, file: {paths: "**/id_rsa"}}
  - {id: suffix, subject: all, action: deny, file: {paths: "*.key"}}
  - {id: read, subject: all, action: deny, file: {paths: /r, access: read}}
  - {id: own, subject: all, action: deny, file: {paths: /o/own, owner: own}}
  - {id: other, subject: all, action: deny, file: {paths: /o/other, owner: other}}
  - {id: before, subject: all, action: deny, file: {paths: /b, open_before: deny}}
  - {id: host, subject: all, action: deny, view: host, file: {paths: /h}}
  - {id: inode, subject: all, action: deny, identity: inode, file: {paths: /i}}
  - {id: out, subject: cat, action: allow, file: {paths: "/out/**", access: write}}
  - {id: task, subject: cat, action: allow, view: task, file: {paths: "/t/**", access: write}}
`, []explainCase{
		{open("/x", "/a/exact", Attr), "deny exact"},
		{open("/x", "/a/exact2", Attr), "allow"},
		{open("/x", "/c/x", Read), "deny children"},
		{open("/x", "/c", Read), "allow"},
		{open("/x", "/c/x/y", Read), "allow"},
		{open("/x", "/s", Read), "deny subtree"},
		{open("/x", "/s/x/y", Read), "deny subtree"},
		{open("/x", "/sx", Read), "allow"},
		{open("/x", "/any/where/id_rsa", Read), "deny name"},
		{open("/x", "/id_rsa", Read), "deny name"},
		{open("/x", "/id_rsa/x", Read), "allow"},
		{open("/x", "/my_id_rsa", Read), "allow"},
		{open("/x", "/id_rsa.pub", Read), "allow"},
		{open("/x", "/x/a.b.key", Read), "deny suffix"},
		{open("/x", "/x/.key", Read), "deny suffix"},
		{open("/x", "/x.key/y", Read), "allow"},
		{open("/x", "/r", Read|Write), "deny read"},
		{open("/x", "/r", Write), "allow"},
		{open("/x", "/o/own", Read), "allow"},
		{with(open("/x", "/o/own", Read), func(op *Operation) { op.OwnFile = true }), "deny own"},
		{open("/x", "/o/other", Read), "deny other"},
		{with(open("/x", "/o/other", Read), func(op *Operation) { op.OwnFile = true }), "allow"},
		{with(open("/x", "/b", Read), func(op *Operation) { op.OpenBefore = true }), "deny before"},
		{with(open("/x", "/a/exact", Read), func(op *Operation) { op.OpenBefore = true }), "allow"},
		{with(open("/bin/cat", "/e", Write), func(op *Operation) { op.OpenBefore = true }), "allow"},
		{with(open("/x", "/a/exact", Read), func(op *Operation) { op.OtherNS = true }), "deny exact"},
		{open("/x", "/h", Read), "deny host"},
		{with(open("/x", "/h", Read), func(op *Operation) { op.OtherNS = true }), "allow"},
		{open("/x", "/i", Read), "deny inode"},
		{with(open("/x", "/i", Read), func(op *Operation) { op.OtherNS = true }), "allow"},
		{open("/bin/cat", "/out/x", Write), "allow out"},
		{open("/bin/cat", "/out/x", Write|Delete), "deny default cat"},
		{with(open("/bin/cat", "/out/x", Write), func(op *Operation) { op.OtherNS = true }), "deny default cat"},
		{with(open("/bin/cat", "/t/x", Write), func(op *Operation) { op.OtherNS = true }), "allow task"},
	})
}

func TestUnresolved(t *testing.T) {
	const rules = `
subjects: {cat: {exe: /bin/cat}, tac: {exe: /bin/tac}, fmt: {exe: /bin/fmt}}
defaults: {tac: {file: deny}, fmt: {file: deny}}
rules:
  - {id: d, subject: cat, action: deny, file: {paths: /a}}
  - {id: a, subject: tac, action: allow, file: {paths: /a}}
`
	check(t, rules, []explainCase{
		{open("/bin/cat", "", Read), "deny d"},
		{open("/bin/tac", "", Read), "deny default tac"},
		{open("/bin/fmt", "", Read), "deny default fmt"},
		{open("/bin/x", "", Read), "allow"},
	})
	check(t, "on_unresolved: allow"+rules, []explainCase{
		{open("/bin/cat", "", Read), "allow"},
		{open("/bin/tac", "", Read), "allow a"},
		{open("/bin/fmt", "", Read), "deny default fmt"},
	})
}

func TestExec(t *testing.T) {
	exec := func(path string, access Access) Operation {
		return Operation{Task: by("/x"), Class: ClassExec, Path: path, Access: access}
	}
	fileless := func(op Operation) Operation { return with(op, func(op *Operation) { op.Fileless = true }) }
	noArgs := func(op Operation) Operation { return with(op, func(op *Operation) { op.NoArgs = true }) }
	check(t, `
subjects: {all_of_it: {exe: /all}, one: {exe: /one}}
defaults: {one: {exec: deny}}
rules:
  - {id: tmp, subject: all, action: deny, exec: {paths: "/tmp/**"}}
  - {id: only, subject: all, action: deny, exec: {paths: "/var/**", loader: false}}
  - {id: memory, subject: {exe: /x}, action: deny, exec: {fileless: true}}
  - {id: pwn, subject: {exe: /x}, action: deny, exec: {no_args: true}}
  - {id: everything, subject: all_of_it, action: deny, exec: {paths: "/**"}}
  - {id: one, subject: one, action: allow, exec: {paths: "/**"}}
`, []explainCase{
		{exec("/tmp/a", Exec_), "deny tmp"},
		{exec("/tmp/a", Load), "deny tmp"},
		{exec("/var/a", Exec_), "deny only"},
		{exec("/var/a", Load), "allow"},
		{exec("/usr/a", Exec_|Load), "allow"},
		{fileless(exec("", Exec_)), "deny memory"},
		{fileless(exec("", Load)), "deny memory"},
		{noArgs(exec("/usr/a", Exec_)), "deny pwn"},
		{noArgs(exec("/usr/a", Load)), "allow"},
		{with(fileless(exec("", Exec_)), func(op *Operation) { op.Task.Exe = "/y" }), "allow"},
		{with(fileless(exec("", Exec_)), func(op *Operation) { op.Task.Exe = "/all" }), "deny everything"},
		{with(exec("/usr/a", Exec_), func(op *Operation) { op.Task.Exe = "/one" }), "allow one"},
		{with(exec("/usr/a", Load), func(op *Operation) { op.Task.Exe = "/one" }), "deny default one"},
		{with(fileless(exec("", Exec_)), func(op *Operation) { op.Task.Exe = "/one" }), "deny default one"},
	})
}

func TestConnect(t *testing.T) {
	unix := func(path string) Operation {
		return Operation{Task: by("/x"), Class: ClassConnect, Unix: true, Path: path}
	}
	check(t, `
rules:
  - {id: net, subject: all, action: deny, connect: {to: [10.0.0.0/8, "fd00::/8", 127.1.2.3]}}
  - {id: mail, subject: all, action: deny, connect: {ports: [25, 1000-1999], proto: tcp}}
  - {id: local, subject: all, action: deny, connect: {to: [127.0.0.1, "::1"], ports: 80}}
  - {id: docker, subject: all, action: deny, connect: {unix: [/run/docker.sock, "@secret"]}}
  - {id: everything, subject: {exe: /all}, action: deny, connect: {}}
`, []explainCase{
		{connect("10.0.0.0:1", TCP), "deny net"},
		{connect("10.255.255.255:1", UDP), "deny net"},
		{connect("11.0.0.0:1", TCP), "allow"},
		{connect("9.255.255.255:1", TCP), "allow"},
		{connect("[::ffff:10.1.1.1]:1", OtherProto), "deny net"},
		{connect("[fdff::1%eth0]:1", TCP), "deny net"},
		{connect("[fe00::1]:1", TCP), "allow"},
		{connect("127.1.2.3:1", TCP), "deny net"},
		{connect("192.0.2.1:25", TCP), "deny mail"},
		{connect("192.0.2.1:25", UDP), "allow"},
		{connect("192.0.2.1:1999", TCP), "deny mail"},
		{connect("192.0.2.1:2000", TCP), "allow"},
		{connect("0.0.0.0:80", TCP), "deny local"},
		{connect("[::]:80", TCP), "deny local"},
		{connect("[::ffff:0.0.0.0]:80", TCP), "deny local"},
		{unix("/run/docker.sock"), "deny docker"},
		{unix("@secret"), "deny docker"},
		{unix("/run/x"), "allow"},
		{unix(""), "deny docker"},
		{with(unix("@x"), func(op *Operation) { op.Task.Exe = "/all" }), "deny everything"},
		{with(connect("192.0.2.1:1", UDP), func(op *Operation) { op.Task.Exe = "/all" }), "deny everything"},
	})
}

func TestBind(t *testing.T) {
	check(t, `
subjects: {web: {exe: /web}, high: {exe: /high}, zero: {exe: /zero}, part: {exe: /part}}
defaults: {web: {bind: deny}, high: {bind: deny}, zero: {bind: deny}, part: {bind: deny}}
rules:
  - {id: web, subject: web, action: allow, bind: {ports: [80, 443]}}
  - {id: high, subject: high, action: allow, bind: {ports: [50000-65535, 1024-49999]}}
  - {id: zero, subject: zero, action: allow, bind: {ports: 0}}
  - {id: part, subject: part, action: allow, bind: {ports: [32768-50000]}}
  - {id: one, subject: {exe: /bin/nc}, action: deny, bind: {ports: 40000, to: "::"}}
  - {id: low, subject: {exe: /bin/nc}, action: deny, bind: {ports: 1-1023, to: 0.0.0.0}}
  - {id: logs, subject: web, action: allow, bind: {unix: ["/run/web/*", "@**"]}}
`, []explainCase{
		{with(bind("0.0.0.0:80"), func(op *Operation) { op.Task.Exe = "/web" }), "allow web"},
		{with(bind("[::]:443"), func(op *Operation) { op.Task.Exe = "/web" }), "allow web"},
		{with(bind("[::]:81"), func(op *Operation) { op.Task.Exe = "/web" }), "deny default web"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/web" }), "deny default web"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/high" }), "allow high"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/zero" }), "allow zero"},
		{with(bind("[::]:40000"), func(op *Operation) { op.Task.Exe = "/zero" }), "deny default zero"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/part" }), "deny default part"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe, op.Ephemeral = "/part", PortRange{First: 32768, Last: 50000} }), "allow part"},
		{bind("[::]:0"), "deny one"},
		{bind("0.0.0.0:0"), "allow"},
		{with(bind("[::]:0"), func(op *Operation) { op.Ephemeral = PortRange{First: 41000, Last: 50000} }), "allow"},
		{bind("0.0.0.0:1023"), "deny low"},
		{bind("[::ffff:0.0.0.0]:1"), "deny low"},
		{bind("127.0.0.1:1"), "allow"},
		{Operation{Task: by("/web"), Class: ClassBind, Unix: true, Path: "/run/web/s"}, "allow logs"},
		{Operation{Task: by("/web"), Class: ClassBind, Unix: true, Path: "/run/s"}, "deny default web"},
		{Operation{Task: by("/web"), Class: ClassBind, Unix: true, Path: "@"}, "allow logs"},
	})
}

func TestSocketMountSetuid(t *testing.T) {
	socket := func(family uint16, kind string) Operation {
		return Operation{Task: by("/x"), Class: ClassSocket, Family: family, SocketType: kind}
	}
	mount := func(op MountOp, fsType, target string) Operation {
		return Operation{Task: by("/x"), Class: ClassMount, MountOp: op, FSType: fsType, Path: target}
	}
	setuid := func(via Via, ids ...uint32) Operation {
		return Operation{Task: by("/x"), Class: ClassSetuid, Via: via, IDs: ids}
	}
	check(t, `
subjects: {x: {exe: /x}, y: {exe: /y}}
defaults: {y: {mount: deny, setuid: deny}}
rules:
  - {id: alg, subject: all, action: deny, socket: {families: alg}}
  - {id: raw, subject: all, action: deny, socket: {families: [inet, inet6], types: raw}}
  - {id: tmpfs, subject: x, action: deny, mount: {ops: new, fstype: tmpfs}}
  - {id: umount, subject: x, action: deny, mount: {ops: [umount, move], targets: "/mnt/**"}}
  - {id: yfs, subject: y, action: allow, mount: {fstype: ext4, targets: "/mnt/*"}}
  - {id: root, subject: x, action: deny, setuid: {to: [0, "1-9"], via: [setuid, exec, userns]}}
  - {id: drop, subject: y, action: allow, setuid: {to: 1000-1999}}
`, []explainCase{
		{socket(38, "seqpacket"), "deny alg"},
		{socket(10, "raw"), "deny raw"},
		{socket(17, "raw"), "allow"},
		{socket(2, "stream"), "allow"},
		{mount(MountNew, "tmpfs", "/a"), "deny tmpfs"},
		{mount(MountNew, "", "/a"), "deny tmpfs"},
		{mount(MountBind, "tmpfs", "/a"), "allow"},
		{mount(MountUmount, "", "/mnt/a/b"), "deny umount"},
		{mount(MountUmount, "", ""), "deny umount"},
		{mount(MountUmount, "", "/media"), "allow"},
		{mount(MountPivot, "", "/mnt"), "allow"},
		{with(mount(MountRemount, "ext4", "/mnt/a"), func(op *Operation) { op.Task.Exe = "/y" }), "allow yfs"},
		{with(mount(MountRemount, "", "/mnt/a"), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
		{with(mount(MountRemount, "ext4", ""), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
		{setuid(ViaSetuid, 0), "deny root"},
		{setuid(ViaSetuid, 1000, 9), "deny root"},
		{setuid(ViaSetuid, 10), "allow"},
		{setuid(ViaSetgid, 0), "allow"},
		{setuid(ViaUserns), "deny root"},
		{setuid(ViaExec), "deny root"},
		{with(setuid(ViaSetuid, 1000, 1999), func(op *Operation) { op.Task.Exe = "/y" }), "allow drop"},
		{with(setuid(ViaSetuid, 1000, 0), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
		{with(setuid(ViaExec), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
	})
}

func TestAudit(t *testing.T) {
	policies, err := Parse("p", []byte(`
version: 1
name: told
defaults: {all: {write: deny}}
rules:
  - {id: t, subject: all, action: deny, file: {paths: /both}}
  - {id: t2, subject: all, action: allow, file: {paths: /held, access: write}}
---
version: 1
name: held
mode: enforce
defaults: {all: {attr: deny}}
rules:
  - {id: h, subject: all, action: deny, file: {paths: [/both, /held]}}
  - {id: a, subject: all, action: deny, mode: audit, file: {paths: [/a, /ok]}}
  - {id: ok, subject: all, action: allow, file: {paths: [/ok, /fine]}}
`))
	qt.Assert(t, qt.IsNil(err))
	for _, c := range []explainCase{
		{open("/x", "/both", Read), "deny h"},
		{open("/x", "/held", Write), "deny h"},
		{open("/x", "/a", Read), "tell a"},
		{open("/x", "/ok", Read), "tell a"},
		{open("/x", "/fine", Write), "allow ok"},
		{open("/x", "/x", Write), "tell default all"},
		{open("/x", "/x", Read), "allow"},
		{open("/x", "/x", Read|Write), "tell default all"},
		{open("/x", "/x", Write|Attr), "deny default all"},
	} {
		qt.Check(t, qt.Equals(outcome(Explain(policies, c.op)), c.want), qt.Commentf("%+v", c.op))
	}

	v := Explain(policies, open("/x", "/both", Read|Write|Attr))
	var places []Position
	for _, d := range v.Applies {
		places = append(places, d.Pos())
	}
	qt.Check(t, qt.DeepEquals(places, []Position{{"p", 6, 5}, {"p", 4, 18}, {"p", 14, 5}, {"p", 12, 18}}))
	qt.Check(t, qt.Equals(v.Decision.Pos(), Position{"p", 14, 5}))
	qt.Check(t, qt.IsTrue(v.Decision.Enforced()))
	qt.Check(t, qt.IsFalse(v.Applies[0].Enforced()))

	v = Explain(policies, open("/x", "/x", Read))
	qt.Check(t, qt.DeepEquals(v, Verdict{Mode: Enforce}))
}

func TestResolveIDs(t *testing.T) {
	const rules = `
subjects: {web: {uid: www}, box: {uid: [7, nobody]}}
rules:
  - {id: a, subject: web, action: deny, setuid: {to: root}}
  - {id: b, subject: web, action: deny, setuid: {to: wheel, via: setgid}}
  - {id: c, subject: web, action: deny, setuid: {to: [root, www], via: [setuid, setgid]}}
`
	policies := parse(t, rules)
	op := Operation{Task: Task{UID: 0}, Class: ClassSetuid, Via: ViaSetuid, IDs: []uint32{0}}
	// Who is not resolved is nobody, and not root.
	qt.Check(t, qt.Equals(outcome(Explain(policies, op)), "allow"))

	lookup := func(ids map[string]uint32) func(string) (uint32, error) {
		return func(name string) (uint32, error) {
			if id, ok := ids[name]; ok {
				return id, nil
			}
			return 0, errors.New("nobody is called " + name)
		}
	}
	err := ResolveIDs(policies, lookup(map[string]uint32{"www": 33, "root": 0}), lookup(map[string]uint32{"wheel": 10, "root": 0, "www": 34}))
	qt.Check(t, qt.Equals(err.Error(), "p:5:44: nobody is called nobody\n"+
		`p:9:61: "www" is a user and a group of different ids, and the rule is about both; write a rule for each`))
	p := policies[0]
	qt.Check(t, qt.IsTrue(p.Subjects[0].UID[0].contains(33)))
	qt.Check(t, qt.IsFalse(p.Subjects[1].UID[1].contains(0)))
	qt.Check(t, qt.IsTrue(p.Rules[0].Setuid.To[0].contains(0)))
	qt.Check(t, qt.IsTrue(p.Rules[1].Setuid.To[0].contains(10)))
	qt.Check(t, qt.IsTrue(p.Rules[2].Setuid.To[0].contains(0)))
	op.Task.UID = 33
	qt.Check(t, qt.Equals(outcome(Explain(policies, op)), "deny a"))
}
