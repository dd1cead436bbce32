//go:build kernel

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	return path
}

// attempt is an operation of the workload and what it is to print under a policy.
type attempt struct {
	args []string
	want string
	rule string // of the only alert; "" for none
}

func try(want, rule string, args ...string) attempt { return attempt{args, want, rule} }

// check makes the attempts, and checks what is printed and what is told.
func (f *fence) check(attempts ...attempt) {
	f.t.Helper()
	for _, a := range attempts {
		f.drain()
		comment := qt.Commentf("%q", a.args)
		qt.Check(f.t, qt.Equals(do(f.t, a.args...), a.want), comment)
		if a.rule == "" {
			f.silent()
			continue
		}
		got := f.alert()
		qt.Check(f.t, qt.Equals(got.Rule, a.rule), comment)
		qt.Check(f.t, qt.Equals(got.Policy, "test"), comment)
		qt.Check(f.t, qt.Equals(got.Denied, strings.Contains(a.want, "EPERM")), comment)
	}
}

// drain forgets alerts that are there, or on their way.
func (f *fence) drain() {
	for {
		select {
		case <-f.Alerts():
		case <-time.After(100 * time.Millisecond):
			return
		}
	}
}

func TestDenyRead(t *testing.T) {
	dir := t.TempDir()
	secret, other := write(t, dir+"/secret", "s"), write(t, dir+"/other", "o")
	lines := `
rules:
  - {id: secret, subject: all, file: {paths: [` + secret + `], access: read}, action: deny, message: "no"}
`
	f := start(t, enforce(lines))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: EPERM"))
	a := f.alert()
	qt.Check(t, qt.Equals(a.Rule, "secret"))
	qt.Check(t, qt.Equals(a.Policy, "test"))
	qt.Check(t, qt.Equals(a.Message, "no"))
	qt.Check(t, qt.Equals(a.Object.Path, secret))
	qt.Check(t, qt.Equals(a.Hook, FileOpen))
	qt.Check(t, qt.Equals(a.Kind, "read"))
	qt.Check(t, qt.Equals(a.Denied, true))
	qt.Check(t, qt.Equals(filepath.Base(a.Process.Exe), "guard-workload"))
	qt.Check(t, qt.DeepEquals(a.Process.Subjects, []string{"all"}))
	f.check(
		try("open: ok", "", "open", other, "r"),
		try("open: ok", "", "open", secret, "w"),
		try("open: EPERM", "secret", "open", secret, "rw"),
	)
	f.set(audit(lines))
	f.check(try("open: ok", "secret", "open", secret, "r"), try("open: ok", "", "open", other, "r"))
}

// TestDirectories: what is in a directory, what is below it, and what is both denied
// and allowed.
func TestDirectories(t *testing.T) {
	dir := t.TempDir()
	deep := write(t, dir+"/tree/a/b/c", "c")
	child, grandchild := write(t, dir+"/flat/child", "c"), write(t, dir+"/flat/sub/grandchild", "g")
	hole, rest := write(t, dir+"/data/x", "x"), write(t, dir+"/data/y", "y")
	key, name, plain := write(t, dir+"/any/my.key", "k"), write(t, dir+"/any/id_rsa", "i"), write(t, dir+"/any/key", "k")
	f := start(t, enforce(`
rules:
  - {id: tree, subject: all, file: {paths: [`+dir+`/tree/**], access: read}, action: deny}
  - {id: flat, subject: all, file: {paths: [`+dir+`/flat/*], access: read}, action: deny}
  - {id: data, subject: all, file: {paths: [`+dir+`/data/**], access: read}, action: allow}
  - {id: hole, subject: all, file: {paths: [`+dir+`/data/x], access: read}, action: deny}
  - {id: key, subject: all, file: {paths: ["*.key", "**/id_rsa"], access: read}, action: deny}
`))
	f.check(
		try("open: EPERM", "tree", "open", deep, "r"),
		try("list: EPERM", "tree", "list", dir+"/tree/a"),
		try("list: EPERM", "tree", "list", dir+"/tree"),
		try("open: EPERM", "flat", "open", child, "r"),
		try("open: ok", "", "open", grandchild, "r"),
		try("open: EPERM", "hole", "open", hole, "r"),
		try("open: ok", "", "open", rest, "r"),
		try("open: EPERM", "key", "open", key, "r"),
		try("open: EPERM", "key", "open", name, "r"),
		try("open: ok", "", "open", plain, "r"),
	)
}

