//go:build kernel

package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const cgroupRoot = "/sys/fs/cgroup"

// boxID is a container's id, which runtimes have in the name of its cgroup.
const boxID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// makeCgroup makes a cgroup that is there until the test ends; returns its id.
func makeCgroup(t *testing.T, dir string) uint64 {
	t.Helper()
	qt.Assert(t, qt.IsNil(os.MkdirAll(cgroupRoot+dir, 0o755)))
	t.Cleanup(func() {
		for d := dir; d != "/"; d = filepath.Dir(d) {
			dropCgroup(t, d)
		}
	})
	var st unix.Stat_t
	qt.Assert(t, qt.IsNil(unix.Stat(cgroupRoot+dir, &st)))
	return st.Ino
}

// dropCgroup removes a cgroup, which is busy for a moment after its last process. Where
// others are below it, they are to remove it.
func dropCgroup(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Rmdir(cgroupRoot + dir)
		if err == nil || errors.Is(err, unix.ENOENT) || len(below(dir)) > 0 {
			return
		}
		qt.Assert(t, qt.IsTrue(time.Now().Before(deadline)), qt.Commentf("%s: %v", dir, err))
	}
}

func below(dir string) []string {
	all, _ := filepath.Glob(cgroupRoot + dir + "/*/cgroup.procs")
	return all
}

// doIn runs operations of a workload that is in a cgroup from its beginning on.
func doIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	f, err := os.Open(cgroupRoot + dir)
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	cmd := exec.Command(lookWorkload(t), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	return strings.TrimSuffix(stdout, "\n")
}

func (h *holder) moveTo(dir string) {
	h.t.Helper()
	qt.Assert(h.t, qt.IsNil(os.WriteFile(cgroupRoot+dir+"/cgroup.procs", []byte(h.pid()), 0)))
}

// TestCgroups: a subject is who is in a cgroup now, however deep below it, and in a
// container, and nobody else.
func TestCgroups(t *testing.T) {
	secret := write(t, t.TempDir()+"/secret", "s")
	box := "/guard-x/docker-" + boxID + ".scope"
	deep := "/guard-x" + strings.Repeat("/d", 45)
	for _, dir := range []string{"/guard-x/sub", deep, "/guard-xy", "/guard-y/guard-x", box + "/init", "/guard-y/docker-" + strings.Repeat("f", 64) + ".scope"} {
		makeCgroup(t, dir)
	}
	id := makeCgroup(t, "/guard-x")
	lines := `
subjects:
  x: {cgroup: /guard-x}
  box: {container: ` + boxID[:12] + `}
  nobox: {cgroup: /guard-x, not: box}
  elsewhere: {container: ` + boxID[:12] + `, cgroup: /guard-y}
rules:
  - {id: x, subject: x, file: {paths: ` + secret + `, access: read}, action: deny}
  - {id: box, subject: box, bind: {ports: 4022}, action: deny}
  - {id: nobox, subject: nobox, bind: {ports: 4023}, action: deny}
  - {id: elsewhere, subject: elsewhere, bind: {ports: 4024}, action: deny}
`
	f := start(t)
	for _, mode := range []string{"enforce", "audit"} {
		t.Run(mode, func(t *testing.T) {
			g := &fence{f.Manager, t}
			denied, yaml := "EPERM", enforce(lines)
			if mode == "audit" {
				denied, yaml = "ok", audit(lines)
			}
			g.set(yaml)
			told := func(rule string) Alert {
				t.Helper()
				a := g.alert()
				qt.Check(t, qt.Equals(a.Rule, rule))
				qt.Check(t, qt.Equals(a.Denied, mode == "enforce"))
				return a
			}
			for _, dir := range []string{"/guard-x", "/guard-x/sub", deep, box, box + "/init"} {
				qt.Check(t, qt.Equals(doIn(t, dir, "open", secret, "r"), "open: "+denied), qt.Commentf("%s", dir))
				a := told("x")
				qt.Check(t, qt.Equals(a.Process.CgroupID == id, dir == "/guard-x"))
				qt.Check(t, qt.Equals(a.Process.ContainerID == boxID, strings.HasPrefix(dir, box)))
			}
			for _, dir := range []string{"/", "/guard-xy", "/guard-y", "/guard-y/guard-x"} {
				qt.Check(t, qt.Equals(doIn(t, dir, "open", secret, "r"), "open: ok"), qt.Commentf("%s", dir))
			}
			for _, dir := range []string{box, box + "/init"} {
				qt.Check(t, qt.Equals(doIn(t, dir, "bind", "tcp4", "127.0.0.1:4022", "--", "bind", "tcp4", "127.0.0.1:4023", "--", "bind", "tcp4", "127.0.0.1:4024"),
					"bind: "+denied+"\nbind: ok\nbind: ok"))
				qt.Check(t, qt.Equals(told("box").Process.ContainerID, boxID))
			}
			for _, dir := range []string{"/guard-x", deep} {
				qt.Check(t, qt.Equals(doIn(t, dir, "bind", "tcp4", "127.0.0.1:4022", "--", "bind", "tcp4", "127.0.0.1:4023"), "bind: ok\nbind: "+denied))
				told("nobox")
			}
			qt.Check(t, qt.Equals(doIn(t, "/guard-y/docker-"+strings.Repeat("f", 64)+".scope", "bind", "tcp4", "127.0.0.1:4022"), "bind: ok"))

			// Moved after they started.
			in, out := hold(t, "wait", "open", secret, "r"), hold(t, "wait", "open", secret, "r")
			in.moveTo("/guard-x/sub")
			out.moveTo("/guard-x")
			out.moveTo("/guard-xy")
			qt.Check(t, qt.Equals(in.finish(), "open: "+denied))
			told("x")
			qt.Check(t, qt.Equals(out.finish(), "open: ok"))
			g.silent()
		})
	}
}

