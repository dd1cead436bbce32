//go:build kernel

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// holder is a workload that listens until it is closed.
type holder struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func (h *holder) close() {
	h.stdin.Close()
	h.cmd.Wait()
}

// hold starts a listener and returns it with its port.
func hold(t *testing.T, network, at string, set func(*exec.Cmd)) (*holder, string) {
	t.Helper()
	cmd := kerneltest.Command(t, workload, "hold", network, at)
	if set != nil {
		set(cmd)
	}
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	stdout, err := cmd.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	return &holder{cmd, stdin}, strings.TrimSpace(line)
}

// TestListenOnly: a UDP socket on a port that the kernel chose is a client, a
// bound TCP socket is nothing yet.
func TestListenOnly(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "bindsnoop", "--json", "--listen-only", "--rung", rung)
		want := make(map[int]int) // by process
		counts := map[string]int{
			"listen 3 tcp4 127.0.0.1:7201": 3, "autobind": 1,
			"bind 5 tcp4 127.0.0.1:7203": 0, "bind 5 udp4 127.0.0.1:7204": 5, "bind 5 udp6 [::1]:7205": 5,
			"bind 5 udp4 127.0.0.1:0": 0, "again 127.0.0.1:7206": 0,
		}
		if kerneltest.HasMPTCP(t) {
			counts["listen 3 mptcp4 127.0.0.1:7202"] = 3
		}
		for args, count := range counts {
			cmd := kerneltest.Command(t, workload, strings.Fields(args)...)
			_, stderr, code := kerneltest.Output(t, cmd)
			qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
			want[cmd.Process.Pid] = count
		}
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		for pid, count := range want {
			events := r.Events(of(pid))
			qt.Check(t, qt.Equals(len(events), count), qt.Commentf("%v", briefs(events)))
		}
	})
}

// TestListenersBefore: what listens already is told with its process, also in another
// network namespace.
//
//vmrun:kernels 5.10 newest
func TestListenersBefore(t *testing.T) {
	tcp, port := hold(t, "tcp4", "127.0.0.1:0", nil)
	defer tcp.close()
	udp, udpPort := hold(t, "udp6", "[::1]:0", nil)
	defer udp.close()
	away, _ := hold(t, "tcp4", "0.0.0.0:71", func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	})
	defer away.close()
	r := kerneltest.Start(t, "bindsnoop", "--existing", "--json", "--duration", "100ms")
	qt.Assert(t, qt.Equals(r.Wait(), 0), qt.Commentf("%s", r.Stderr()))
	r.Account()
	validate(t, r)
	for _, test := range []struct {
		holder *holder
		want   map[string]any
	}{
		{tcp, map[string]any{"op": "listen", "protocol": "tcp", "addr": "127.0.0.1", "port": json.Number(port), "privileged": false}},
		{udp, map[string]any{"op": "bind", "protocol": "udp", "addr": "::1", "port": json.Number(udpPort), "privileged": false}},
		{away, map[string]any{"op": "listen", "protocol": "tcp", "addr": "0.0.0.0", "port": json.Number("71"), "privileged": true}},
	} {
		e := one1(t, r.Events(of(test.holder.cmd.Process.Pid)))
		for name, want := range test.want {
			qt.Check(t, qt.Equals(e[name], want), qt.Commentf("%s", name))
		}
		qt.Check(t, qt.Equals(e["existing"], any(true)))
		qt.Check(t, qt.Equals(e["comm"], any("bindsnoop-workl")))
		qt.Check(t, qt.Equals(e["exe"], any(lookup(t, workload))))
		qt.Check(t, qt.Equals(number(e["ppid"]), os.Getpid()))
		qt.Check(t, qt.IsTrue(number(e["cgroup_id"]) > 0))
		own := number(e["netns"]) == int(newInterfaces().netns)
		qt.Check(t, qt.Equals(own, test.holder != away))
	}

	// Filters hold for them, too.
	pid := itoa(tcp.cmd.Process.Pid)
	for flags, want := range map[string]int{
		"-u 0 --comm bindsnoop-workl -P " + port + " -p " + pid: 1,
		"-P 1-9": 0, "-u 1234": 0, "--comm other": 0, "-p " + itoa(os.Getpid()): 0,
	} {
		// Nothing of the kernel's programs is in it: the rung that starts first.
		r := kerneltest.Start(t, "bindsnoop", append(strings.Fields(flags), "--existing", "--json", "--duration", "100ms", "--rung", "raw_tp")...)
		qt.Check(t, qt.Equals(r.Wait(), 0))
		qt.Check(t, qt.Equals(len(r.Lines()), want), qt.Commentf("%s: %s", flags, r.Stdout()))
	}
	_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "bindsnoop", "--existing", "-p", pid, "--follow"))
	qt.Check(t, qt.Equals(code, 2))
	qt.Check(t, qt.StringContains(stderr, "--follow: "))
}

// one1 is one for listeners that were there before, which have no options.
func one1(t *testing.T, events []kerneltest.Event) kerneltest.Event {
	t.Helper()
	qt.Assert(t, qt.Equals(len(events), 1), qt.Commentf("%v", events))
	return events[0]
}

