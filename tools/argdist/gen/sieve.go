package gen

import (
	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// Maps that a sieve looks into, which all tables share.
const (
	CgroupsMap   = "filter_cgroups"   // array of cgroups
	CgroupSetMap = "filter_cgroupmap" // hash by cgroup id
	MntNSSetMap  = "filter_mntnsmap"  // hash by number of a mount namespace
)

// Sieve is which events count at all, before anything else is done. It holds what
// internal/bpf/filter.h has for commands whose programs are compiled.
type Sieve struct {
	Self    uint32   // our own process, which no event is counted of; 0 for none
	PIDs    []uint32 // only these processes, if there are any
	Family  bool     // only processes of [FamilyMap], and PIDs do not count
	TID     uint32   // only this thread; 0 for all
	ByUID   bool     // only UID
	UID     uint32
	Cgroups int // below all of so many in [CgroupsMap]
	// CgroupSet and MntNSSet say that the id must be in [CgroupSetMap], [MntNSSetMap].
	CgroupSet, MntNSSet bool
	MntNS               uint32 // only this mount namespace; 0 for all
	// MntNSPath is the way from a task to the number of its mount namespace: offsets of
	// pointers, and of the number.
	MntNSPath []int
	Comm      string // only tasks of this name, of up to 15 bytes; "" for all
}

// some reports whether there is anything that every event must pass.
func (s *Sieve) some() bool {
	return s.TID != 0 || len(s.PIDs) > 0 || s.Family || s.ByUID || s.Cgroups > 0 || s.CgroupSet || s.byMntNS() || s.Comm != ""
}

func (s *Sieve) byMntNS() bool { return s.MntNS != 0 || s.MntNSSet }

// begin sieves. An event of our own is none.
func (g *generator) begin(s Sieve, counts bool) {
	g.emit(asm.Mov.Reg(asm.R6, asm.R1))
	if s.Self != 0 {
		g.emit(asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32), asm.JEq.Imm(asm.R0, int32(s.Self), "done"))
	}
	no := "done"
	if counts && s.some() {
		no = g.end(filtered)
	}
	g.sieve(&s, no)
}

// sieve goes to the label unless the task passes. What costs least comes first.
func (g *generator) sieve(s *Sieve, no string) {
	if s.Family {
		g.emit(asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32))
		g.among(FamilyMap, no)
	} else if len(s.PIDs) > 0 {
		one := g.label("listed")
		g.emit(asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32))
		for _, pid := range s.PIDs {
			g.emit(asm.JEq.Imm(asm.R0, int32(pid), one))
		}
		g.emit(asm.Ja.Label(no))
		g.here(one)
	}
	if s.TID != 0 {
		g.emit(asm.FnGetCurrentPidTgid.Call(), asm.JNE.Imm32(asm.R0, int32(s.TID), no))
	}
	if s.ByUID {
		g.emit(asm.FnGetCurrentUidGid.Call(), asm.JNE.Imm32(asm.R0, int32(s.UID), no))
	}
	for i := range s.Cgroups {
		g.emit(mapPointer(asm.R1, CgroupsMap), asm.Mov.Imm(asm.R2, int32(i)), asm.FnCurrentTaskUnderCgroup.Call(), asm.JNE.Imm(asm.R0, 1, no))
	}
	if s.CgroupSet {
		g.emit(asm.FnGetCurrentCgroupId.Call())
		g.among(CgroupSetMap, no)
	}
	if s.byMntNS() {
		g.mountNamespace(s.MntNSPath, no)
		if s.MntNS != 0 {
			g.emit(asm.JNE.Imm32(asm.R0, int32(s.MntNS), no))
		}
		if s.MntNSSet {
			g.among(MntNSSetMap, no)
		}
	}
	if s.Comm != "" {
		const commSize = 16 // TASK_COMM_LEN
		name := &tree.Text{Size: commSize}
		g.compare = g.alloc(commSize)
		g.match(&tree.Match{Text: name, Literal: s.Comm, Whole: true}, no)
		g.free(commSize)
	}
}

// among goes to the label unless the number in r0 is a key of a map.
func (g *generator) among(set, no string) {
	key := g.alloc(8)
	g.emit(asm.StoreMem(asm.RFP, key, asm.R0, asm.DWord), mapPointer(asm.R1, set))
	g.stackAddress(asm.R2, key)
	g.emit(asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, no))
	g.free(8)
}

// mountNamespace leaves in r0 the number of the task's mount namespace. A task that
// is about to end may have none: it does not pass.
func (g *generator) mountNamespace(path []int, no string) {
	at := g.alloc(8)
	g.emit(asm.FnGetCurrentTask.Call())
	for i, offset := range path {
		size := 8
		if i == len(path)-1 {
			size = 4
		}
		g.emit(asm.Mov.Reg(asm.R3, asm.R0), asm.Add.Imm(asm.R3, int32(offset)), asm.Mov.Imm(asm.R2, int32(size)))
		g.stackAddress(asm.R1, at)
		g.emit(asm.FnProbeReadKernel.Call(), asm.JNE.Imm(asm.R0, 0, no), asm.LoadMem(asm.R0, asm.RFP, at, sizeOf(size)))
	}
	g.free(8)
}
