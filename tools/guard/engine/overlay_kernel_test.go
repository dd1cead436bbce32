//go:build kernel

package engine

import (
	"os"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// TestOverlay: a file of overlayfs is denied by its path there, before and after it is
// copied up, in a list of what is allowed as well; its layers are other files.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/"+d, 0o755)))
	}
	write(t, dir+"/lower/secret", "s")
	write(t, dir+"/lower/plain", "p")
	write(t, dir+"/lower/app", "a")
	options := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	qt.Assert(t, qt.IsNil(unix.Mount("overlay", dir+"/merged", "overlay", 0, options)))
	t.Cleanup(func() { unix.Unmount(dir+"/merged", unix.MNT_DETACH) })
	subject := copyWorkload(t, dir+"/subject")
	f := start(t, enforce(`
subjects:
  app: {exe: [`+subject+`]}
defaults:
  app: {read: deny, write: deny}
rules:
  - {id: secret, subject: all, file: {paths: [`+dir+`/merged/secret], access: read}, action: deny}
  - {id: app, subject: app, file: {paths: [`+dir+`/merged/app, /proc/**, /sys/**], access: [read, write]}, action: allow}
`))
	secret, plain, app := dir+"/merged/secret", dir+"/merged/plain", dir+"/merged/app"
	f.check(
		try("open: EPERM", "secret", "open", secret, "r"),
		try("open: ok", "", "open", plain, "r"),
		try("open: ok", "", "open", dir+"/lower/secret", "r"),
	)
	qt.Check(t, qt.Equals(doAs(t, subject, "open", app, "r", "--", "copy-up", app, "--", "open", app, "rw"), "open: ok\ncopy-up: ok\nopen: ok"))
	f.silent()
	qt.Check(t, qt.Equals(doAs(t, subject, "open", plain, "r"), "open: EPERM"))
	f.drain()
	qt.Check(t, qt.Equals(do(t, "copy-up", secret), "copy-up: ok"))
	f.check(
		try("open: EPERM", "secret", "open", secret, "r"),
		try("open: ok", "", "open", dir+"/upper/secret", "r"),
	)
}

// TestReplaced: a file that takes the place of a denied one is denied, and the same
// number on another file system is another file.
//
//vmrun:kernels 5.10 6.12
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	f := start(t, enforce(`
rules:
  - {id: r, subject: all, file: {paths: [`+secret+`], access: read}, action: deny}
`))
	f.check(
		try("replace: ok", "", "replace", secret, "new"),
		try("open: EPERM", "r", "open", secret, "r"),
	)
	// The new file is known by its other names a moment later.
	qt.Assert(t, qt.IsNil(os.Link(secret, dir+"/later")))
	for deadline := time.Now().Add(10 * time.Second); do(t, "open", dir+"/later", "r") != "open: EPERM"; {
		qt.Assert(t, qt.IsTrue(time.Now().Before(deadline)))
	}
	qt.Check(t, qt.IsNil(f.Err()))
	// And one that is moved away goes on to be denied.
	qt.Assert(t, qt.IsNil(os.Rename(secret, dir+"/moved")))
	for range 20 {
		qt.Assert(t, qt.Equals(do(t, "open", dir+"/moved", "r"), "open: EPERM"))
		time.Sleep(50 * time.Millisecond)
	}
	f.drain()
	qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/mnt", 0o755)))
	qt.Assert(t, qt.IsNil(unix.Mount("tmpfs", dir+"/mnt", "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(dir+"/mnt", unix.MNT_DETACH) })
	for i := range 64 { // numbers of a tmpfs begin at 1
		name := dir + "/mnt/" + string(rune('A'+i))
		qt.Check(t, qt.Equals(do(t, "open", write(t, name, "x"), "r"), "open: ok"))
	}
	f.silent()
}
