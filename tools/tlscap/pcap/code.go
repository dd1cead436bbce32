package pcap

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"github.com/cilium/ebpf/asm"
)

// Flow is what a BPF program knows of a packet of IP when it asks the code of a filter: struct packet_flow of packet.h.
type Flow struct {
	From     End    // what it is from; its remote is what it is to
	Version  uint32 // 4 or 6
	HasPorts uint32 // 1: it has
	Length   uint32 // on the wire
}

// End is struct end of owner.h. Addresses of IPv4 are ::ffff:a.b.c.d.
type End struct {
	Local, Remote         [16]uint8
	LocalPort, RemotePort uint16 // host byte order
	Netns                 uint32
	Protocol              uint32
}

// Where the members of a Flow are.
const (
	atSrc      = int16(unsafe.Offsetof(Flow{}.From) + unsafe.Offsetof(End{}.Local))
	atDst      = int16(unsafe.Offsetof(Flow{}.From) + unsafe.Offsetof(End{}.Remote))
	atSrcPort  = int16(unsafe.Offsetof(Flow{}.From) + unsafe.Offsetof(End{}.LocalPort))
	atDstPort  = int16(unsafe.Offsetof(Flow{}.From) + unsafe.Offsetof(End{}.RemotePort))
	atProtocol = int16(unsafe.Offsetof(Flow{}.From) + unsafe.Offsetof(End{}.Protocol))
	atVersion  = int16(unsafe.Offsetof(Flow{}.Version))
	atHasPorts = int16(unsafe.Offsetof(Flow{}.HasPorts))
	atLength   = int16(unsafe.Offsetof(Flow{}.Length))
)

// generator emits the code of a test: it jumps to one of two labels. Of what a flow does not tell, such as the address of
// Ethernet, the answer is "perhaps": with must it jumps to pass for what passes for sure, without for what may pass.
type generator func(e *emitter, must bool, pass, fail string)

type emitter struct {
	code  asm.Instructions
	label string // of the next instruction
	used  int
}

func (e *emitter) emit(ins ...asm.Instruction) {
	for _, i := range ins {
		if e.label != "" {
			i, e.label = i.WithSymbol(e.label), ""
		}
		e.code = append(e.code, i)
	}
}

func (e *emitter) newLabel() string {
	e.used++
	return "filter_" + strconv.Itoa(e.used)
}

// maxCode bounds what is put into a program: the verifier looks at all of it, and jumps reach 32767 instructions.
const maxCode = 2048

// Code returns a function of BPF that takes a pointer to a [Flow], and returns 0 for packets that do not pass for sure,
// else 1: Match decides about these. It is nil where that would be all of them, or the code too long.
func (f *Filter) Code() asm.Instructions {
	if f.match.code == nil {
		return nil
	}
	e := new(emitter)
	const pass, fail = "filter_pass", "filter_fail"
	f.match.code(e, false, pass, fail)
	e.label = pass
	e.emit(asm.Mov.Imm(asm.R0, 1), asm.Return())
	e.label = fail
	e.emit(asm.Mov.Imm(asm.R0, 0), asm.Return())
	if len(e.code) > maxCode {
		return nil
	}
	return e.code
}

// always and never jump by a condition that has one answer: behind a jump without condition, what follows could not be
// reached, which the verifier refuses.
func always(e *emitter, pass, fail string) { number(atVersion, asm.Word, 0, 255)(e, false, pass, fail) }
func never(e *emitter, pass, fail string)  { always(e, fail, pass) }

// perhaps is what a flow does not tell.
func perhaps(e *emitter, must bool, pass, fail string) {
	if must {
		never(e, pass, fail)
	} else {
		always(e, pass, fail)
	}
}

// no is what a packet of IP is not.
func no(e *emitter, _ bool, pass, fail string) { never(e, pass, fail) }

// number tests a member of a flow to be in a range.
func number(at int16, size asm.Size, low, high uint32) generator {
	return func(e *emitter, _ bool, pass, fail string) {
		e.emit(
			asm.LoadMem(asm.R2, asm.R1, at, size),
			asm.JLT.Imm32(asm.R2, int32(low), fail),
			asm.JGT.Imm32(asm.R2, int32(high), fail),
			asm.Ja.Label(pass),
		)
	}
}

func equals(at int16, n uint32) generator { return number(at, asm.Word, n, n) }

// within tests an address to be in a network.
func within(at int16, prefix netip.Prefix) generator {
	return func(e *emitter, _ bool, pass, fail string) {
		addr, bits, version := prefix.Addr().As16(), prefix.Bits(), int32(6)
		if prefix.Addr().Is4() {
			bits, version = bits+96, 4
		}
		e.emit(asm.LoadMem(asm.R2, asm.R1, atVersion, asm.Word), asm.JNE.Imm32(asm.R2, version, fail))
		for i := 0; i < 16 && i*8 < bits; i += 4 {
			var mask [4]byte
			binary.BigEndian.PutUint32(mask[:], ^uint32(0)<<(32-min(32, bits-i*8)))
			m := binary.LittleEndian.Uint32(mask[:])
			e.emit(
				asm.LoadMem(asm.R2, asm.R1, at+int16(i), asm.Word),
				asm.And.Imm32(asm.R2, int32(m)),
				asm.JNE.Imm32(asm.R2, int32(binary.LittleEndian.Uint32(addr[i:])&m), fail),
			)
		}
		e.emit(asm.Ja.Label(pass))
	}
}

// ---- joining tests ----

// matcher is a test of a packet, and its code.
type matcher struct {
	match func(*Packet) bool
	code  generator
}

func and(a, b matcher) matcher {
	return matcher{
		func(k *Packet) bool { return a.match(k) && b.match(k) },
		func(e *emitter, must bool, pass, fail string) {
			next := e.newLabel()
			a.code(e, must, next, fail)
			e.label = next
			b.code(e, must, pass, fail)
		},
	}
}

func or(a, b matcher) matcher {
	return matcher{
		func(k *Packet) bool { return a.match(k) || b.match(k) },
		func(e *emitter, must bool, pass, fail string) {
			next := e.newLabel()
			a.code(e, must, pass, next)
			e.label = next
			b.code(e, must, pass, fail)
		},
	}
}

// not passes for sure what may not pass a.
func not(a matcher) matcher {
	return matcher{
		func(k *Packet) bool { return !a.match(k) },
		func(e *emitter, must bool, pass, fail string) { a.code(e, !must, fail, pass) },
	}
}
