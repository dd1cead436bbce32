//go:build kernel

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// ownNetwork puts the goroutine, and what it starts, into a network of its own, with a loopback and nothing else. The
// thread ends with the goroutine.
func ownNetwork(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // and never unlock
	qt.Assert(t, qt.IsNil(unix.Unshare(unix.CLONE_NEWNET)))
	qt.Assert(t, qt.IsNil(loopbackUp()))
}

// packetRungsHere are those that this kernel has.
func packetRungsHere() []string {
	if kernel == "5.10" || kernel == "6.1" {
		return []string{"clsact"}
	}
	return kerneltest.Rungs("tcx", "clsact")
}

// packet is one of a file.
type packet struct {
	data    string
	length  int
	comment string
	iface   string
	out     bool
	when    time.Time
}

// readPackets reads a file of ours.
func readPackets(t testing.TB, text []byte) (all []packet) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(text), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	qt.Assert(t, qt.IsNil(err))
	for {
		data, info, options, err := r.ReadPacketDataWithOptions()
		if err != nil {
			return all
		}
		i, err := r.Interface(info.InterfaceIndex)
		qt.Assert(t, qt.IsNil(err))
		p := packet{data: string(data), length: info.Length, iface: i.Name, when: info.Timestamp, comment: firstOf(options.Comments)}
		p.out = options.Flags != nil && options.Flags.Direction == pcapgo.NgEpbFlagDirectionOutbound
		all = append(all, p)
	}
}

// startPackets starts a capture into a new file.
func startPackets(t testing.TB, flags ...string) (*kerneltest.Run, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "packets")
	return kerneltest.Start(t, "tlscap", append([]string{"--mode", "pcapng", "--pcap-file", path}, flags...)...), path
}

// stopPackets ends it, and returns what is in the file. Everything that was seen is accounted for.
func stopPackets(t testing.TB, r *kerneltest.Run, path string) []packet {
	t.Helper()
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	text, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	all := readPackets(t, text)
	qt.Check(t, qt.StringContains(r.Stderr(), fmt.Sprintf("; %d packets and ", len(all))))
	r.Account()
	return all
}

// udpSender is a process that sends datagrams to a port of the loopback when it is told to.
func udpSender(t testing.TB, to string, port, count, size int) *waiting {
	t.Helper()
	return startWaiting(t, exec.Command(python, "-c", `
import socket, sys
to, port, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(count):
    s.sendto(b"x" * size, (to, port))
`, to, itoa(port), itoa(count), itoa(size)))
}

// udpSink binds a port, so that nothing comes back to those who send to it.
func udpSink(t testing.TB) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { unix.Close(fd) })
	qt.Assert(t, qt.IsNil(unix.Bind(fd, &unix.SockaddrInet6{})))
	name, err := unix.Getsockname(fd)
	qt.Assert(t, qt.IsNil(err))
	return name.(*unix.SockaddrInet6).Port
}

// Each packet of the loopback is there once, with its length, its time and its process; with --pid, those of the
// process and no others; and a filter takes what it says.
//
//vmrun:kernels 5.10 6.12
func TestPacketsExact(t *testing.T) {
	for _, rung := range packetRungsHere() {
		t.Run(rung, func(t *testing.T) {
			ownNetwork(t)
			before := kerneltest.Loaded(t)
			port := udpSink(t)
			const mine, others, large = 101, 13, 7
			one := udpSender(t, "127.0.0.1", port, mine, 83)
			six := udpSender(t, "::1", port, others, 83)
			big := udpSender(t, "127.0.0.1", port, large, 60000)
			pid := one.cmd.Process.Pid
			all, allFile := startPackets(t, "--rung", rung, "-i", "lo")
			own, ownFile := startPackets(t, "--rung", rung, "-i", "lo", "--pid", itoa(pid))
			some, someFile := startPackets(t, "--rung", rung, "--snaplen", "64", "udp", "and", "(ip6", "or", "greater", "1000)")
			began := time.Now()
			for _, w := range []*waiting{one, six, big} {
				w.finish(t)
			}
			got := stopPackets(t, all, allFile)
			qt.Check(t, qt.Equals(len(got), mine+others+large))
			qt.Check(t, qt.Equals(kerneltest.Account{Seen: mine + others + large, Printed: mine + others + large}, all.Account()))
			comments := make(map[string]int)
			for _, p := range got {
				comments[p.comment]++
				qt.Check(t, qt.Equals(p.iface, "lo"))
				qt.Check(t, qt.Equals(p.length, len(p.data)))
				qt.Check(t, qt.IsTrue(!p.when.Before(began.Add(-100*time.Millisecond)) && p.when.Before(time.Now())), qt.Commentf("%v", p.when))
			}
			from := func(w *waiting) string { return fmt.Sprintf("from python3, pid %d, uid 0", w.cmd.Process.Pid) }
			qt.Check(t, qt.DeepEquals(comments, map[string]int{from(one): mine, from(six): others, from(big): large}))

			got = stopPackets(t, own, ownFile)
			qt.Check(t, qt.Equals(len(got), mine))
			for _, p := range got {
				qt.Check(t, qt.Equals(p.comment, from(one)))
			}
			qt.Check(t, qt.Equals(kerneltest.Account{Seen: mine + others + large, Printed: mine, Filtered: others + large}, own.Account()))

			got = stopPackets(t, some, someFile)
			qt.Check(t, qt.Equals(len(got), others+large))
			for _, p := range got {
				qt.Check(t, qt.Equals(len(p.data), 64))
				qt.Check(t, qt.IsTrue(p.length == 14+40+8+83 || p.length == 14+20+8+60000), qt.Commentf("%d", p.length))
			}
			kerneltest.NothingLeft(t, before)
		})
	}
}

