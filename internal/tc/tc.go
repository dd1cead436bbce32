// Package tc puts BPF programs of type sched_cls on the packets of network interfaces, in the network namespace of this
// process, without getting in the way of others that do the same.
//
// There are two ways. [TCX] (Linux 6.6) attaches by links, which end with the process however it ends. [Clsact] adds
// filters of the kind bpf to the queueing discipline clsact, which stay where the process is killed: the next Clsact of
// the same name takes them away. A program that wants packets to go on to the programs of others returns -1, which is
// TCX_NEXT and TC_ACT_UNSPEC.
//
// Where there are other programs, ours come first: one that ends the chain would otherwise hide packets from ours.
package tc

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Direction is that of packets: as seen from this machine.
type Direction int

// Packets that an interface receives, and those that it sends.
const (
	Ingress Direction = iota
	Egress
)

func (d Direction) String() string {
	if d == Egress {
		return "egress"
	}
	return "ingress"
}

// Attacher attaches programs to interfaces by their index. Close takes all of them away.
type Attacher interface {
	Attach(index int, d Direction, p *ebpf.Program) error
	Close() error
}

// TCX attaches by links.
type TCX struct{ links []link.Link }

// Attach puts a program before all others.
func (t *TCX) Attach(index int, d Direction, p *ebpf.Program) error {
	at := ebpf.AttachTCXIngress
	if d == Egress {
		at = ebpf.AttachTCXEgress
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: at, Anchor: link.Head()})
	if err != nil {
		return fmt.Errorf("attach to %s of interface %d: %w", d, index, err)
	}
	t.links = append(t.links, l)
	return nil
}

// Close detaches all programs.
func (t *TCX) Close() error {
	var errs []error
	for _, l := range t.links {
		errs = append(errs, l.Close())
	}
	t.links = nil
	return errors.Join(errs...)
}

// noInterface is an index that no interface has.
const noInterface = 1<<31 - 1

// TryTCX says why this kernel or this process cannot attach by links. Nothing is attached.
func TryTCX() error {
	return withEmpty(func(p *ebpf.Program) error {
		_, err := link.AttachTCX(link.TCXOptions{Interface: noInterface, Program: p, Attach: ebpf.AttachTCXIngress})
		switch {
		case errors.Is(err, unix.ENODEV): // it looked for the interface, so it knows what to do with it
			return nil
		case errors.Is(err, ebpf.ErrNotSupported):
			return fmt.Errorf("this kernel has no tcx (6.6)")
		}
		return err
	})
}

// TryClassifier says why this kernel or this process cannot load a program for packets.
func TryClassifier() error { return withEmpty(func(*ebpf.Program) error { return nil }) }

func withEmpty(use func(*ebpf.Program) error) error {
	const goOn = -1
	p, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, goOn), asm.Return()},
	}, ebpf.ProgramOptions{LogDisabled: true})
	if err != nil {
		return fmt.Errorf("load program for packets: %w", err)
	}
	defer p.Close()
	return use(p)
}
