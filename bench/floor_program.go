package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	kernelevents "github.com/ringside-tools/ringside/internal/events"
)

// floorArg as the first argument makes this program the floor; the size of a
// record follows, and hooks.
const floorArg = "floor"

// floorLine is what it prints of each record: an event of whatever load.
const floorLine = readyMark + " " + eventMark + "\n"

// floorMain traces until Ctrl-C.
func floorMain(args []string) error {
	if len(args) < 2 {
		return errors.New("the size of a record and a hook expected")
	}
	size, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("parse the size of a record: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if size == 0 {
		l, err := attachFirst(args[1:], nil)
		if err != nil {
			return err
		}
		defer l.Close()
		// Nothing comes out of it: attached is all that there is to know.
		if _, err := os.Stdout.WriteString(floorLine); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	ring, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 1 << 20}) // as ours is by default
	if err != nil {
		return fmt.Errorf("make a ring buffer: %w", err)
	}
	defer ring.Close()
	zeros, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: uint32(size), MaxEntries: 1})
	if err != nil {
		return fmt.Errorf("make a map of zeros: %w", err)
	}
	defer zeros.Close()
	l, err := attachFirst(args[1:], submitZeros(ring, zeros, size))
	if err != nil {
		return err
	}
	// Read as ours is, since how often the reader is woken is most of what a record costs.
	source, err := kernelevents.Open(ring, 0)
	if err != nil {
		l.Close()
		return err
	}
	defer source.Close()
	return source.Run(ctx, &floorLines{bufio.NewWriterSize(os.Stdout, 64<<10)}, l.Close)
}

// floorLines prints a line for each record.
type floorLines struct{ out *bufio.Writer }

func (f *floorLines) Record([]byte) error {
	_, err := f.out.WriteString(floorLine)
	return err
}

func (f *floorLines) Idle() error { return f.out.Flush() }

// submitZeros is what the floor does. Zeros are copied into the ring: to write them one by
// one would take longer.
func submitZeros(ring, zeros *ebpf.Map, size int) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, ring.FD()),
		asm.LoadMapValue(asm.R2, zeros.FD(), 0),
		asm.Mov.Imm(asm.R3, int32(size)),
		asm.Mov.Imm(asm.R4, 0), // wake the reader if it waits, as ours does
		asm.FnRingbufOutput.Call(),
	}
}

// attachFirst attaches a program that does the work to the first of some hooks
// that this kernel has.
func attachFirst(hooks []string, work asm.Instructions) (link.Link, error) {
	var refused []error
	for _, text := range hooks {
		h, err := parseFloorHook(text)
		if err != nil {
			return nil, err
		}
		l, err := h.attach(work)
		if err == nil {
			return l, nil
		}
		refused = append(refused, fmt.Errorf("%s: %w", text, err))
	}
	return nil, errors.Join(refused...)
}

// floorHook is a place in the kernel; number, if it is not negative, is what the
// program looks for there.
type floorHook struct {
	kind, name string
	number     int
}

// parseFloorHook reads KIND/NAME, or KIND/NAME/NUMBER: of a system call at
// sys_exit, or of the state that a socket goes to.
func parseFloorHook(text string) (floorHook, error) {
	parts := strings.Split(text, "/")
	h := floorHook{number: -1}
	switch len(parts) {
	case 3:
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			return h, fmt.Errorf("parse hook %q: %w", text, err)
		}
		h.number = n
	case 2:
	default:
		return h, fmt.Errorf("parse hook %q: KIND/NAME expected", text)
	}
	h.kind, h.name = parts[0], parts[1]
	return h, nil
}

// attach leaves the program to its link.
func (h floorHook) attach(work asm.Instructions) (link.Link, error) {
	spec := &ebpf.ProgramSpec{License: "GPL", Instructions: h.program(work)}
	var attach func(*ebpf.Program) (link.Link, error)
	tracing := func(p *ebpf.Program) (link.Link, error) {
		return link.AttachTracing(link.TracingOptions{Program: p})
	}
	switch h.kind {
	case "raw_tp":
		spec.Type = ebpf.RawTracepoint
		attach = func(p *ebpf.Program) (link.Link, error) {
			return link.AttachRawTracepoint(link.RawTracepointOptions{Name: h.name, Program: p})
		}
	case "fentry":
		spec.Type, spec.AttachType, spec.AttachTo = ebpf.Tracing, ebpf.AttachTraceFEntry, h.name
		attach = tracing
	case "fexit":
		spec.Type, spec.AttachType, spec.AttachTo = ebpf.Tracing, ebpf.AttachTraceFExit, h.name
		attach = tracing
	case "lsm":
		spec.Type, spec.AttachType, spec.AttachTo = ebpf.LSM, ebpf.AttachLSMMac, h.name
		attach = func(p *ebpf.Program) (link.Link, error) { return link.AttachLSM(link.LSMOptions{Program: p}) }
	case "kprobe":
		spec.Type = ebpf.Kprobe
		attach = func(p *ebpf.Program) (link.Link, error) { return link.Kprobe(h.name, p, nil) }
	case "syscalls": // the tracepoints of this group
		spec.Type = ebpf.TracePoint
		attach = func(p *ebpf.Program) (link.Link, error) { return link.Tracepoint(h.kind, h.name, p, nil) }
	default:
		return nil, fmt.Errorf("no kind of hook %q", h.kind)
	}
	prog, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, fmt.Errorf("load the program: %w", err)
	}
	defer prog.Close()
	l, err := attach(prog)
	if err != nil {
		return nil, fmt.Errorf("attach the program: %w", err)
	}
	return l, nil
}

// program does the work where the number is right.
func (h floorHook) program(work asm.Instructions) asm.Instructions {
	const end = "end"
	insns := slices.Concat(h.filter(end), work)
	return append(insns, asm.Mov.Imm(asm.R0, 0).WithSymbol(end), asm.Return())
}

// filter jumps to a label unless the hook is met with the number.
func (h floorHook) filter(other string) asm.Instructions {
	const regs, newState = 0, 16 // in the context, of 64-bit words
	switch {
	case h.number < 0:
		return nil
	case h.name == "sys_exit":
		return asm.Instructions{
			asm.LoadMem(asm.R3, asm.R1, regs, asm.DWord),
			asm.Add.Imm(asm.R3, callNumber[runtime.GOARCH]),
			asm.Mov.Imm(asm.R2, 4),
			asm.Mov.Reg(asm.R1, asm.RFP),
			asm.Add.Imm(asm.R1, -8),
			asm.FnProbeReadKernel.Call(),
			asm.LoadMem(asm.R1, asm.RFP, -8, asm.Word),
			asm.JNE.Imm(asm.R1, int32(h.number), other),
		}
	}
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R1, newState, asm.DWord),
		asm.JNE.Imm(asm.R1, int32(h.number), other),
	}
}

// callNumber is where struct pt_regs has the number of a system call: orig_ax,
// or syscallno (arch/*/include/asm/ptrace.h).
var callNumber = map[string]int32{"amd64": 15 * 8, "arm64": 35 * 8}
