package main

import (
	"slices"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/syscallname"
)

// algNames are what a system call does to a socket of the kernel's cryptography, in the
// order of enum alg_call of alg.h, with the calls that do it.
var algNames = []struct {
	name  string
	calls []string
}{
	{"NONE", nil},
	{"BIND", []string{"bind"}},
	{"ACCEPT", []string{"accept", "accept4"}},
	{"SENDMSG", []string{"sendmsg"}},
	{"SEND", []string{"sendto"}},
	{"WRITE", []string{"write", "writev", "sendfile"}},
	{"SPLICE", []string{"splice"}},
	{"CLOSE", []string{"close"}},
	{"DUP", []string{"dup2", "dup3"}},
}

// algCalls are these numbers by the number of the call.
func algCalls() (numbers [callsMax]uint8) {
	for nr := range numbers {
		for i, n := range algNames {
			if slices.Contains(n.calls, syscallname.Name(nr, false)) {
				numbers[nr] = uint8(i)
			}
		}
	}
	return numbers
}

// algHook stands on all system calls, whatever the others stand on: those that bring
// data to a socket are many.
func algHook() loader.Hook {
	exit := copies("alg_exit", false)
	exit[0].Sieved = true
	return loader.Hook{Name: "cryptography of the kernel", Rungs: []loader.Rung{{
		Name:   "raw_tp",
		Attach: append(exit, loader.Attachment{Program: "alg_close"}, loader.Attachment{Program: "alg_process_exit"}),
		Costs:  costs,
		Blind:  []string{"what 32-bit programs, sendmmsg and io_uring give to the kernel to encrypt"},
		Set: func(_ *preflight.Kernel, spec *ebpf.CollectionSpec) error {
			return loader.SetConstant(spec, "alg_calls", algCalls())
		},
	}}}
}
