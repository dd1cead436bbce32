package main

import (
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// frames names the frames of stacks. What it takes to do so is read when the first
// stack is printed.
type frames struct {
	kernel *symbol.Kernel // nil: unknown
	users  *symbol.Users
}

func newFrames() *frames { return &frames{users: symbol.NewUsers()} }

// readKernel reads the symbols of the kernel, for which it takes CAP_SYSLOG. Without
// them there are addresses.
func (f *frames) readKernel() {
	if f.kernel == nil {
		f.kernel, _ = symbol.ReadKernel()
	}
}

// value is the stack of an id.
func (f *frames) value(maps *probe.Maps, id int64, user bool) report.Value {
	name := gen.StacksMap
	if user {
		name = gen.UserStacksMap
	}
	var raw []byte
	m := maps.Others[name]
	if m == nil || m.Lookup(uint32(id), &raw) != nil {
		return report.Value{}
	}
	if user {
		return report.Stack(f.users.Frames(nil, 0, "", symbol.DecodeUserFrames(nil, raw)))
	}
	addresses := symbol.AppendAddresses(nil, raw)
	if f.kernel == nil {
		var out []symbol.Frame
		for _, a := range addresses {
			out = append(out, symbol.Frame{Offset: a})
		}
		return report.Stack(out)
	}
	bpf := func(addr uint64) bool { return string(f.kernel.Frame(addr).Module) == "bpf" }
	return report.Stack(f.kernel.Frames(nil, withoutOurs(addresses, bpf), true))
}

// withoutOurs leaves out the innermost addresses that are of BPF programs and what calls
// them: with fentry a stack begins there. What is left begins with the place of the probe, and not with one to
// return to.
func withoutOurs(stack []uint64, bpf func(addr uint64) bool) []uint64 {
	for len(stack) > 1 && bpf(stack[0]) {
		stack = stack[1:]
	}
	return stack
}
