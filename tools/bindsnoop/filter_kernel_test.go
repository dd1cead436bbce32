//go:build kernel

package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// filtered is the workload that listens when told to: a bind and a listen.
func filtered() kerneltest.Filtered {
	return kerneltest.Filtered{
		Tool: "bindsnoop", Workload: workload, Flags: []string{"--json", "-l"}, Count: 2,
		Args: func(string) []string { return []string{"tcp4", "0.0.0.0:0"} },
	}
}

//vmrun:kernels 6.1
func TestFilterProcess(t *testing.T) { filtered().TestProcess(t, rungs()...) }

//vmrun:kernels 6.1
func TestFilterContainer(t *testing.T) { filtered().TestContainer(t, rungs()...) }

// With --follow those are seen that the process starts.
//
//vmrun:kernels 6.1
func TestFilterFollow(t *testing.T) {
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

//vmrun:kernels 6.1
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

// A listener that was there before is in its container too.
func TestExistingContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	held, _ := hold(t, "tcp4", "127.0.0.1:0", nil)
	defer held.close()
	kerneltest.Cgroup(t, "docker-"+id+".scope", held.cmd.Process.Pid)
	r := kerneltest.Start(t, "bindsnoop", "--json", "--existing", "--container", id[:7], "--duration", "100ms", "--rung", "raw_tp")
	qt.Assert(t, qt.Equals(r.Wait(), 0))
	qt.Check(t, qt.Equals(one1(t, r.Lines())["container_id"], any(id)))
}
