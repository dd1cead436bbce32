//go:build kernel

package usdt

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// count is how often the program in testdata passes its probes.
const count = 7919

// load puts an argument into R7. R6 is the context.
func load(a *Arg) asm.Instructions {
	var insns asm.Instructions
	word := func(to asm.Register, r *Register) {
		if r.Zero {
			insns = append(insns, asm.Mov.Imm(to, 0))
			return
		}
		insns = append(insns, asm.LoadMem(to, asm.R6, int16(r.Offset), asm.DWord))
	}
	switch a.Kind {
	case Const:
		return asm.Instructions{asm.LoadImm(asm.R7, a.Value, asm.DWord)}
	case Reg:
		word(asm.R7, a.Base)
		insns = append(insns, asm.RSh.Imm(asm.R7, int32(a.Base.Shift)))
	case Memory:
		insns = append(insns, asm.LoadImm(asm.R3, a.Displacement, asm.DWord))
		if a.Base != nil {
			word(asm.R1, a.Base)
			insns = append(insns, asm.Add.Reg(asm.R3, asm.R1))
		}
		if a.Index != nil {
			word(asm.R1, a.Index)
			insns = append(insns, asm.Mul.Imm(asm.R1, int32(a.Scale)), asm.Add.Reg(asm.R3, asm.R1))
		}
		insns = append(insns,
			asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.R10, -8, asm.R1, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.R10), asm.Add.Imm(asm.R1, -8),
			asm.Mov.Imm(asm.R2, int32(a.Size)),
			asm.FnProbeReadUser.Call(),
			asm.LoadMem(asm.R7, asm.R10, -8, asm.DWord))
	}
	shift := int32(64 - 8*a.Size)
	right := asm.RSh
	if a.Signed {
		right = asm.ArSh
	}
	return append(insns, asm.LSh.Imm(asm.R7, shift), right.Imm(asm.R7, shift))
}

// program adds 1 to element 0 of an array, and each argument to one of the next.
func program(t *testing.T, l *Location, sums *ebpf.Map) *ebpf.Program {
	t.Helper()
	insns := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	add := func(index int) {
		insns = append(insns,
			asm.StoreImm(asm.R10, -16, int64(index), asm.Word),
			asm.LoadMapPtr(asm.R1, sums.FD()),
			asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -16),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "exit"),
			asm.AddAtomic.Mem(asm.R0, asm.R7, asm.DWord, 0))
	}
	insns = append(insns, asm.Mov.Imm(asm.R7, 1))
	add(0)
	for i := range l.Args {
		qt.Assert(t, qt.IsNil(l.Args[i].Err))
		insns = append(insns, load(&l.Args[i])...)
		add(i + 1)
	}
	insns = append(insns, asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"), asm.Return())
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "Dual MIT/GPL", Instructions: insns})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { p.Close() })
	return p
}

// TestFunction attaches to a function by the offset that its symbol leads to, by a
// handle of the file, as one in another root has to be.
func TestFunction(t *testing.T) {
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock()))
	path, err := filepath.Abs("testdata/probes_" + runtime.GOARCH)
	qt.Assert(t, qt.IsNil(err))
	at := symbol.In(uint32(os.Getpid()), path)
	found, err := at.Function("values")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(found), 1))
	file, _, err := at.Open()
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	exe, err := link.OpenExecutable(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	qt.Assert(t, qt.IsNil(err))
	sums, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	qt.Assert(t, qt.IsNil(err))
	defer sums.Close()
	up, err := exe.Uprobe("", program(t, new(Location), sums), &link.UprobeOptions{Address: found[0].Offset})
	qt.Assert(t, qt.IsNil(err))
	defer up.Close()
	qt.Assert(t, qt.IsNil(exec.Command(path).Run()))
	var calls int64
	qt.Assert(t, qt.IsNil(sums.Lookup(uint32(0), &calls)))
	qt.Check(t, qt.Equals(calls, count))
}

// TestAttach counts what the program does, to the unit, and adds up every argument
// that it passes: in registers, in memory and as constants.
func TestAttach(t *testing.T) {
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock()))
	path := "testdata/probes_" + runtime.GOARCH
	all := locations(t, path)
	exe, err := link.OpenExecutable(path)
	qt.Assert(t, qt.IsNil(err))
	probes := func(name string) []int64 {
		sums, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 8})
		qt.Assert(t, qt.IsNil(err))
		defer sums.Close()
		var links []link.Link
		for _, l := range Find(all, "demo", name) {
			up, err := exe.Uprobe("", program(t, &l, sums), &link.UprobeOptions{Address: l.Offset, RefCtrOffset: l.Semaphore})
			qt.Assert(t, qt.IsNil(err))
			links = append(links, up)
		}
		err = exec.Command(path).Run()
		status := 0
		if exit, ok := err.(*exec.ExitError); ok {
			status = exit.ExitCode()
		}
		for _, up := range links {
			up.Close()
		}
		// It reports whether it ever saw the counter of its guarded probe raised.
		qt.Check(t, qt.Equals(status == 3, name == "guarded"), qt.Commentf("%s: status %d", name, status))
		got := make([]int64, 8)
		for i := range got {
			qt.Assert(t, qt.IsNil(sums.Lookup(uint32(i), &got[i])))
		}
		return got
	}
	const sum = count * (count - 1) / 2
	var small, table, odd int64
	for n := range int64(count) {
		small += n & 0xff
		table += []int64{11, 22, 33, 44}[n&3]
		if n&1 != 0 {
			odd += n
		}
	}
	qt.Check(t, qt.DeepEquals(probes("values"), []int64{count, sum, -sum, small, sum + count, 7 * count, 0, 0}))
	qt.Check(t, qt.DeepEquals(probes("memory"), []int64{count, -3 * count, table, 0, 0, 0, 0, 0}))
	qt.Check(t, qt.DeepEquals(probes("twice"), []int64{count + count/2, sum - odd, 0, 0, 0, 0, 0, 0}))
	qt.Check(t, qt.DeepEquals(probes("guarded"), []int64{count, sum, 0, 0, 0, 0, 0, 0}))
	// Nothing is left behind: neither a breakpoint nor a raised counter.
	qt.Check(t, qt.IsNil(exec.Command(path).Run()))
}
