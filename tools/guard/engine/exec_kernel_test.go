//go:build kernel

package engine

import (
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestExec: a program is denied by its path, its name, its directory, by whatever way
// it is executed; a copy of it is another program.
func TestExec(t *testing.T) {
	dir := t.TempDir()
	prog := copyWorkload(t, dir+"/bin/prog")
	other := copyWorkload(t, dir+"/other/fine")
	named := copyWorkload(t, dir+"/other/nc")
	hard := dir + "/hard"
	qt.Assert(t, qt.IsNil(os.Link(prog, hard)))
	script := write(t, dir+"/bin2/script", "#!"+other+" id\n")
	interpreted := write(t, dir+"/other/script", "#!"+prog+"\n")
	qt.Assert(t, qt.IsNil(os.Chmod(script, 0o755)))
	qt.Assert(t, qt.IsNil(os.Chmod(interpreted, 0o755)))
	lines := `
rules:
  - {id: prog, subject: all, exec: {paths: [` + prog + `]}, action: deny}
  - {id: dir, subject: all, exec: {paths: ["` + dir + `/bin2/**"]}, action: deny}
  - {id: name, subject: all, exec: {paths: ["**/nc"]}, action: deny}
  - {id: fileless, subject: all, exec: {fileless: true}, action: deny}
  - {id: noargs, subject: all, exec: {no_args: true}, action: deny}
`
	f := start(t, enforce(lines))
	for _, test := range []struct {
		rule string
		args []string
	}{
		{"prog", []string{"exec", prog, "id"}},
		{"prog", []string{"execveat", prog, "id"}},
		{"prog", []string{"exec", hard, "id"}},
		{"prog", []string{"exec", interpreted}},
		{"dir", []string{"exec", script}},
		{"name", []string{"exec", named, "id"}},
		{"fileless", []string{"exec-memfd", other, "id"}},
		{"fileless", []string{"exec-unlinked", other, dir, "id"}},
		{"prog", []string{"mmap-exec", prog}},
		{"prog", []string{"mprotect-exec", prog}},
	} {
		f.drain()
		got := do(t, test.args...)
		qt.Check(t, qt.Matches(got, test.args[0]+": EPERM.*"), qt.Commentf("%q", test.args))
		a := f.alert()
		qt.Check(t, qt.Equals(a.Rule, test.rule), qt.Commentf("%q", test.args))
		qt.Check(t, qt.Equals(a.Denied, true))
	}
	for _, args := range [][]string{
		{"exec", other, "id"}, {"exec-copy", prog, dir + "/other", "id"}, {"mmap-exec", other}, {"execveat", other, "id"},
	} {
		f.drain()
		qt.Check(t, qt.Matches(do(t, args...), "(?s).*"+args[0]+": ok.*"), qt.Commentf("%q", args))
		f.silent()
	}
	// From 5.18 on, and in Debian's 5.10, the kernel gives every program one argument at
	// least, before it asks.
	f.drain()
	qt.Check(t, qt.Matches(do(t, "exec-noargs", other), "(?s).*exec-noargs: ok.*"))
	f.silent()
	f.set(audit(lines))
	f.drain()
	qt.Check(t, qt.Matches(do(t, "exec", prog, "id"), "(?s).*exec: ok.*"))
	a := f.alert()
	qt.Check(t, qt.Equals(a.Rule, "prog"))
	qt.Check(t, qt.Equals(a.Denied, false))
}

// TestExecDefault: who may execute only some programs can execute those, with what the
// kernel maps for it.
func TestExecDefault(t *testing.T) {
	dir := t.TempDir()
	subject := copyWorkload(t, dir+"/subject")
	allowed, denied := copyWorkload(t, dir+"/allowed"), copyWorkload(t, dir+"/denied")
	f := start(t, enforce(`
subjects:
  s: {exe: [`+subject+`]}
defaults:
  s: {exec: deny}
rules:
  - {id: a, subject: s, exec: {paths: [`+allowed+`]}, action: allow}
`))
	qt.Check(t, qt.Matches(doAs(t, subject, "exec", allowed, "id"), "(?s).*exec: ok.*"))
	f.silent()
	qt.Check(t, qt.Matches(doAs(t, subject, "exec", denied, "id"), "exec: EPERM.*"))
	qt.Check(t, qt.Equals(f.alert().Reason, ByDefault))
	qt.Check(t, qt.Matches(do(t, "exec", denied, "id"), "(?s).*exec: ok.*"))
}

// TestSubjects: a task is who its executable makes it, and stays it as it forks; what
// it starts is one too where the subject says so; what it calls itself does not matter.
func TestSubjects(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	one, family := copyWorkload(t, dir+"/one"), copyWorkload(t, dir+"/family")
	other := copyWorkload(t, dir+"/other")
	running := holdAs(t, one, "wait", "open", secret, "r")
	child := holdAs(t, family, "exec-then", other, "wait", "open", secret, "r")
	free := holdAs(t, other, "wait", "open", secret, "r")
	f := start(t, enforce(`
subjects:
  one: {exe: [`+one+`]}
  family: {exe: [`+family+`], descendants: true}
rules:
  - {id: one, subject: one, file: {paths: [`+secret+`], access: read}, action: deny}
  - {id: family, subject: family, file: {paths: [`+secret+`], access: read}, action: deny}
`))
	for _, test := range []struct {
		program, rule string
		args          []string
	}{
		{one, "one", []string{"open", secret, "r"}},
		{one, "one", []string{"fork", "open", secret, "r"}},
		{one, "one", []string{"daemon", "open", secret, "r"}},
		{one, "one", []string{"thread", "open", secret, "r"}},
		{one, "one", []string{"open-uring", secret}},
		{one, "", []string{"exec-then", other, "open", secret, "r"}},
		{family, "family", []string{"open", secret, "r"}},
		{family, "family", []string{"exec-then", other, "open", secret, "r"}},
		{family, "family", []string{"daemon", "exec-then", other, "fork", "open", secret, "r"}},
		{other, "", []string{"open", secret, "r"}},
		{other, "", []string{"set-exe-file", one, "open", secret, "r"}},
		{one, "one", []string{"set-exe-file", other, "open", secret, "r"}},
		{one, "one", []string{"mountns", "open", secret, "r"}},
	} {
		f.drain()
		got := doAs(t, test.program, test.args...)
		comment := qt.Commentf("%s %q: %s", test.program, test.args, got)
		if strings.HasPrefix(got, "set-exe-file: E") {
			t.Fatalf("%v", comment)
		}
		if test.rule == "" {
			qt.Check(t, qt.Matches(got, "open(-uring)?: ok.*"), comment)
			f.silent()
			continue
		}
		qt.Check(t, qt.Matches(got, "open(-uring)?: EPERM.*"), comment)
		qt.Check(t, qt.Equals(f.alert().Rule, test.rule), comment)
	}
	// Those that ran before.
	f.drain()
	qt.Check(t, qt.Equals(running.finish(), "open: EPERM"))
	qt.Check(t, qt.Equals(f.alert().Rule, "one"))
	qt.Check(t, qt.Equals(free.finish(), "open: ok"))
	f.silent()
	// Nobody wrote down what this one executed before; its parent is not a subject.
	qt.Check(t, qt.Equals(child.finish(), "open: ok"))
}

// TestUsersAndCgroups: subjects by user, by cgroup, with exceptions.
//
//vmrun:kernels 6.1
func TestUsersAndCgroups(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != "/tmp"; d = d[:strings.LastIndex(d, "/")] {
		qt.Assert(t, qt.IsNil(os.Chmod(d, 0o755)))
	}
	secret := write(t, dir+"/secret", "s")
	one := copyWorkload(t, dir+"/one")
	w := hold(t, "wait", "open", secret, "r")
	in := hold(t, "wait", "fork", "open", secret, "r")
	cg := kerneltest.Cgroup(t, "guard", in.cmd.Process.Pid)
	rootCg := strings.Index(cg, "/ringside-test")
	f := start(t, enforce(`
subjects:
  users: {uid: ["1000-1999", "5"]}
  group: {cgroup: [`+cg[rootCg:]+`]}
  one: {exe: [`+one+`]}
  notone: {uid: ["0-4294967294"], not: [one, users, group]}
rules:
  - {id: users, subject: users, file: {paths: [`+secret+`], access: read}, action: deny}
  - {id: group, subject: group, file: {paths: [`+secret+`], access: read}, action: deny}
  - {id: but, subject: {any: [all], except: [one]}, file: {paths: [`+secret+`], access: write}, action: deny}
  - {id: notone, subject: notone, file: {paths: [`+secret+`], access: attr}, action: deny}
`))
	f.check(
		try("open: EPERM", "users", "as", "1000:1000", "open", secret, "r"),
		try("open: EPERM", "users", "as", "1999:7", "open", secret, "r"),
		try("open: EPERM", "users", "as", "5:5", "open", secret, "r"),
		try("open: ok", "", "as", "2000:1000", "open", secret, "r"),
		try("open: ok", "", "as", "999:1000", "open", secret, "r"),
		try("open: ok", "", "open", secret, "r"),
		try("open: EPERM", "but", "open", secret, "w"),
		try("utimes: EPERM", "notone", "utimes", secret),
	)
	qt.Check(t, qt.Equals(doAs(t, one, "open", secret, "w"), "open: ok"))
	qt.Check(t, qt.Equals(doAs(t, one, "utimes", secret), "utimes: ok"))
	f.silent()
	qt.Check(t, qt.Equals(w.finish(), "open: ok"))
	f.silent()
	qt.Check(t, qt.Equals(in.finish(), "open: EPERM"))
	qt.Check(t, qt.Equals(f.alert().Rule, "group"))
}

// TestSubjectsChange: when a subject goes and another comes, tasks of the first are not
// of the second, and what a task was when it executed it stays over reloads, whatever
// it says that it executes now.
//
//vmrun:kernels 6.1
func TestSubjectsChange(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	one, two := copyWorkload(t, dir+"/one"), copyWorkload(t, dir+"/two")
	of := func(name, exe, more string) string {
		return enforce(`
subjects:
  ` + name + `: {exe: [` + exe + `], descendants: true}
` + more + `
rules:
  - {id: ` + name + `, subject: ` + name + `, file: {paths: [` + secret + `], access: read}, action: deny}
`)
	}
	f := start(t, of("a", one, ""))
	w := holdAs(t, one, "wait", "open", secret, "r")
	f.set(enforce("rules: [{id: x, subject: all, file: {paths: [" + dir + "/x], access: read}, action: deny}]\n"))
	f.set(of("b", two, "")) // has the bit that a had
	qt.Check(t, qt.Equals(w.finish(), "open: ok"))
	qt.Check(t, qt.Equals(doAs(t, two, "open", secret, "r"), "open: EPERM"))
	f.drain()

	f.set(of("a", one, ""))
	w = holdAs(t, one, "set-exe-file", two, "wait", "open", secret, "r")
	f.set(of("a", one, "  c: {exe: [/nobody]}")) // running tasks are looked at for this
	f.set(strings.Replace(of("a", one, "  c: {exe: [/nobody]}"), "subject: a", "subject: [a, c]", 1))
	qt.Check(t, qt.Equals(w.finish(), "open: EPERM"))
	qt.Check(t, qt.Equals(f.alert().Rule, "a"))
}
