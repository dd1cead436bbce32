//go:build kernel

package main

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// returning is a program that only returns a value.
func returning(spec ebpf.ProgramSpec, value int32) (*ebpf.Program, error) {
	spec.License = "GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, value), asm.Return()}
	return ebpf.NewProgram(&spec)
}

// denied checks that attempts of a workload that somebody forbids are seen.
func denied(t *testing.T, ws kerneltest.Watches, targets []string, forbid func(*kerneltest.Waiter) link.Link) {
	t.Helper()
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock())) // for our own programs, before 5.11
	for _, to := range targets {
		in := wait(t, to, 3, nil)
		l := forbid(in)
		finish(t, in)
		l.Close()
		ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
			events := w.Of(in.PID())
			qt.Assert(t, qt.Equals(len(events), 3), qt.Commentf("%s", to))
			addr, port, version := destination(t, to)
			for _, e := range events {
				qt.Check(t, qt.Equals(e["result"], any("error")))
				qt.Check(t, qt.Equals(e["error"], any("EPERM")))
				qt.Check(t, qt.Equals(e["daddr"], any(addr)))
				qt.Check(t, qt.Equals(number(e["dport"]), port))
				qt.Check(t, qt.Equals(number(e["ip_version"]), version))
			}
		})
	}
}

// A BPF program of a cgroup forbids connections, as container networks have them.
func testDeniedByCgroup(t *testing.T, ws kerneltest.Watches) {
	for to, kind := range map[string]ebpf.AttachType{
		"127.0.0.1:1": ebpf.AttachCGroupInet4Connect,
		"[::1]:1":     ebpf.AttachCGroupInet6Connect,
	} {
		denied(t, ws, []string{to}, func(in *kerneltest.Waiter) link.Link {
			p, err := returning(ebpf.ProgramSpec{Type: ebpf.CGroupSockAddr, AttachType: kind}, 0)
			qt.Assert(t, qt.IsNil(err))
			defer p.Close()
			dir := kerneltest.Cgroup(t, "denied", in.PID())
			l, err := link.AttachCgroup(link.CgroupOptions{Path: dir, Attach: kind, Program: p})
			qt.Assert(t, qt.IsNil(err))
			return l
		})
	}
}

// A security module forbids connections.
func testDeniedBySecurityModule(t *testing.T, ws kerneltest.Watches) {
	l, err := forbidConnect()
	if err != nil {
		if k := kerneltest.Kernel(); k != "" {
			t.Fatalf("kernel %s is known to have BPF security modules: %v", k, err)
		}
		t.Skipf("this kernel has no BPF security modules: %v", err)
	}
	qt.Assert(t, qt.IsNil(l.Close()))
	denied(t, ws, []string{"127.0.0.1:1", "[::1]:1"}, func(*kerneltest.Waiter) link.Link {
		l, err := forbidConnect()
		qt.Assert(t, qt.IsNil(err))
		return l
	})
}

// forbidConnect loads a program each time: 5.10 attaches one only once.
func forbidConnect() (link.Link, error) {
	const eperm = -1
	p, err := returning(ebpf.ProgramSpec{Type: ebpf.LSM, AttachType: ebpf.AttachLSMMac, AttachTo: "socket_connect"}, eperm)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return link.AttachLSM(link.LSMOptions{Program: p})
}
