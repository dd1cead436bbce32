//go:build kernel

package engine

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

var looped = regexp.MustCompile(`opened=(\d+) EPERM=(\d+)`)

// TestReload: a file that both the old and the new policy deny is never open, however
// often they change.
//
//vmrun:kernels 6.1
func TestReload(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	yaml := func(i int) string {
		return enforce(fmt.Sprintf(`
rules:
  - {id: r%d, subject: all, file: {paths: [%s, %s/f%d], access: read}, action: deny}
`, i, secret, dir, i))
	}
	f := startOwn(t, yaml(0))
	w := hold(t, "loop-open", secret)
	stop := make(chan bool)
	go func() { // the ring must not fill up with this
		for {
			select {
			case <-f.Alerts():
			case <-stop:
				return
			}
		}
	}()
	reloads := 1000
	if k := kerneltest.Kernel(); k != "" && k != "6.12" {
		reloads = 100 // each waits for all CPUs, which takes a guest a tenth of a second
	}
	for i := range reloads {
		f.Manager.Set(parse(t, yaml(i+1))...)
	}
	close(stop)
	got := w.finish()
	m := looped.FindStringSubmatch(got)
	qt.Assert(t, qt.HasLen(m, 3), qt.Commentf("%s", got))
	denied, err := strconv.Atoi(m[2])
	qt.Assert(t, qt.IsNil(err))
	t.Logf("%s", got)
	qt.Check(t, qt.Equals(m[1], "0"))
	qt.Check(t, qt.IsTrue(denied > reloads))
}

// TestChanges: a rule that is added holds at once, and one that is removed no more;
// a policy that is refused changes nothing.
//
//vmrun:kernels 6.1
func TestChanges(t *testing.T) {
	dir := t.TempDir()
	a, b := write(t, dir+"/a", "a"), write(t, dir+"/b", "b")
	named := func(name, path string) string {
		return "version: 1\nname: " + name + "\nmode: enforce\nrules:\n  - {id: " + name + ", subject: all, file: {paths: [" + path + "], access: read}, action: deny}\n"
	}
	f := startOwn(t, named("one", a))
	qt.Check(t, qt.Equals(do(t, "open", a, "r", "--", "open", b, "r"), "open: EPERM\nopen: ok"))
	qt.Assert(t, qt.IsNil(f.Add(parse(t, named("two", b))...)))
	qt.Check(t, qt.Equals(do(t, "open", a, "r", "--", "open", b, "r"), "open: EPERM\nopen: EPERM"))
	qt.Assert(t, qt.IsNil(f.Remove("one")))
	qt.Check(t, qt.Equals(do(t, "open", a, "r", "--", "open", b, "r"), "open: ok\nopen: EPERM"))
	qt.Check(t, qt.ErrorMatches(f.Remove("one"), "remove policies: .*"))

	// It takes hooks that are not attached.
	err := f.Add(parse(t, "version: 1\nname: net\nmode: enforce\nrules:\n  - {id: n, subject: all, connect: {ports: 22}, action: deny}\n")...)
	qt.Check(t, qt.ErrorMatches(err, "enforce policies: hooks that they need are not attached: .*socket_connect.*"))
	err = f.Add(parse(t, "version: 1\nname: user\nmode: enforce\nsubjects: {u: {uid: nobodysuch}}\nrules:\n  - {id: n, subject: u, file: {paths: [/x], access: read}, action: deny}\n")...)
	qt.Check(t, qt.ErrorMatches(err, `(?s)test.yaml:.*nobodysuch.*`))
	qt.Check(t, qt.Equals(do(t, "open", a, "r", "--", "open", b, "r"), "open: ok\nopen: EPERM"))
	qt.Check(t, qt.IsNotNil(f.Detach(FileOpen)))
}

// TestFrozen: nobody writes to the tables of policies that are in force, but others go on
// to be written.
//
//vmrun:kernels 5.10 6.12
func TestFrozen(t *testing.T) {
	f := start(t, enforce(`
rules:
  - {id: r, subject: all, file: {paths: [/secret], access: read}, action: deny}
`))
	id, err := f.object.tableID(table{"paths", f.control.Slot})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(do(t, "bpf-map-update-by-id", fmt.Sprint(id)), "bpf-map-update-by-id: EPERM"))
	info, err := f.object.maps.Maps["note"].Info()
	qt.Assert(t, qt.IsNil(err))
	note, _ := info.ID()
	qt.Check(t, qt.Equals(do(t, "bpf-map-update-by-id", fmt.Sprint(note)), "bpf-map-update-by-id: ok"))
}

// TestFlood: a full ring changes no verdict, and what did not fit is counted.
//
//vmrun:kernels 5.10 6.12
func TestFlood(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	f := startOwn(t, enforce(`
rules:
  - {id: r, subject: all, file: {paths: [`+secret+`], access: read}, action: deny}
`))
	// Nobody reads alerts.
	cmd := exec.Command(lookWorkload(t), "threads-open", "8", "1500", secret)
	out, err := cmd.Output()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(out), "threads-open: ok opened=0 EPERM=12000\n"))
	seen, lost, err := f.Counters()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(seen, 12000))
	qt.Check(t, qt.IsTrue(lost > 0))
	read := uint64(0)
	for done := false; !done; {
		select {
		case <-f.Alerts():
			read++
		case <-time.After(2 * time.Second):
			done = true
		}
	}
	qt.Check(t, qt.Equals(read+lost, seen))
}
