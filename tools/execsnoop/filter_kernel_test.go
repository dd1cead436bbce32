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
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/process"
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

func TestFilterPID(t *testing.T) {
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	only(t, in, out, "--pid", itoa(in.cmd.Process.Pid), "--follow")

	// Without --follow a child is another process.
	in, out = wait(t, "in", nil), wait(t, "out", nil)
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
func TestFollowForgets(t *testing.T) {
	in := wait(t, "in", nil)
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "execsnoop", "--json", "--pid", itoa(in.cmd.Process.Pid), "--follow")
	pids := kerneltest.FindMap(t, "filter_pids", before)
	var pid uint32
	var one uint8
	qt.Check(t, qt.IsTrue(pids.Iterate().Next(&pid, &one)), qt.Commentf("not followed at all"))
	in.run(t)
	for deadline := time.Now().Add(10 * time.Second); pids.Iterate().Next(&pid, &one); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d has ended and is still followed", pid)
		}
	}
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(marked(r, "in"), 1))
}

func TestFilterPPID(t *testing.T) {
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	only(t, in, out, "-P", itoa(in.cmd.Process.Pid))
}

func TestFilterUser(t *testing.T) {
	as := func(uid uint32) func(*exec.Cmd) {
		return func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		}
	}
	only(t, wait(t, "in", as(65534)), wait(t, "out", as(1000)), "-u", "nobody")
	only(t, wait(t, "in", as(4321)), wait(t, "out", nil), "-u", "4321")
}

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

	r = kerneltest.Start(t, "execsnoop", "--json", "--comm", "fifteen-letter")
	exec.Command(named, "args", "/dev/null").Run()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.HasLen(r.Lines(), 0)) // a prefix is another name
}

func TestFilterMountNamespace(t *testing.T) {
	in := wait(t, "in", func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} })
	ns := "/proc/" + itoa(in.cmd.Process.Pid) + "/ns/mnt"
	only(t, in, wait(t, "out", nil), "--mntns", ns)

	in = wait(t, "in", func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} })
	var st syscall.Stat_t
	qt.Assert(t, qt.IsNil(syscall.Stat("/proc/"+itoa(in.cmd.Process.Pid)+"/ns/mnt", &st)))
	only(t, in, wait(t, "out", nil), "--mntns", itoa(int(st.Ino)))
}

// cgroup makes a cgroup for the test and puts a workload into it.
func cgroup(t *testing.T, name string, w *waiter) string {
	t.Helper()
	root, err := process.CgroupRoot()
	qt.Assert(t, qt.IsNil(err))
	dir := filepath.Join(root, "ringside-test", name)
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir, 0o755)))
	t.Cleanup(func() {
		for d := dir; d != root; d = filepath.Dir(d) {
			os.Remove(d)
		}
	})
	procs := filepath.Join(dir, "cgroup.procs")
	qt.Assert(t, qt.IsNil(os.WriteFile(procs, []byte(itoa(w.cmd.Process.Pid)), 0)))
	return dir
}

func TestFilterCgroup(t *testing.T) {
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	dir := cgroup(t, "outer/inner", in)
	only(t, in, out, "--cgroup", dir)

	in, out = wait(t, "in", nil), wait(t, "out", nil)
	dir = cgroup(t, "outer/inner", in)
	cgroup(t, "other", out)
	only(t, in, out, "-c", filepath.Dir(dir)) // below counts
}

func TestFilterContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	cgroup(t, "docker-"+id+".scope", in)
	only(t, in, out, "--container", id[:12])

	in = wait(t, "in", nil)
	cgroup(t, "docker-"+id+".scope", in)
	r := kerneltest.Start(t, "execsnoop", "--json")
	in.run(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	e := one(t, r.Events(func(e kerneltest.Event) bool { return argv(t, e)[0] == "in" }))
	qt.Check(t, qt.Equals(e["container_id"], any(id)))
}

// On a machine with cgroup v1 the id is in the name of a v1 directory.
func TestContainerV1(t *testing.T) {
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
	r := kerneltest.Start(t, "execsnoop", "--json")
	in.run(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	e := one(t, r.Events(func(e kerneltest.Event) bool { return argv(t, e)[0] == "in" }))
	qt.Check(t, qt.Equals(e["container_id"], any(id)))
}

func TestFilterPinnedMaps(t *testing.T) {
	const bpffs = "/sys/fs/bpf"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(bpffs, &fs); err != nil || fs.Type != 0xcafe4a11 {
		qt.Assert(t, qt.IsNil(os.MkdirAll(bpffs, 0o755)))
		qt.Assert(t, qt.IsNil(syscall.Mount("bpf", bpffs, "bpf", 0, "")))
		t.Cleanup(func() { syscall.Unmount(bpffs, 0) })
	}
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock())) // for our own maps, before 5.11
	pin := func(name string, value uint32) (*ebpf.Map, string) {
		m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 8, ValueSize: value, MaxEntries: 128})
		qt.Assert(t, qt.IsNil(err))
		path := filepath.Join(bpffs, "ringside-"+name)
		os.Remove(path)
		qt.Assert(t, qt.IsNil(m.Pin(path)))
		t.Cleanup(func() { m.Unpin(); m.Close() })
		return m, path
	}
	cgroups, cgroupPath := pin("cgroups", 8)
	in, out := wait(t, "in", nil), wait(t, "out", nil)
	var st syscall.Stat_t
	qt.Assert(t, qt.IsNil(syscall.Stat(cgroup(t, "set", in), &st)))
	qt.Assert(t, qt.IsNil(cgroups.Put(st.Ino, uint64(1))))
	only(t, in, out, "--cgroupmap", cgroupPath)

	spaces, spacePath := pin("mntns", 4)
	in = wait(t, "in", func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} })
	out = wait(t, "out", nil)
	qt.Assert(t, qt.IsNil(syscall.Stat("/proc/"+itoa(in.cmd.Process.Pid)+"/ns/mnt", &st)))
	qt.Assert(t, qt.IsNil(spaces.Put(st.Ino, uint32(1))))
	only(t, in, out, "--mntnsmap", spacePath)

	_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "execsnoop", "--mntnsmap", cgroupPath))
	qt.Check(t, qt.Equals(code, 2))
	qt.Check(t, qt.StringContains(stderr, "want a hash with 8 and 4"))
}

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

func TestOverlay(t *testing.T) {
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
		events, _ := observe(t, workload, "exec", path, "x", "args", "/dev/null")
		e := one(t, events)
		qt.Check(t, qt.Equals(e["exe_upper_layer"], any(upper)), qt.Commentf("%s", file))
		qt.Check(t, qt.Equals(e["exe"], any(path)))
	}
	events, _ := observe(t, workload, "exec", self, "x", "args", "/dev/null")
	qt.Check(t, qt.Equals(one(t, events)["exe_upper_layer"], any(false)))
}