// TestCgroupComes: a policy about a cgroup that is not there is refused; one that is
// made below one of a policy counts at once, and one that goes and comes back, as that
// of a service does that is started again, counts again.
func TestCgroupComes(t *testing.T) {
	secret := write(t, t.TempDir()+"/secret", "s")
	box := "/guard-z/docker-" + boxID + ".scope"
	lines := `
subjects: {z: {cgroup: /guard-z/service}, box: {container: ` + boxID + `}}
rules:
  - {id: z, subject: [z, box], file: {paths: ` + secret + `, access: read}, action: deny}
`
	f := start(t)
	policies := parse(t, enforce(lines))
	qt.Assert(t, qt.IsNil(f.AttachFor(policies...)))
	err := f.Set(policies...)
	qt.Check(t, qt.ErrorMatches(err, "(?s)test.yaml:.*no cgroup /guard-z/service: .*no container "+boxID+".*"))
	makeCgroup(t, "/guard-z/service")
	makeCgroup(t, box)
	qt.Assert(t, qt.IsNil(f.Set(policies...)))
	makeCgroup(t, "/guard-z/service/later")
	makeCgroup(t, "/guard-z/other")
	reads := func(dir string) string { return doIn(t, dir, "open", secret, "r") }
	for _, dir := range []string{"/guard-z/service", "/guard-z/service/later", box} {
		qt.Check(t, qt.Equals(reads(dir), "open: EPERM"))
	}
	for _, dir := range []string{"/guard-z/service/later", "/guard-z/service", "/guard-z/other", box, "/guard-z"} {
		dropCgroup(t, dir)
	}
	time.Sleep(500 * time.Millisecond) // it is noticed that they are gone
	for _, dir := range []string{"/guard-z/service", box} {
		makeCgroup(t, dir)
		began := time.Now()
		for reads(dir) != "open: EPERM" {
			qt.Assert(t, qt.IsTrue(time.Since(began) < kerneltest.Patience), qt.Commentf("%s", dir))
		}
		t.Logf("%s counts again within %v", dir, time.Since(began).Round(time.Millisecond))
	}
	makeCgroup(t, "/guard-z/other")
	qt.Check(t, qt.Equals(reads("/guard-z/other"), "open: ok"))
	qt.Check(t, qt.IsNil(f.Err()))

	// Deeper than the programs look.
	tooDeep := strings.Repeat("/d", cgroupLevels)
	makeCgroup(t, tooDeep)
	err = f.Set(parse(t, enforce(fmt.Sprintf(`
subjects: {z: {cgroup: %s}}
rules: [{id: z, subject: z, file: {paths: %s, access: read}, action: deny}]
`, tooDeep, secret)))...)
	qt.Check(t, qt.ErrorMatches(err, "(?s)test.yaml:.* is deeper than 31 levels.*"))
}
