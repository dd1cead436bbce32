package kerneltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
)

// Filtered is a command under test with a workload that waits (see [Waiter]), for
// the filters that all commands have. They hold together: of several workloads
// only that one is seen which passes all, so that one start proves each filter by
// the workload that fails it alone.
type Filtered struct {
	Tool, Workload string
	Flags          []string                   // of the command; it prints JSON
	Args           func(path string) []string // of the workload at path, after "wait"
	Count          int                        // events that it makes
	Caps           []uintptr                  // that it needs
	Child          bool                       // it is its child who makes them
	// Seen is how many events of a process the command has told of, where it does not
	// print them one by one; nil where it does.
	Seen func(r *Run, pid int) int
}

// filterUser is the user whom the workloads run as.
const filterUser = 4321

// wait starts the workload. set changes the process; it may be nil.
func (f Filtered) wait(t *testing.T, path string, set func(*syscall.SysProcAttr)) *Waiter {
	t.Helper()
	return Wait(t, f.Workload, func(c *exec.Cmd) {
		c.Path = path
		c.SysProcAttr = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: filterUser, Gid: filterUser},
			AmbientCaps: f.Caps,
		}
		if set != nil {
			set(c.SysProcAttr)
		}
	}, f.Args(path)...)
}

func ownMounts(a *syscall.SysProcAttr) { a.Cloneflags = syscall.CLONE_NEWNS }

func otherUser(a *syscall.SysProcAttr) { a.Credential.Uid = filterUser + 1 }

// TestProcess checks --pid, --uid, --comm, --mntns and --cgroup on rungs, "" for
// the best.
func (f Filtered) TestProcess(t *testing.T, rungs ...string) {
	path := Command(t, f.Workload).Path
	in := f.wait(t, path, nil)
	out := map[string]*Waiter{
		"--pid":    f.wait(t, path, nil),
		"--uid":    f.wait(t, path, otherUser),
		"--comm":   f.wait(t, renamed(t, path), nil),
		"--mntns":  f.wait(t, path, ownMounts),
		"--cgroup": f.wait(t, path, nil),
	}
	flags := []string{
		"--uid", strconv.Itoa(filterUser), "--comm", f.Workload[:min(15, len(f.Workload))],
		"--mntns", "/proc/" + strconv.Itoa(in.PID()) + "/ns/mnt", "--pid", strconv.Itoa(in.PID()),
	}
	// What is below the cgroup counts.
	flags = append(flags, "--cgroup", filepath.Dir(Cgroup(t, "outer/inner", in.PID())))
	for flag, w := range out {
		if flag != "--pid" {
			flags = append(flags, "--pid", strconv.Itoa(w.PID()))
		}
		if flag == "--cgroup" {
			Cgroup(t, "other", w.PID())
		} else {
			Cgroup(t, "outer/inner", w.PID())
		}
	}
	if f.Child {
		flags = append(flags, "--follow")
	}
	f.check(t, rungs, flags, in, out)
}

// TestContainer checks --container and the sets of cgroups and mount namespaces
// that the user has pinned.
func (f Filtered) TestContainer(t *testing.T, rungs ...string) {
	path := Command(t, f.Workload).Path
	in := f.wait(t, path, nil)
	out := map[string]*Waiter{
		"--container": f.wait(t, path, nil),
		"--cgroupmap": f.wait(t, path, nil),
		"--mntnsmap":  f.wait(t, path, ownMounts),
	}
	id := strings.Repeat("0123456789abcdef", 4)
	scope := "docker-" + id + ".scope"
	cgroups, cgroupPath := Pin(t, "cgroups", 8)
	spaces, spacePath := Pin(t, "mntns", 4)
	for _, dir := range []string{
		Cgroup(t, scope, in.PID()), Cgroup(t, scope, out["--mntnsmap"].PID()), Cgroup(t, "other", out["--container"].PID()),
	} {
		qt.Assert(t, qt.IsNil(cgroups.Put(inode(t, dir), uint64(1))))
	}
	Cgroup(t, scope+"/below", out["--cgroupmap"].PID()) // another cgroup
	qt.Assert(t, qt.IsNil(spaces.Put(inode(t, "/proc/"+strconv.Itoa(in.PID())+"/ns/mnt"), uint32(1))))
	runs := f.check(t, rungs, []string{"--container", id[:12], "--cgroupmap", cgroupPath, "--mntnsmap", spacePath}, in, out)
	for _, r := range runs {
		for _, e := range r.Events(f.of(in)) {
			qt.Check(t, qt.Equals(e["container_id"], any(id)))
		}
	}
}

// check runs the workloads under the command on all rungs at once: in must be
// seen to the unit, and none of out.
func (f Filtered) check(t *testing.T, rungs, flags []string, in *Waiter, out map[string]*Waiter) (runs []*Run) {
	t.Helper()
	for _, rung := range rungs {
		args := append(append([]string{}, f.Flags...), flags...)
		if rung != "" {
			args = append(args, "--rung", rung)
		}
		runs = append(runs, Start(t, f.Tool, args...))
	}
	in.Go(t)
	in.End(t)
	for _, w := range out {
		w.Go(t)
		w.End(t)
	}
	for i, r := range runs {
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		a := r.Account()
		qt.Check(t, qt.Equals(a.Lost, 0))
		qt.Check(t, qt.Equals(f.seen(r, in), f.Count), qt.Commentf("rung %s", rungs[i]))
		for flag, w := range out {
			qt.Check(t, qt.Equals(f.seen(r, w), 0), qt.Commentf("rung %s: %s lets pass what it must not", rungs[i], flag))
		}
		qt.Check(t, qt.IsTrue(a.Filtered >= uint64(f.Count*len(out))), qt.Commentf("rung %s: %+v", rungs[i], a))
	}
	return runs
}

func (f Filtered) seen(r *Run, w *Waiter) int {
	if f.Seen != nil {
		return f.Seen(r, w.PID())
	}
	return len(r.Events(f.of(w)))
}

// of matches the events that a workload makes.
func (f Filtered) of(w *Waiter) func(Event) bool {
	if f.Child {
		return func(e Event) bool { return Number(e["ppid"]) == int64(w.PID()) }
	}
	return Of(w.PID())
}

// renamed is a copy of a program with a name that begins as its own does: a
// prefix is another name.
func renamed(t *testing.T, path string) string {
	t.Helper()
	image, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		qt.Assert(t, qt.IsNil(os.Chmod(d, 0o755)))
	}
	name := filepath.Base(path)
	copied := filepath.Join(dir, name[:min(14, len(name)-1)])
	qt.Assert(t, qt.IsNil(os.WriteFile(copied, image, 0o755)))
	return copied
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	qt.Assert(t, qt.IsNil(syscall.Stat(path, &st)))
	return st.Ino
}
