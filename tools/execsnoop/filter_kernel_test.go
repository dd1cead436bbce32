//go:build kernel

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// waiter is a workload that execs a child when told to.
type waiter struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// wait starts a workload that will run FILE "MARK" in a child.
func wait(t *testing.T, mark string, set func(*exec.Cmd)) *waiter {
	t.Helper()
	self := lookup(t, workload)
	cmd := exec.Command(self, "wait", self, mark, "args", "/dev/null")
	if set != nil {
		set(cmd)
	}
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &waiter{cmd, stdin}
}

func (w *waiter) run(t *testing.T) {
	t.Helper()
	_, err := w.stdin.Write([]byte("g"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.cmd.Wait()))
}

// only runs the two workloads under execsnoop with flags and checks that the
// children of the first are seen and those of the second are not.
func only(t *testing.T, in, out *waiter, flags ...string) {
	t.Helper()
	r := kerneltest.Start(t, "execsnoop", append([]string{"--json"}, flags...)...)
	in.run(t)
	out.run(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	a := r.Account()
	qt.Check(t, qt.Equals(marked(r, "in"), 1))
	qt.Check(t, qt.Equals(marked(r, "out"), 0))
	qt.Check(t, qt.IsTrue(a.Filtered >= 1))
}

//vmrun:kernels 6.1
func TestFilterPID(t *testing.T) {
	// Without --follow a child is another process.
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	r := kerneltest.Start(t, "execsnoop", "--json", "--pid", itoa(in.cmd.Process.Pid))
	in.run(t)
	out.run(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(marked(r, "in"), 0))
	qt.Check(t, qt.Equals(marked(r, "out"), 0))

	// Children that were there before are followed too.
	child := wait(t, "in", func(c *exec.Cmd) {})
	out = wait(t, "out", func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} })
	outer := kerneltest.Start(t, "execsnoop", "--json", "--pid", itoa(os.Getpid()), "--follow")
	child.run(t)
	out.run(t)
	qt.Assert(t, qt.Equals(outer.Stop(), 0))
	qt.Check(t, qt.Equals(marked(outer, "in"), 1))
	qt.Check(t, qt.Equals(marked(outer, "out"), 1))
}

// A followed process leaves the set with its last thread: its id may be given
// to somebody else.
//
//vmrun:kernels 6.1
func TestFollowForgets(t *testing.T) {
	in := wait(t, "in", nil)
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "execsnoop", "--json", "--pid", itoa(in.cmd.Process.Pid), "--follow")
	pids := kerneltest.FindMap(t, "filter_pids", before)
	var pid uint32
	var one uint8
	qt.Check(t, qt.IsTrue(pids.Iterate().Next(&pid, &one)), qt.Commentf("not followed at all"))
	in.run(t)
	left := true
	for deadline := time.Now().Add(10 * time.Second); left && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left = pids.Iterate().Next(&pid, &one)
	}
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(marked(r, "in"), 1))
	if left && r.Skipped() == 0 {
		t.Errorf("process %d has ended and is still followed", pid)
	}
}

// An id whose process ended unseen is forgotten when somebody else gets it.
//
//vmrun:kernels 6.1
func TestFollowReused(t *testing.T) {
	const lastPID = "/proc/sys/kernel/ns_last_pid"
	in := wait(t, "in", nil)
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "execsnoop", "--json", "--pid", itoa(in.cmd.Process.Pid), "--follow")
	pids := kerneltest.FindMap(t, "filter_pids", before)
	self := lookup(t, workload)
	reused := false
	for try := 0; try < 20 && !reused; try++ { // another process may get the id
		text, err := os.ReadFile(lastPID)
		qt.Assert(t, qt.IsNil(err))
		last, err := strconv.Atoi(strings.TrimSpace(string(text)))
		qt.Assert(t, qt.IsNil(err))
		stale := uint32(last + 50)
		qt.Assert(t, qt.IsNil(pids.Put(stale, uint8(1))))
		qt.Assert(t, qt.IsNil(os.WriteFile(lastPID, []byte(itoa(last+49)), 0)))
		out := &exec.Cmd{Path: self, Args: []string{"out", "args", "/dev/null"}}
		qt.Assert(t, qt.IsNil(out.Run()))
		reused = out.Process.Pid == int(stale)
		var one uint8
		if reused {
			qt.Check(t, qt.ErrorIs(pids.Lookup(stale, &one), ebpf.ErrKeyNotExist))
		} else {
			pids.Delete(stale)
		}
	}
	qt.Assert(t, qt.IsTrue(reused))
	in.run(t)
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(marked(r, "out"), 0))
	qt.Check(t, qt.Equals(marked(r, "in"), 1))
}

//vmrun:kernels 6.1
func TestFilterPPID(t *testing.T) {
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	only(t, in, out, "-P", itoa(in.cmd.Process.Pid))
}

// filtered is the workload whose child execs.
func filtered() kerneltest.Filtered {
	return kerneltest.Filtered{
		Tool: "execsnoop", Workload: workload, Flags: []string{"--json"}, Count: 1, Child: true,
		Args: func(path string) []string { return []string{path, "mark", "args", "/dev/null"} },
	}
}

//vmrun:kernels 6.1
func TestFilterProcess(t *testing.T) { filtered().TestProcess(t, "") }

