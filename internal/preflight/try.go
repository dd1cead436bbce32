package preflight

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/btfprog"
)

// once remembers the result of a try, which costs system calls.
func (k *Kernel) once(what string, try func() error) error {
	if err, ok := k.tried.Load(what); ok {
		err, _ := err.(error)
		return err
	}
	err := try()
	k.tried.Store(what, err)
	return err
}

// CanTrace tries fentry on a kernel function: it loads and attaches an empty
// program and takes it away again. A kernel can have the function, the program
// type and the BTF, and still refuse; only trying tells.
func (k *Kernel) CanTrace(function string) error {
	return k.once("fentry "+function, func() error { return k.tryTrace(function) })
}

func (k *Kernel) tryTrace(function string) error {
	id, err := k.Function(function)
	if err != nil {
		return err
	}
	p, err := btfprog.Load(&ebpf.ProgramSpec{
		Name: "probe", Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}, btfprog.Target{Function: id})
	if err != nil {
		return fmt.Errorf("load fentry program: %w", cause(err))
	}
	defer p.Close()
	l, err := link.AttachTracing(link.TracingOptions{Program: p})
	if err != nil {
		return fmt.Errorf("attach fentry program: %w", cause(err))
	}
	return l.Close()
}

// CanProbe tries a kprobe on a kernel function. What is missing may be the
// function, kprobes altogether, or permission.
func (k *Kernel) CanProbe(function string) error {
	return k.once("kprobe "+function, func() error {
		err := attachEmpty(ebpf.ProgramSpec{Type: ebpf.Kprobe}, 0, func(p *ebpf.Program) (link.Link, error) {
			return link.Kprobe(function, p, nil)
		})
		if errors.Is(err, unix.EACCES) {
			// Debian's kernels ask for it instead of CAP_PERFMON.
			return fmt.Errorf("%w: CAP_SYS_ADMIN is missing, or kernel.perf_event_paranoid is above 2", err)
		}
		return err
	})
}

// CanUprobe tries a uprobe: with multi, many of them by one link (6.6), else one by
// a perf event. It is put on the first instruction of this process's own program,
// which has been executed for the last time.
func (k *Kernel) CanUprobe(multi bool) error {
	return k.once(fmt.Sprintf("uprobe, multi %t", multi), func() error {
		exe, at, err := ownEntry()
		if err != nil {
			return err
		}
		spec := ebpf.ProgramSpec{Type: ebpf.Kprobe}
		if multi {
			spec.AttachType = ebpf.AttachTraceUprobeMulti
		}
		err = attachEmpty(spec, 0, func(p *ebpf.Program) (link.Link, error) {
			if multi {
				return exe.UprobeMulti(nil, p, &link.UprobeMultiOptions{Addresses: []uint64{at}, PID: uint32(os.Getpid())})
			}
			return exe.Uprobe("entry", p, &link.UprobeOptions{Address: at, PID: os.Getpid()})
		})
		if !multi && errors.Is(err, unix.EACCES) {
			// Newer kernels and stable ones ask for it again, as before 5.8.
			return fmt.Errorf("%w: %w: this kernel wants CAP_SYS_ADMIN for a uprobe by perf event", unix.EPERM, err)
		}
		return err
	})
}

// CanSleep tries a program for uprobes that may wait for memory of the process it interrupts (6.0).
func (k *Kernel) CanSleep() error {
	return k.once("uprobe that sleeps", func() error {
		p, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
			Type: ebpf.Kprobe, Flags: unix.BPF_F_SLEEPABLE, License: "GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		}, ebpf.ProgramOptions{LogDisabled: true})
		if err != nil {
			return fmt.Errorf("load a program that sleeps: %w", cause(err))
		}
		return p.Close()
	})
}

// ownEntry is this process's program, and where its first instruction is in the file.
func ownEntry() (*link.Executable, uint64, error) {
	const self = "/proc/self/exe"
	f, err := elf.Open(self)
	if err != nil {
		return nil, 0, fmt.Errorf("read own program: %w", err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && f.Entry >= p.Vaddr && f.Entry-p.Vaddr < p.Filesz {
			exe, err := link.OpenExecutable(self)
			return exe, f.Entry - p.Vaddr + p.Off, err
		}
	}
	return nil, 0, fmt.Errorf("read own program: no segment has its entry point")
}

// CanFilterCgroup tries a program on the packets that sockets of a cgroup
// receive (5.7 for one that goes away with us). It lets all of them pass.
func (k *Kernel) CanFilterCgroup(root string) error {
	return k.once("cgroup ingress", func() error {
		const pass = 1
		return attachEmpty(ebpf.ProgramSpec{Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetIngress}, pass,
			func(p *ebpf.Program) (link.Link, error) {
				return link.AttachCgroup(link.CgroupOptions{Path: root, Attach: ebpf.AttachCGroupInetIngress, Program: p})
			})
	})
}

// attachEmpty loads a program that only returns, attaches it and takes it away.
func attachEmpty(spec ebpf.ProgramSpec, returns int32, attach func(*ebpf.Program) (link.Link, error)) error {
	spec.License = "GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, returns), asm.Return()}
	p, err := ebpf.NewProgramWithOptions(&spec, ebpf.ProgramOptions{LogDisabled: true})
	if err != nil {
		return fmt.Errorf("load %s program: %w", spec.Type, cause(err))
	}
	defer p.Close()
	l, err := attach(p)
	if err != nil {
		return fmt.Errorf("attach %s program: %w", spec.Type, cause(err))
	}
	return l.Close()
}
