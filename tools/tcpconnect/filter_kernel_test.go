//go:build kernel

package main

import (
	"net/netip"
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
)

// wait starts a workload that will connect to ADDR:PORT n times.
func wait(t *testing.T, to string, n int, set func(*exec.Cmd)) *kerneltest.Waiter {
	t.Helper()
	return kerneltest.Wait(t, workload, set, to, itoa(n))
}

// finish has a workload do what it waits for, to its end.
func finish(t *testing.T, w *kerneltest.Waiter) {
	t.Helper()
	w.Go(t)
	w.End(t)
}

// Attempts of waiters: primes, so that no sum is right by accident.
const (
	insideN  = 5
	outsideN = 7
)

// only runs two workloads under tcpconnect with flags and checks that the
// attempts of the first are seen and those of the second are not, exactly. Of
// both, one half fails at once.
func only(t *testing.T, set, unset func(*exec.Cmd), prepare func(in, out *kerneltest.Waiter), flags func(in *kerneltest.Waiter) []string) {
	t.Helper()
	for _, to := range []string{"127.0.0.1:1", "255.255.255.255:1"} { // refused; ENETUNREACH at once
		in, out := wait(t, to, insideN, set), wait(t, to, outsideN, unset)
		if prepare != nil {
			prepare(in, out)
		}
		r := start(t, "", flags(in)...)
		finish(t, in)
		finish(t, out)
		a := stop(t, r)
		qt.Check(t, qt.Equals(len(of(r, in.PID())), insideN), qt.Commentf("%s", to))
		qt.Check(t, qt.Equals(len(of(r, out.PID())), 0), qt.Commentf("%s", to))
		qt.Check(t, qt.IsTrue(a.Filtered >= outsideN), qt.Commentf("%+v", a))
	}
}

func TestFilterPID(t *testing.T) {
	only(t, nil, nil, nil, func(in *kerneltest.Waiter) []string { return []string{"-p", itoa(in.PID())} })
}

func TestFilterFollow(t *testing.T) {
	sh := exec.Command("/bin/sh", "-c", "read go; "+workload+" block 127.0.0.1:1; :")
	stdin, err := sh.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(sh.Start()))
	t.Cleanup(func() { sh.Process.Kill(); sh.Wait() })
	r := start(t, "", "-p", itoa(sh.Process.Pid), "--follow")
	run(t, workload, "block", "127.0.0.1:1")
	_, err = stdin.Write([]byte("go\n"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(sh.Wait()))
	a := stop(t, r)
	qt.Check(t, qt.Equals(a.Printed, 1))
	qt.Check(t, qt.IsTrue(a.Filtered >= 1))
}

func TestFilterUser(t *testing.T) {
	as := func(uid uint32) func(*exec.Cmd) {
		return func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		}
	}
	only(t, as(65534), as(1000), nil, func(*kerneltest.Waiter) []string { return []string{"-u", "nobody"} })
	only(t, as(4321), nil, nil, func(*kerneltest.Waiter) []string { return []string{"-u", "4321"} })
}

func TestFilterComm(t *testing.T) {
	in := wait(t, "127.0.0.1:1", insideN, nil)
	comm := workload[:15]
	r := start(t, "", "--comm", comm)
	finish(t, in)
	stop(t, r)
	qt.Check(t, qt.Equals(len(of(r, in.PID())), insideN))

	in = wait(t, "127.0.0.1:1", insideN, nil)
	r = start(t, "", "--comm", comm[:14]) // a prefix is another name
	finish(t, in)
	a := stop(t, r)
	qt.Check(t, qt.Equals(len(of(r, in.PID())), 0))
	qt.Check(t, qt.IsTrue(a.Filtered >= insideN))
}

func TestFilterMountNamespace(t *testing.T) {
	apart := func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} }
	only(t, apart, nil, nil, func(in *kerneltest.Waiter) []string {
		return []string{"--mntns", "/proc/" + itoa(in.PID()) + "/ns/mnt"}
	})
}

func TestFilterCgroup(t *testing.T) {
	var dir string
	only(t, nil, nil, func(in, _ *kerneltest.Waiter) { dir = kerneltest.Cgroup(t, "outer/inner", in.PID()) },
		func(*kerneltest.Waiter) []string { return []string{"--cgroup", filepath.Dir(dir)} })
}

func TestFilterContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	only(t, nil, nil, func(in, _ *kerneltest.Waiter) { kerneltest.Cgroup(t, "docker-"+id+".scope", in.PID()) },
		func(*kerneltest.Waiter) []string { return []string{"--container", id[:12]} })
}