//vmrun:kernels 6.1
func TestFilterContainer(t *testing.T) { filtered().TestContainer(t, "") }

// A user may be given by name.
//
//vmrun:kernels 6.1
func TestFilterUser(t *testing.T) {
	as := func(uid uint32) func(*exec.Cmd) {
		return func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		}
	}
	only(t, wait(t, "in", as(65534)), wait(t, "out", as(1000)), "-u", "nobody")
}

//vmrun:kernels 6.1
func TestFilterComm(t *testing.T) {
	self := lookup(t, workload)
	image, err := os.ReadFile(self)
	qt.Assert(t, qt.IsNil(err))
	named := write(t, "fifteen-letters-and-more", string(image), 0o755)
	r := kerneltest.Start(t, "execsnoop", "--json", "--comm", "fifteen-letters")
	exec.Command(named, "args", "/dev/null").Run()
	exec.Command(self, "args", "/dev/null").Run()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	events := r.Events(func(kerneltest.Event) bool { return true })
	qt.Check(t, qt.Equals(one(t, events)["exe"], any(named)))
}

// childOf runs a workload that waits, and returns the start of its child.
func childOf(t *testing.T, o observer, w *waiter) kerneltest.Event {
	t.Helper()
	w.run(t)
	o.Settle(t)
	return one(t, o.Events(func(e kerneltest.Event) bool { return number(e["ppid"]) == w.cmd.Process.Pid }))
}

func testContainer(t *testing.T, o observer) {
	id := strings.Repeat("0123456789abcdef", 4)
	in := wait(t, "in", nil)
	kerneltest.Cgroup(t, "docker-"+id+".scope", in.cmd.Process.Pid)
	qt.Check(t, qt.Equals(childOf(t, o, in)["container_id"], any(id)))
}

// On a machine with cgroup v1 the id is in the name of a v1 directory.
func testContainerV1(t *testing.T, o observer) {
	root := "/sys/fs/cgroup/pids"
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		root = t.TempDir()
		qt.Assert(t, qt.IsNil(syscall.Mount("cgroup", root, "cgroup", 0, "pids")))
		t.Cleanup(func() { syscall.Unmount(root, 0) })
	}
	id := strings.Repeat("fedcba9876543210", 4)
	in := wait(t, "in", nil)
	dir := filepath.Join(root, id)
	qt.Assert(t, qt.IsNil(os.Mkdir(dir, 0o755)))
	t.Cleanup(func() { os.Remove(dir) })
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(itoa(in.cmd.Process.Pid)), 0)))
	qt.Check(t, qt.Equals(childOf(t, o, in)["container_id"], any(id)))
}

// A map that is no set of mount namespaces is refused, which has another size.
func TestFilterPinnedMaps(t *testing.T) {
	_, path := kerneltest.Pin(t, "cgroups", 8)
	_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "execsnoop", "--mntnsmap", path))
	qt.Check(t, qt.Equals(code, 2))
	qt.Check(t, qt.StringContains(stderr, "want a hash with 8 and 4"))
}

//vmrun:kernels 6.1
func TestFilterExpressions(t *testing.T) {
	self := lookup(t, workload)
	r := kerneltest.Start(t, "execsnoop", "--json", "-n", "^execsnoop-work", "-l", `args /dev/null li[mn]e$`)
	exec.Command(self, "args", "/dev/null", "line").Run()
	exec.Command(self, "args", "/dev/null", "life").Run()
	exec.Command("/bin/sh", "-c", ":", "args /dev/null line").Run()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	events := r.Events(func(kerneltest.Event) bool { return true })
	qt.Check(t, qt.DeepEquals(argv(t, one(t, events))[3], "line"))
	qt.Check(t, qt.IsTrue(r.Account().Filtered >= 2))
}

func testOverlay(t *testing.T, o observer) {
	base, err := os.MkdirTemp("/dev/shm", "ringside") // an upper layer needs a real file system or tmpfs
	if err != nil {
		base = t.TempDir()
	} else {
		t.Cleanup(func() { os.RemoveAll(base) })
	}
	self := lookup(t, workload)
	image, err := os.ReadFile(self)
	qt.Assert(t, qt.IsNil(err))
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(base, d), 0o755)))
	}
	put := func(path string) {
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(base, path), image, 0o755)))
	}
	put("lower/from-image")
	merged := filepath.Join(base, "merged")
	opts := "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work"
	qt.Assert(t, qt.IsNil(syscall.Mount("overlay", merged, "overlay", 0, opts)))
	t.Cleanup(func() { syscall.Unmount(merged, 0) })
	put("merged/dropped-later")

	for file, upper := range map[string]bool{"from-image": false, "dropped-later": true} {
		path := filepath.Join(merged, file)
		events, _ := o.observe(t, workload, "exec", path, "x", "args", "/dev/null")
		e := one(t, events)
		qt.Check(t, qt.Equals(e["exe_upper_layer"], any(upper)), qt.Commentf("%s", file))
		qt.Check(t, qt.Equals(e["exe"], any(path)))
	}
	events, _ := o.observe(t, workload, "exec", self, "x", "args", "/dev/null")
	qt.Check(t, qt.Equals(one(t, events)["exe_upper_layer"], any(false)))
}
