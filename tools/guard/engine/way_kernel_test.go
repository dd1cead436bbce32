//go:build kernel

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// TestOtherWays: a file is denied by whatever way one comes to it.
func TestOtherWays(t *testing.T) {
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.Chmod(filepath.Dir(dir), 0o755)))
	qt.Assert(t, qt.IsNil(os.Chmod(dir, 0o755)))
	secret := write(t, dir+"/d/secret", "s")
	plain := write(t, dir+"/d/plain", "p")
	write(t, dir+"/tree/in/file", "f")
	before := dir + "/before" // a hard link made before
	qt.Assert(t, qt.IsNil(os.Link(secret, before)))
	target := dir + "/target"
	qt.Assert(t, qt.IsNil(os.Mkdir(target, 0o755)))
	link := dir + "/link"
	qt.Assert(t, qt.IsNil(os.Symlink(secret, link)))

	f := start(t, enforce(`
rules:
  - {id: secret, subject: all, file: {paths: [`+secret+`, `+dir+`/tree/**], access: read}, action: deny}
`))
	for _, args := range [][]string{
		{"open", link, "r"},
		{"open", before, "r"},
		{"open-proc-fd", secret},
		{"open-proc-root", secret},
		{"open-handle", secret},
		{"open-relative", dir + "/d", "secret"},
		{"open-chroot", dir, "/d/secret"},
		{"open-mountns-bind", dir + "/d", target, target + "/secret"},
		{"open-userns-bind", dir + "/d", target, target + "/secret"},
		{"open-tree-clone", dir + "/d", "secret"},
		{"open-detached", dir + "/d", "secret"},
		{"open-tree-clone", dir + "/tree/in", "file"},
		{"open-detached", dir + "/tree/in", "file"},
		{"open-chroot", dir + "/tree", "/in/file"},
		{"openat2", secret, "no-symlinks"},
		{"open-uring", secret},
		{"open-uring", secret, "sqpoll"},
		{"link", secret, dir + "/d/hard"}, // its source is read
	} {
		f.drain()
		got := do(t, args...)
		if strings.Contains(got, "EINVAL") && args[len(args)-1] == "sqpoll" {
			continue // before 5.11
		}
		qt.Check(t, qt.Equals(got, args[0]+": EPERM"), qt.Commentf("%q", args))
		qt.Check(t, qt.Equals(f.alert().Rule, "secret"), qt.Commentf("%q", args))
	}
	for _, args := range [][]string{
		{"open-proc-fd", plain}, {"open-chroot", dir, "/d/plain"}, {"open-mountns-bind", dir + "/d", target, target + "/plain"},
		{"open-tree-clone", dir + "/d", "plain"}, {"open-uring", plain},
	} {
		f.drain()
		qt.Check(t, qt.Matches(do(t, args...), args[0]+": ok.*"))
		f.silent()
	}

	// Moved, it is still the file; and what has its place is denied as well.
	moved := dir + "/moved"
	qt.Assert(t, qt.IsNil(os.Rename(secret, moved)))
	qt.Check(t, qt.Equals(do(t, "open", moved, "r"), "open: EPERM"))
	write(t, dir+"/d/new", "n")
	qt.Assert(t, qt.IsNil(os.Rename(dir+"/d/new", secret)))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: EPERM"))
}

