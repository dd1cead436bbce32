//go:build kernel

package main

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/tc"
)

// counting is a program of somebody else on the loopback, which counts packets.
type counting struct{ m *ebpf.Map }

func startCounting(t testing.TB, how tc.Attacher) *counting {
	t.Helper()
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock()))
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { m.Close() })
	const goOn = -1
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, goOn).WithSymbol("out"),
		asm.Return(),
	}})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { p.Close() })
	const loopback = 1
	qt.Assert(t, qt.IsNil(how.Attach(loopback, tc.Ingress, p)))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(how.Close())) })
	return &counting{m}
}

// since returns how many packets came since it was asked last.
func (c *counting) since(t testing.TB) uint64 {
	t.Helper()
	var n uint64
	qt.Assert(t, qt.IsNil(c.m.Lookup(uint32(0), &n)))
	qt.Assert(t, qt.IsNil(c.m.Put(uint32(0), uint64(0))))
	return n
}

// What others have on the interface gets every packet while we are there and when we are gone, however we went; and
// nothing of ours stays, or the next start takes it away.
//
//vmrun:kernels 6.12
func TestPacketsNeighbour(t *testing.T) {
	for _, rung := range packetRungsHere() {
		t.Run(rung, func(t *testing.T) {
			ownNetwork(t)
			var others tc.Attacher = new(tc.TCX)
			if rung == "clsact" {
				others = tc.NewClsact("neighbour")
			}
			neighbour := startCounting(t, others)
			before := kerneltest.Loaded(t)
			port := udpSink(t)
			send := func() uint64 {
				udpSender(t, "127.0.0.1", port, 11, 5).finish(t)
				return neighbour.since(t)
			}
			qt.Check(t, qt.Equals(send(), 11))
			r, path := startPackets(t, "--rung", rung)
			qt.Check(t, qt.Equals(send(), 11))
			qt.Check(t, qt.Equals(len(stopPackets(t, r, path)), 11))
			kerneltest.NothingLeft(t, before)
			qt.Check(t, qt.Equals(send(), 11))

			killed, _ := startPackets(t, "--rung", rung)
			qt.Assert(t, qt.IsNil(killed.Cmd.Process.Kill()))
			killed.Wait()
			if rung == "clsact" {
				waitFor(t, func() bool { // of ours there is the filter, as CAVEATS says
					programs, _, links := kerneltest.Loaded(t).Without(before)
					return programs == 1 && links == 0
				})
				qt.Check(t, qt.Equals(send(), 11))
				live, _ := startPackets(t, "--rung", rung)
				r, path = startPackets(t, "--rung", rung) // must leave the one that lives alone
				qt.Check(t, qt.Equals(send(), 11))
				qt.Check(t, qt.Equals(len(stopPackets(t, r, path)), 11))
				qt.Check(t, qt.Equals(live.Stop(), 0))
				qt.Check(t, qt.Equals(kerneltest.Account{Seen: 11, Printed: 11}, live.Account()))
			}
			kerneltest.NothingLeft(t, before)
			qt.Check(t, qt.Equals(send(), 11))
		})
	}
}
