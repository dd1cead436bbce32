//go:build kernel

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/process"
)

// waiter is a workload that listens when told to.
type waiter struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func wait(t *testing.T, set func(*exec.Cmd)) *waiter {
	t.Helper()
	cmd := kerneltest.Command(t, workload, "wait", "tcp4", "0.0.0.0:0")
	if set != nil {
		set(cmd)
	}
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	stdout, err := cmd.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	_, err = bufio.NewReader(stdout).ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	return &waiter{cmd, stdin}
}

func (w *waiter) run(t *testing.T) {
	t.Helper()
	_, err := w.stdin.Write([]byte("\n"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.cmd.Wait()))
}

// only checks that with flags the first workload is seen, and the second is not.
func only(t *testing.T, in, out *waiter, flags ...string) []kerneltest.Event {
	t.Helper()
	r := kerneltest.Start(t, "bindsnoop", append([]string{"--json", "-l"}, flags...)...)
	in.run(t)
	out.run(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	events := r.Events(of(in.cmd.Process.Pid))
	qt.Check(t, qt.Equals(len(events), 2), qt.Commentf("%v", flags))
	qt.Check(t, qt.Equals(len(r.Events(of(out.cmd.Process.Pid))), 0), qt.Commentf("%v", flags))
	qt.Check(t, qt.IsTrue(r.Account().Filtered >= 2))
	return events
}

func as(uid uint32) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
}

func newMounts(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} }

func TestFilterPID(t *testing.T) {
	in := wait(t, nil)
	only(t, in, wait(t, nil), "-p", itoa(in.cmd.Process.Pid))

	// With --follow those are seen that the process starts.
	shell := exec.Command("/bin/sh", "-c", "read line; "+lookup(t, workload)+" bind 3 udp4 127.0.0.1:7241; exit 0")
	stdin, err := shell.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(shell.Start()))
	r := kerneltest.Start(t, "bindsnoop", "--json", "-p", itoa(shell.Process.Pid), "--follow")
	stdin.Write([]byte("\n"))
	qt.Assert(t, qt.IsNil(shell.Wait()))
	exec.Command(lookup(t, workload), "bind", "3", "udp4", "127.0.0.1:7241").Run()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(len(r.Lines()), 3))
}

func TestFilterUser(t *testing.T) { only(t, wait(t, as(4321)), wait(t, nil), "-u", "4321") }

func TestFilterComm(t *testing.T) {
	image, err := os.ReadFile(lookup(t, workload))
	qt.Assert(t, qt.IsNil(err))
	named := filepath.Join(t.TempDir(), "fifteen-letters-and-more")
	qt.Assert(t, qt.IsNil(os.WriteFile(named, image, 0o755)))
	in := wait(t, func(c *exec.Cmd) { c.Path = named })
	only(t, in, wait(t, nil), "--comm", "fifteen-letters")
}

func TestFilterPort(t *testing.T) {
	r := kerneltest.Start(t, "bindsnoop", "--json", "-E", "-P", "7251,7253-7255")
	self := lookup(t, workload)
	for _, port := range []string{"7250", "7251", "7252", "7253", "7254", "7255", "7256"} {
		exec.Command(self, "bind", "2", "udp4", "127.0.0.1:"+port).Run()
	}
	exec.Command(self, "bind", "1", "udp4", "192.0.2.7:7254").Run() // fails, and was asked for
	exec.Command(self, "fault").Run()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(len(r.Lines()), 9))
	qt.Check(t, qt.IsTrue(r.Account().Filtered >= 6))
}

func TestFilterMountNamespace(t *testing.T) {
	in := wait(t, newMounts)
	only(t, in, wait(t, nil), "--mntns", "/proc/"+itoa(in.cmd.Process.Pid)+"/ns/mnt")
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
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(itoa(w.cmd.Process.Pid)), 0)))
	return dir
}

func TestFilterCgroup(t *testing.T) {
	in := wait(t, nil)
	only(t, in, wait(t, nil), "-c", filepath.Dir(cgroup(t, "outer/inner", in)))
}

func TestFilterContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	in := wait(t, nil)
	cgroup(t, "docker-"+id+".scope", in)
	for _, e := range only(t, in, wait(t, nil), "--container", id[:12]) {
		qt.Check(t, qt.Equals(e["container_id"], any(id)))
	}

	// A listener that was there before has it too.
	held, _ := hold(t, "tcp4", "127.0.0.1:0", nil)
	defer held.close()
	cgroup(t, "docker-"+id+".scope", &waiter{cmd: held.cmd})
	r := kerneltest.Start(t, "bindsnoop", "--json", "--existing", "--container", id[:7], "--duration", "100ms")
	qt.Assert(t, qt.Equals(r.Wait(), 0))
	qt.Check(t, qt.Equals(one1(t, r.Lines())["container_id"], any(id)))
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
		path := filepath.Join(bpffs, "ringside-bind-"+name)
		os.Remove(path)
		qt.Assert(t, qt.IsNil(m.Pin(path)))
		t.Cleanup(func() { m.Unpin(); m.Close() })
		return m, path
	}
	var st syscall.Stat_t
	cgroups, path := pin("cgroups", 8)
	in := wait(t, nil)
	qt.Assert(t, qt.IsNil(syscall.Stat(cgroup(t, "set", in), &st)))
	qt.Assert(t, qt.IsNil(cgroups.Put(st.Ino, uint64(1))))
	only(t, in, wait(t, nil), "--cgroupmap", path)

	spaces, path := pin("mntns", 4)
	in = wait(t, newMounts)
	qt.Assert(t, qt.IsNil(syscall.Stat("/proc/"+itoa(in.cmd.Process.Pid)+"/ns/mnt", &st)))
	qt.Assert(t, qt.IsNil(spaces.Put(st.Ino, uint32(1))))
	only(t, in, wait(t, nil), "--mntnsmap", path)
}