// TestBindMounts: a directory in another place is the same directory, and what is
// mounted below a denied one is in it.
func TestBindMounts(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/d/secret", "s")
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/d/mnt", 0o755)))
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/b", 0o755)))
	qt.Assert(t, qt.IsNil(unix.Mount(dir+"/d", dir+"/b", "", unix.MS_BIND, "")))
	t.Cleanup(func() { unix.Unmount(dir+"/b", unix.MNT_DETACH) })
	qt.Assert(t, qt.IsNil(unix.Mount("tmpfs", dir+"/d/mnt", "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(dir+"/d/mnt", unix.MNT_DETACH) })
	write(t, dir+"/d/mnt/file", "f")
	f := start(t, enforce(`
rules:
  - {id: d, subject: all, file: {paths: [`+dir+`/d/**], access: read}, action: deny}
`))
	f.check(
		try("open: EPERM", "d", "open", dir+"/b/secret", "r"),
		try("open: EPERM", "d", "open", dir+"/d/mnt/file", "r"),
		try("list: EPERM", "d", "list", dir+"/d/mnt"),
	)
	// The file of the directory's mount is not in the other place.
	qt.Check(t, qt.Equals(do(t, "list", dir+"/b/mnt"), "list: EPERM"))
}

// TestDepth: no directory is too deep, and what is deeper than can be looked at is
// denied as the policy says.
func TestDepth(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("n", 255)
	policyOf := func(unresolved string) string {
		return enforce(`
on_unresolved: ` + unresolved + `
rules:
  - {id: r, subject: all, file: {paths: [` + dir + `/deny/**], access: read}, action: deny}
`)
	}
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/deny", 0o755)))
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/ok", 0o755)))
	f := startOwn(t, policyOf("deny"))
	f.check(
		try("deep: EPERM", "r", "deep", "30", "d", dir+"/deny"),
		try("deep: EPERM", "r", "deep", "60", "d", dir+"/deny"),
		try("deep: EPERM", "r", "deep", "14", long, dir+"/deny"),
		try("deep: ok 9", "", "deep", "60", "d", dir+"/ok"),
	)
	f.drain()
	qt.Check(t, qt.Equals(do(t, "deep", "200", "e", dir+"/ok"), "deep: EPERM"))
	qt.Check(t, qt.Equals(f.alert().Reason, ByUnresolved))
	status, err := f.Status()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(status.Unresolved > 0))
	qt.Check(t, qt.Equals(status.NoMemory, 0))
	f.set(policyOf("allow"))
	qt.Check(t, qt.Equals(do(t, "deep", "200", "f", dir+"/ok"), "deep: ok 9"))
	f.drain()
	f.silent()
}

// TestHeld: what was opened before is denied at its next use if the rule says so.
func TestHeld(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "12345678")
	f := start(t)
	for _, test := range []struct{ before, want string }{
		{"deny", "held-read: EPERM\nheld-write: EPERM\nheld-mmap-read: EPERM\nheld-ftruncate: EPERM"},
		{"report", "held-read: ok 8\nheld-write: ok 9\nheld-mmap-read: ok\nheld-ftruncate: EPERM"},
	} {
		f.set()
		w := hold(t, "held", secret, "read", "write", "mmap-read", "ftruncate")
		f.set(enforce(`
rules:
  - {id: r, subject: all, file: {paths: [` + secret + `], access: [read, write], open_before: ` + test.before + `}, action: deny}
`))
		qt.Check(t, qt.Equals(w.finish(), test.want))
		qt.Check(t, qt.Equals(f.alert().Rule, "r"))
		f.drain()
	}
}

// TestDescriptors: a file that another process opened, who may, is denied to the one
// who gets its descriptor.
func TestDescriptors(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	may, not := copyWorkload(t, dir+"/may"), copyWorkload(t, dir+"/not")
	f := start(t, enforce(`
subjects:
  not: {exe: [`+not+`]}
rules:
  - {id: r, subject: not, file: {paths: [`+secret+`], access: read}, action: deny}
`))
	qt.Check(t, qt.Equals(doAs(t, may, "pass-fd", may, secret, "read"), "recv-fd: ok 1\npass-fd: ok"))
	f.silent()
	got := doAs(t, may, "pass-fd", not, secret, "read")
	qt.Check(t, qt.Matches(got, "recv-fd: (EPERM|CTRUNC).*\npass-fd: ok"))
	a := f.alert()
	qt.Check(t, qt.Equals(a.Rule, "r"))
	qt.Check(t, qt.Equals(a.Hook, FileReceive))
	f.drain()
	holder := hold(t, "held", secret, "read")
	qt.Check(t, qt.Matches(doAs(t, not, "pidfd-getfd", holder.pid(), secret, "read"), "pidfd-getfd: EPERM.*"))
	qt.Check(t, qt.Equals(f.alert().Hook, FileReceive))
}

// TestRaces: however many try at once, and whatever is exchanged meanwhile, nobody
// reads what is denied.
func TestRaces(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/a/file", "secret")
	write(t, dir+"/b/file", "plain")
	f := start(t, enforce(`
rules:
  - {id: r, subject: all, file: {paths: [`+secret+`], access: read}, action: deny}
`))
	got := do(t, "swap", dir+"/a", dir+"/b", dir+"/a/file", "5")
	t.Log(got)
	qt.Check(t, qt.Not(qt.StringContains(got, "secret")))
	f.drain()
	// Both had the path for a while. Another one is open to all.
	got = do(t, "threads-open", "64", "20", write(t, dir+"/c/file", "c"))
	t.Log(got)
	qt.Check(t, qt.Not(qt.StringContains(got, "opened=0")))
}

// TestMovedMeanwhile: that no rule speaks of a file is not remembered when a directory
// above it gets another name, or its mount another place.
func TestMovedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/plain/sub/x", "x")
	for _, d := range []string{"from", "to"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/"+d, 0o755)))
	}
	qt.Assert(t, qt.IsNil(unix.Mount("tmpfs", dir+"/from", "tmpfs", 0, "")))
	t.Cleanup(func() {
		unix.Unmount(dir+"/from", unix.MNT_DETACH)
		unix.Unmount(dir+"/to", unix.MNT_DETACH)
	})
	write(t, dir+"/from/x", "x")
	// Where something is mounted already, if only in another mount namespace, mounting
	// touches no names.
	hold(t, "mountns", "mount", "tmpfs", dir+"/to", "--", "wait", "id")
	start(t, enforce(`
rules:
  - {id: r, subject: all, file: {paths: [`+dir+`/denied/**, `+dir+`/to/x], access: read}, action: deny}
`))
	// The mount first: a name that changes has the policies put in force anew.
	qt.Check(t, qt.Equals(do(t, "open", dir+"/from/x", "r", "--", "open", dir+"/from/x", "r",
		"--", "mount-move", dir+"/from", dir+"/to", "--", "open", dir+"/to/x", "r"),
		"open: ok\nopen: ok\nmount-move: ok\nopen: EPERM"))
	qt.Check(t, qt.Equals(do(t, "open", dir+"/plain/sub/x", "r", "--", "open", dir+"/plain/sub/x", "r",
		"--", "rename", dir+"/plain", dir+"/denied", "--", "open", dir+"/denied/sub/x", "r"),
		"open: ok\nopen: ok\nrename: ok\nopen: EPERM"))
}

