package policy

import (
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
