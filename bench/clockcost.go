package main

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// clockCost is what BPF statistics show for a program that does nothing, in
// nanoseconds per run: the kernel's own reading of the clock. It exceeds the
// work of a program that only looks at the number of a system call.
func clockCost() (float64, error) {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.RawTracepoint,
		License:      "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return 0, fmt.Errorf("load an empty program: %w", err)
	}
	defer prog.Close()
	tp, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: prog})
	if err != nil {
		return 0, fmt.Errorf("attach an empty program: %w", err)
	}
	defer tp.Close()
	clock, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return 0, fmt.Errorf("enable BPF statistics: %w", err)
	}
	for range 200_000 {
		unix.Getppid()
	}
	clock.Close()
	s, err := prog.Stats()
	if err != nil {
		return 0, fmt.Errorf("ask about an empty program: %w", err)
	}
	return float64(s.Runtime) / float64(max(s.RunCount, 1)), nil
}