// TestViews: a path of a rule that denies counts in every mount namespace, and one that
// allows in the initial one, unless the rule says otherwise. There is no file yet that
// could be known by anything else.
func TestViews(t *testing.T) {
	dir := t.TempDir()
	subject := copyWorkload(t, dir+"/subject")
	for _, d := range []string{"deny", "allow"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/"+d, 0o755)))
	}
	f := start(t, enforce(`
subjects:
  s: {exe: [`+subject+`]}
defaults:
  s: {create: deny}
rules:
  - {id: deny, subject: all, file: {paths: [`+dir+`/deny/a], access: create}, action: deny}
  - {id: host, subject: all, file: {paths: [`+dir+`/deny/host], access: create}, action: deny, view: host}
  - {id: allow, subject: s, file: {paths: [`+dir+`/allow/a], access: create}, action: allow}
  - {id: task, subject: s, file: {paths: [`+dir+`/allow/task], access: create}, action: allow, view: task}
`))
	for _, test := range []struct{ program, name, here, there string }{
		{lookWorkload(t), "deny/a", "EPERM", "EPERM"},
		{lookWorkload(t), "deny/host", "EPERM", "ok"},
		{subject, "allow/a", "ok", "EPERM"},
		{subject, "allow/task", "ok", "ok"},
	} {
		path := dir + "/" + test.name
		qt.Check(t, qt.Equals(doAs(t, test.program, "mountns", "open", path, "w,creat"), "open: "+test.there), qt.Commentf("%s", test.name))
		os.Remove(path)
		qt.Check(t, qt.Equals(doAs(t, test.program, "open", path, "w,creat"), "open: "+test.here), qt.Commentf("%s", test.name))
		os.Remove(path)
		time.Sleep(2 * settle) // the file was there, and policies are put in force anew
	}
	f.drain()
}