// With --pid there are all packets of the connections that the process has, also of those that it had before, and none
// of another process that does the same at the same time.
//
//vmrun:kernels 6.12
func TestPacketsOfProcess(t *testing.T) {
	ownNetwork(t)
	mine, other := waitingPeer(t, "exchange", "3", "5", "1009"), waitingPeer(t, "exchange", "3", "5", "1009")
	pid := mine.cmd.Process.Pid
	all, allFile := startPackets(t)
	own, ownFile := startPackets(t, "--pid", itoa(pid))
	mine.finish(t)
	other.finish(t)
	name := fmt.Sprintf("python3, pid %d, uid 0", pid)
	both := "from " + name + "; to " + name
	var want, got []string
	others := 0
	for _, p := range stopPackets(t, all, allFile) {
		if p.comment == both {
			want = append(want, p.data)
		} else {
			qt.Check(t, qt.StringContains(p.comment, fmt.Sprintf("pid %d,", other.cmd.Process.Pid)))
			others++
		}
	}
	for _, p := range stopPackets(t, own, ownFile) {
		qt.Check(t, qt.Equals(p.comment, both))
		got = append(got, p.data)
	}
	qt.Check(t, qt.IsTrue(len(got) > 3*5*2 && others > 3*5*2), qt.Commentf("%d and %d", len(got), others))
	qt.Check(t, qt.DeepEquals(got, want))
}

// What a FILTER does not take, takes no room in the ring.
//
//vmrun:kernels 6.12
func TestPacketsFilteredInKernel(t *testing.T) {
	ownNetwork(t)
	port := udpSink(t)
	many, few := udpSender(t, "127.0.0.1", port, 101, 9000), udpSender(t, "::1", port, 5, 9)
	r, path := startPackets(t, "--buffer", "256K", "udp port "+itoa(port)+" and not (ip and net 127.0.0.0/9 and greater 9000) and not ether host 02:00:00:00:00:01")
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(unix.SIGSTOP)))
	many.finish(t)
	few.finish(t)
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(unix.SIGCONT)))
	qt.Check(t, qt.Equals(len(stopPackets(t, r, path)), 5))
	qt.Check(t, qt.Equals(kerneltest.Account{Seen: 106, Printed: 5, Filtered: 101}, r.Account()))
}

// What finds no room in the ring is counted, on stderr and in the file.
//
//vmrun:kernels 5.10 6.12
func TestPacketsLost(t *testing.T) {
	ownNetwork(t)
	port := udpSink(t)
	sender := udpSender(t, "127.0.0.1", port, 101, 9000)
	r, path := startPackets(t, "--buffer", "256K")
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(unix.SIGSTOP)))
	sender.finish(t)
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(unix.SIGCONT)))
	got := stopPackets(t, r, path)
	a := r.Account()
	qt.Check(t, qt.Equals(a.Seen, 101))
	qt.Check(t, qt.Equals(a.Printed, uint64(len(got))))
	qt.Check(t, qt.IsTrue(a.Lost > 50 && a.Lost < 101), qt.Commentf("%d", a.Lost))
	text, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	ng, err := pcapgo.NewNgReader(bytes.NewReader(text), pcapgo.DefaultNgReaderOptions)
	qt.Assert(t, qt.IsNil(err))
	for err == nil {
		_, _, err = ng.ReadPacketData()
	}
	i, err := ng.Interface(0)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(i.Statistics.PacketsDropped, a.Lost))
	qt.Check(t, qt.Equals(i.Statistics.PacketsReceived, 101))
}

// packetCapabilities are those that are documented for this kernel, but for one.
func packetCapabilities(without string) (list []uintptr) {
	caps := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON, "CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN}
	switch kernel {
	case "5.10":
		caps["CAP_SYS_RESOURCE"], caps["CAP_SYS_ADMIN"] = unix.CAP_SYS_RESOURCE, unix.CAP_SYS_ADMIN
	case "6.1":
		caps["CAP_SYS_ADMIN"] = unix.CAP_SYS_ADMIN
	}
	delete(caps, without)
	for _, c := range caps {
		list = append(list, c)
	}
	return list
}

// As an ordinary user with the documented capabilities, to a pipe; and each that is missing is named.
//
//vmrun:kernels 5.10 6.12
func TestPacketsPrivilege(t *testing.T) {
	ownNetwork(t)
	port := udpSink(t)
	before := kerneltest.Loaded(t)
	for _, rung := range packetRungsHere() {
		cmd := kerneltest.Command(t, "tlscap", "--mode", "pcapng", "--pcap-file", "-", "--rung", rung, "--count", "13")
		kerneltest.OrdinaryUser(t, cmd, packetCapabilities("")...)
		r := kerneltest.StartCmd(t, cmd)
		udpSender(t, "127.0.0.1", port, 17, 5).finish(t)
		qt.Check(t, qt.Equals(r.Wait(), 0), qt.Commentf("%s", r.Stderr()))
		qt.Check(t, qt.Equals(len(readPackets(t, []byte(r.Stdout()))), 13))
		qt.Check(t, qt.StringContains(r.Stderr(), "17 seen = 13 read + 0 filtered + 0 lost + 4 unread"))
		kerneltest.NothingLeft(t, before)
	}
	cmd := kerneltest.Command(t, "tlscap", "--mode", "pcapng", "--pcap-file", "-")
	kerneltest.OrdinaryUser(t, cmd, packetCapabilities("CAP_NET_ADMIN")...)
	_, stderr, code := kerneltest.Output(t, cmd)
	qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(strings.SplitN(stderr, "\n", 2)[0], "CAP_NET_ADMIN"))
	qt.Check(t, qt.StringContains(stderr, "setcap"))
}