// TestAccess: each kind of access is denied by itself, and nothing is left of what
// was refused.
func TestAccess(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir+"/p/file", "12345")
	outside := write(t, dir+"/outside", "o")
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/p/empty", 0o755)))
	rule := func(access string) string {
		return enforce("rules:\n  - {id: r, subject: all, file: {paths: [" + dir + "/p/**], access: " + access + "}, action: deny}\n")
	}
	f := start(t, rule("write"))
	f.check(
		try("open: EPERM", "r", "open", file, "w"),
		try("open: EPERM", "r", "open", file, "r,trunc"),
		try("truncate: EPERM", "r", "truncate", file, "1"),
		try("open: EPERM", "r", "open", file, "w,append"),
		try("open: ok", "", "open", file, "r"),
	)
	info, err := os.Stat(file)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(info.Size(), 5))

	f.set(rule("create"))
	f.check(
		try("open: EPERM", "r", "open", dir+"/p/new", "w,creat"),
		try("mkdir: EPERM", "r", "mkdir", dir+"/p/newdir"),
		try("mknod: EPERM", "r", "mknod", dir+"/p/fifo", "p"),
		try("symlink: EPERM", "r", "symlink", "x", dir+"/p/link"),
		try("link: EPERM", "r", "link", outside, dir+"/p/hard"),
		try("rename: EPERM", "r", "rename", outside, dir+"/p/moved"),
		try("rename: EPERM", "r", "rename", outside, file),
		try("open: ok", "", "open", file, "w"),
		try("unlink: ok", "", "unlink", file),
	)
	names, err := os.ReadDir(dir + "/p")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(names, 1)) // empty
	write(t, file, "12345")

	f.set(rule("delete"))
	f.check(
		try("unlink: EPERM", "r", "unlink", file),
		try("rmdir: EPERM", "r", "rmdir", dir+"/p/empty"),
		try("rename: EPERM", "r", "rename", file, dir+"/out"),
		try("open: ok", "", "open", file, "rw"),
	)
	f.drain()
	qt.Check(t, qt.Equals(do(t, "exchange", file, outside), "exchange: EPERM"))
	qt.Check(t, qt.Equals(f.alert().Rule, "r"))

	f.set(rule("attr"))
	for _, args := range [][]string{
		{"chmod", file, "600"}, {"fchmod", file, "600"}, {"chown", file, "1:1"}, {"utimes", file}, {"setxattr", file, "user.a", "b"},
	} {
		f.drain()
		qt.Check(t, qt.Equals(do(t, args...), args[0]+": EPERM"))
		qt.Check(t, qt.Equals(f.alert().Rule, "r"), qt.Commentf("%q", args))
	}
	f.check(try("open: ok", "", "open", file, "rw"), try("chmod: ok", "", "chmod", outside, "600"))
}

// TestAllowlist: a default denies what no rule allows, for one program only.
func TestAllowlist(t *testing.T) {
	dir := t.TempDir()
	subject := copyWorkload(t, dir+"/subject")
	allowed, denied := write(t, dir+"/app/conf", "c"), write(t, dir+"/other", "o")
	lines := `
subjects:
  app: {exe: [` + subject + `]}
defaults:
  app: {read: deny}
rules:
  - {id: app, subject: app, file: {paths: [` + dir + `/app/**, /proc/**, /sys/**, /dev/**, /etc/**, ` + subject + `], access: read}, action: allow}
`
	f := start(t, enforce(lines))
	qt.Check(t, qt.Equals(doAs(t, subject, "open", allowed, "r", "--", "open", denied, "r"), "open: ok\nopen: EPERM"))
	a := f.alert()
	qt.Check(t, qt.Equals(a.Reason, ByDefault))
	qt.Check(t, qt.Equals(a.Object.Path, denied))
	qt.Check(t, qt.DeepEquals(a.Process.Subjects, []string{"all", "app"}))
	f.silent()
	f.check(try("open: ok", "", "open", denied, "r")) // another program
	f.set(audit(lines))
	qt.Check(t, qt.Equals(doAs(t, subject, "open", denied, "r"), "open: ok"))
	qt.Check(t, qt.Equals(f.alert().Denied, false))
}

// copyWorkload makes a program of its own of the workload.
func copyWorkload(t *testing.T, to string) string {
	t.Helper()
	path := lookWorkload(t)
	b, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(to), 0o755)))
	qt.Assert(t, qt.IsNil(os.WriteFile(to, b, 0o755)))
	return to
}

// TestManyRules: the last of many is enforced as the first is.
//
//vmrun:kernels 6.1
func TestManyRules(t *testing.T) {
	dir := t.TempDir()
	var paths strings.Builder
	const n = 10000
	for i := range n {
		fmt.Fprintf(&paths, "  - {id: r%d, subject: all, file: {paths: [%s/f%d], access: read}, action: deny}\n", i, dir, i)
	}
	for _, i := range []int{0, 4999, n - 1} {
		write(t, fmt.Sprintf("%s/f%d", dir, i), "x")
	}
	other := write(t, dir+"/other", "o")
	f := start(t, enforce("rules:\n"+paths.String()))
	f.check(
		try("open: EPERM", "r0", "open", dir+"/f0", "r"),
		try("open: EPERM", "r4999", "open", dir+"/f4999", "r"),
		try("open: EPERM", "r9999", "open", dir+"/f9999", "r"),
		try("open: ok", "", "open", other, "r"),
	)
}