// TestBaselineFile: what was saved is expected from then on, and nothing else.
//
//vmrun:kernels 6.1
func TestBaselineFile(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		before, port := hold(t, "tcp4", "127.0.0.1:0", nil)
		defer before.close()
		file := filepath.Join(t.TempDir(), "baseline")
		r := kerneltest.Start(t, "bindsnoop", "--save-baseline", file, "--json", "--rung", rung)
		exec.Command(lookup(t, workload), "listen", "3", "tcp4", "127.0.0.1:7211").Run()
		exec.Command(lookup(t, workload), "bind", "3", "udp4", "127.0.0.1:0").Run()
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		r.Account()
		text, err := os.ReadFile(file)
		qt.Assert(t, qt.IsNil(err))
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		exe := lookup(t, workload)
		qt.Check(t, qt.IsTrue(slices.Contains(lines, "tcp 127.0.0.1 "+port+" "+exe)), qt.Commentf("%s", text))
		qt.Check(t, qt.IsTrue(slices.Contains(lines, "tcp 127.0.0.1 7211 "+exe)), qt.Commentf("%s", text))
		qt.Check(t, qt.IsFalse(strings.Contains(string(text), "udp 127.0.0.1 ")), qt.Commentf("%s", text))

		// Another port is not expected, nor another program on the same port.
		r = kerneltest.Start(t, "bindsnoop", "--baseline", file, "--json", "--rung", rung)
		exec.Command(exe, "listen", "2", "tcp4", "127.0.0.1:7212").Run()
		copied := filepath.Join(t.TempDir(), "other program")
		image, err := os.ReadFile(exe)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(os.WriteFile(copied, image, 0o755)))
		qt.Assert(t, qt.IsNil(exec.Command(copied, "listen", "1", "tcp4", "127.0.0.1:7211").Run()))
		qt.Check(t, qt.Equals(r.Stop(), exitUnexpected))
		r.Account()
		qt.Check(t, qt.Equals(len(r.Lines()), 3))
		qt.Check(t, qt.StringContains(r.Stderr(), "bindsnoop: not in the baseline: 3 listeners\n"))

		if rung != "raw_tp" {
			return // what follows is decided in user space
		}
		// All of it is expected.
		r = kerneltest.Start(t, "bindsnoop", "--baseline", file, "--existing", "--json", "--rung", rung)
		exec.Command(exe, "listen", "3", "tcp4", "127.0.0.1:7211").Run()
		qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		qt.Check(t, qt.Equals(len(r.Lines()), 0), qt.Commentf("%s", r.Stdout()))
		qt.Check(t, qt.IsTrue(r.Account().Filtered >= 4))

		// One that is there already is not.
		late, _ := hold(t, "udp4", "127.0.0.1:7213", nil)
		defer late.close()
		r = kerneltest.Start(t, "bindsnoop", "--baseline", file, "--existing", "--json", "--duration", "100ms", "--rung", rung)
		qt.Check(t, qt.Equals(r.Wait(), exitUnexpected))
		qt.Check(t, qt.Equals(number(one1(t, r.Lines())["pid"]), late.cmd.Process.Pid))
	})

	for text, want := range map[string]string{"tcp 127.0.0.1 0": "line 1: port", "# one\ntcp": "line 2: want"} {
		file := filepath.Join(t.TempDir(), "bad")
		qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte(text), 0o644)))
		_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "bindsnoop", "--baseline", file))
		qt.Check(t, qt.Equals(code, 2))
		qt.Check(t, qt.StringContains(stderr, want))
	}
}

// A copy of the program that has no name left is still the program that it was.
//
//vmrun:kernels 6.1
func TestRemovedProgram(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gone")
	image, err := os.ReadFile(lookup(t, workload))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, image, 0o755)))
	h, _ := hold(t, "tcp4", "127.0.0.1:0", func(c *exec.Cmd) { c.Path = path })
	defer h.close()
	qt.Assert(t, qt.IsNil(os.Remove(path)))
	r := kerneltest.Start(t, "bindsnoop", "--existing", "--json", "--duration", "100ms", "--rung", "raw_tp")
	qt.Assert(t, qt.Equals(r.Wait(), 0))
	qt.Check(t, qt.Equals(one1(t, r.Events(of(h.cmd.Process.Pid)))["exe"], any(path)))
}

// TestCountBinds: the sums are exact, and stand for all that was seen.
func TestCountBinds(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "bindsnoop", "--count-binds", "--json", "--rung", rung, "-P", "7221-7229")
		exec.Command(lookup(t, workload), "bind", "101", "tcp4", "127.0.0.1:7221").Run()
		exec.Command(lookup(t, workload), "bind", "53", "udp6", "[::1]:7222").Run()
		exec.Command(lookup(t, workload), "bind", "7", "udp4", "127.0.0.1:7230").Run()
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		a := r.Account()
		qt.Check(t, qt.Equals(a.Printed, 154))
		got := make(map[string]int)
		for _, e := range r.Lines() {
			got[e["addr"].(string)+" "+e["port"].(json.Number).String()] = number(e["calls"])
		}
		qt.Check(t, qt.DeepEquals(got, map[string]int{"127.0.0.1 7221": 101, "::1 7222": 53}))
	})
}

// Addresses that the map has no room for are lost, to the unit. On 7.x a few may be
// among the skipped runs that are told.
//
//vmrun:kernels 5.10 newest
func TestCountBindsOverflow(t *testing.T) {
	const more = 67
	r := kerneltest.Start(t, "bindsnoop", "--count-binds", "--json", "-P", "7231")
	cmd := kerneltest.Command(t, workload, "spread", itoa(countsMax+more))
	_, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	a := r.Account()
	qt.Check(t, qt.Equals(len(r.Lines()), int(a.Printed)+lostLines(r)))
	if kernel == "newest" {
		got := int(a.Printed + a.Lost)
		qt.Check(t, qt.IsTrue(got <= countsMax+more && got > countsMax+more-50), qt.Commentf("%+v", a))
		return
	}
	qt.Check(t, qt.Equals(int(a.Printed), countsMax))
	qt.Check(t, qt.Equals(int(a.Lost), more))
}

// lostLines is how many lines tell of losses.
func lostLines(r *kerneltest.Run) (n int) {
	for _, e := range r.Lines() {
		if e["type"] == "lost" {
			n++
		}
	}
	return n
}