// The container is that of the caller, whoever is running when the outcome comes.
func TestContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for _, to := range []string{"127.0.0.1:0", "127.0.0.1:1", "255.255.255.255:1"} {
		in := wait(t, to, 1, nil)
		var st syscall.Stat_t
		qt.Assert(t, qt.IsNil(syscall.Stat(kerneltest.Cgroup(t, "docker-"+id+".scope", in.PID()), &st)))
		r := start(t, "")
		finish(t, in)
		stop(t, r)
		events := of(r, in.PID())
		qt.Assert(t, qt.Equals(len(events), 1))
		qt.Check(t, qt.Equals(events[0]["container_id"], any(id)))
		qt.Check(t, qt.Equals(number(events[0]["cgroup_id"]), int(st.Ino)))
	}
	out := wait(t, "127.0.0.1:1", 1, nil)
	r := start(t, "")
	finish(t, out)
	stop(t, r)
	qt.Check(t, qt.IsNil(of(r, out.PID())[0]["container_id"]))
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
		path := filepath.Join(bpffs, "ringside-tcp-"+name)
		os.Remove(path)
		qt.Assert(t, qt.IsNil(m.Pin(path)))
		t.Cleanup(func() { m.Unpin(); m.Close() })
		return m, path
	}
	cgroups, cgroupPath := pin("cgroups", 8)
	only(t, nil, nil, func(in, _ *kerneltest.Waiter) {
		var st syscall.Stat_t
		qt.Assert(t, qt.IsNil(syscall.Stat(kerneltest.Cgroup(t, "set", in.PID()), &st)))
		qt.Assert(t, qt.IsNil(cgroups.Put(st.Ino, uint64(1))))
	}, func(*kerneltest.Waiter) []string { return []string{"--cgroupmap", cgroupPath} })

	spaces, spacePath := pin("mntns", 4)
	apart := func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} }
	only(t, apart, nil, func(in, _ *kerneltest.Waiter) {
		var st syscall.Stat_t
		qt.Assert(t, qt.IsNil(syscall.Stat("/proc/"+itoa(in.PID())+"/ns/mnt", &st)))
		qt.Assert(t, qt.IsNil(spaces.Put(st.Ino, uint32(1))))
	}, func(*kerneltest.Waiter) []string { return []string{"--mntnsmap", spacePath} })
}

// What the command's own filters let pass, of a fixed set of attempts.
func TestFilterDestination(t *testing.T) {
	targets := []string{"127.0.0.1:1", "127.0.0.1:7", "127.9.0.1:1", "[::1]:1", "[::1]:7", "[::ffff:127.0.0.1]:1",
		"255.255.255.255:1", "255.255.255.255:7"} // the last two fail at once
	// An address of IPv4 in one of IPv6 is the same destination.
	name := strings.NewReplacer("mapped", "127.0.0.1", "all", "255.255.255.255")
	for flags, want := range map[string]string{
		"-4":                             "127.0.0.1:1 127.0.0.1:7 127.9.0.1:1 mapped:1 all:1 all:7",
		"-6":                             "[::1]:1 [::1]:7",
		"-P 7":                           "127.0.0.1:7 [::1]:7 all:7",
		"-P 2,7 -P 3":                    "127.0.0.1:7 [::1]:7 all:7",
		"--not-port 7":                   "127.0.0.1:1 127.9.0.1:1 [::1]:1 mapped:1 all:1",
		"-P 1,7 --not-port 7 -6":         "[::1]:1",
		"--net 127.0.0.0/16":             "127.0.0.1:1 127.0.0.1:7 mapped:1",
		"--net 127.0.0.1,127.9.0.0/24":   "127.0.0.1:1 127.0.0.1:7 127.9.0.1:1 mapped:1",
		"--net ::/0":                     "[::1]:1 [::1]:7",
		"--net 0.0.0.0/0":                "127.0.0.1:1 127.0.0.1:7 127.9.0.1:1 mapped:1 all:1 all:7",
		"--net ::1 --net 255.0.0.0/8":    "[::1]:1 [::1]:7 all:1 all:7",
		"--net ::ffff:127.9.0.0/112":     "127.9.0.1:1",
		"--net 10.0.0.0/8 -P 1":          "",
		"--failed --net 255.0.0.0/8":     "all:1 all:7",
		"--only refused -P 7":            "127.0.0.1:7 [::1]:7",
		"--only unreachable,established": "all:1 all:7",
		"--only timeout":                 "",
	} {
		t.Run(flags, func(t *testing.T) {
			r := start(t, "", strings.Fields(flags)...)
			pid := run(t, workload, append([]string{"each"}, targets...)...).pid
			a := stop(t, r)
			got := make(map[string]int)
			for _, e := range of(r, pid) {
				addr := netip.MustParseAddr(text(e["daddr"]))
				got[netip.AddrPortFrom(addr, uint16(number(e["dport"]))).String()]++
			}
			wanted := make(map[string]int)
			for _, to := range strings.Fields(name.Replace(want)) {
				wanted[to]++
			}
			qt.Check(t, qt.DeepEquals(got, wanted))
			qt.Check(t, qt.IsTrue(a.Filtered >= uint64(len(targets)-len(strings.Fields(want)))))
		})
	}
}
