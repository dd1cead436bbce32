package loader

import (
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// TaskStack keeps a program for uprobes, or a body, on the stack of the task that it runs
// for.
//
// From 6.13 on the kernel gives a program that needs 64 bytes of stack or more a private
// stack on each CPU. It may do so because it does not run a program where the same one
// runs already, but with uprobes it does, and so it does with a body, that is come to by
// several programs: where the kernel can be preempted, two tasks of a CPU share that stack
// then, and a pointer that was checked is another one when it is followed. (7.3.4 came to a
// null pointer in a program of ours, killed the task and stood still.) A program that has a
// tail call gets none, and one that is never come to will do: the verifier counts it, and
// takes it out again. Without a JIT there are no such stacks, and a program that calls
// functions of its own may have no tail call.
func TaskStack(p *ebpf.ProgramSpec) {
	if len(p.Instructions) == 0 || hasTailCall(p.Instructions) || !jitted() {
		return
	}
	first := &p.Instructions[0]
	zero := asm.Mov.Imm(asm.R0, 0).WithSource(first.Source())
	if name := first.Symbol(); name != "" {
		zero = zero.WithSymbol(name)
	}
	if fn := btf.FuncMetadata(first); fn != nil {
		zero = btf.WithFuncMetadata(zero, fn)
	}
	// What begins the function is none of the rest.
	rest := btf.WithFuncMetadata(first.WithSymbol(""), nil)

	skip := asm.JEq.Imm(asm.R0, 0, "")
	skip.Offset = 1 // over the call
	insns := asm.Instructions{zero, skip, asm.FnTailCall.Call(), rest}
	p.Instructions = append(insns, p.Instructions[1:]...)
}

// jitted reports whether the kernel compiles programs; true where it does not say.
func jitted() bool {
	enabled, err := os.ReadFile("/proc/sys/net/core/bpf_jit_enable")
	return err != nil || strings.TrimSpace(string(enabled)) != "0"
}

func hasTailCall(insns asm.Instructions) bool {
	for i := range insns {
		if insns[i].IsBuiltinCall() && asm.BuiltinFunc(insns[i].Constant) == asm.FnTailCall {
			return true
		}
	}
	return false
}
