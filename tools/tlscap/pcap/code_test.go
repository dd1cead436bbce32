package pcap

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
)

// flowOf is what flow_read of packet.h makes of a packet; false for what it does not decide about.
func flowOf(p *Packet) (f Flow, ok bool) {
	if !p.isIP() || p.Fragment {
		return f, false
	}
	f.From = End{Local: p.Src.As16(), Remote: p.Dst.As16(), LocalPort: p.SrcPort, RemotePort: p.DstPort, Protocol: uint32(p.Protocol)}
	f.Version, f.Length = 6, uint32(p.Length)
	if p.Type == typeIPv4 {
		f.Version = 4
	}
	if p.HasPorts {
		f.HasPorts = 1
	}
	return f, true
}

// interpret runs code as the kernel would, as far as filters use it.
func interpret(t testing.TB, code asm.Instructions, f *Flow) uint32 {
	t.Helper()
	memory := (*[unsafe.Sizeof(Flow{})]byte)(unsafe.Pointer(f))
	labels := make(map[string]int)
	for n, i := range code {
		if s := i.Symbol(); s != "" {
			_, twice := labels[s]
			qt.Assert(t, qt.IsFalse(twice), qt.Commentf("%s", s))
			labels[s] = n
		}
	}
	var r [3]uint32
	for pc := 0; ; pc++ {
		i := code[pc]
		imm := uint32(i.Constant)
		jump := false
		switch op := i.OpCode; {
		case op.JumpOp() == asm.Exit:
			return r[0]
		case op.Class() == asm.LdXClass && op.Size() == asm.Word:
			r[i.Dst] = *(*uint32)(unsafe.Pointer(&memory[i.Offset]))
		case op.Class() == asm.LdXClass && op.Size() == asm.Half:
			r[i.Dst] = uint32(*(*uint16)(unsafe.Pointer(&memory[i.Offset])))
		case op.ALUOp() == asm.Mov:
			r[i.Dst] = imm
		case op.ALUOp() == asm.And:
			r[i.Dst] &= imm
		case op.JumpOp() == asm.Ja:
			jump = true
		case op.JumpOp() == asm.JNE:
			jump = r[i.Dst] != imm
		case op.JumpOp() == asm.JLT:
			jump = r[i.Dst] < imm
		case op.JumpOp() == asm.JGT:
			jump = r[i.Dst] > imm
		default:
			t.Fatalf("instruction %v", i)
		}
		if jump {
			to, ok := labels[i.Reference()]
			qt.Assert(t, qt.IsTrue(ok && to > pc), qt.Commentf("jump to %q", i.Reference()))
			pc = to - 1
		}
	}
}

// TestCode: the kernel drops what Match would drop and nothing else; where it cannot know, nothing that Match takes.
func TestCode(t *testing.T) {
	more := []string{
		"not (tcp and ether src 02:00:00:00:00:09)", "ether src 02:00:00:00:00:09 or tcp", "not vlan 7 and tcp", "not (not (udp or vlan))",
		"not ether host 02:00:00:00:00:09 and not port 443", "net 192.0.2.0/31", "not net 10.0.0.0/9", "net fe80::/10", "host fe80::1", "less 0", "port 0",
		"net 0.0.0.0/0", "not net ::/0", "portrange 0-65535", "src host 192.0.2.1 or not (dst net 2001:db8::/127 and udp)",
	}
	packets := traffic(t)
	dropped := 0
	for _, expression := range append(more, expressions...) {
		f, err := Compile(expression)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", expression))
		code := f.Code()
		qt.Assert(t, qt.IsNotNil(code))
		exact := !strings.Contains(expression, "ether") && !strings.Contains(expression, "vlan")
		for _, data := range packets {
			p := Parse(LinkEthernet, data, len(data))
			flow, ok := flowOf(&p)
			qt.Assert(t, qt.IsTrue(ok))
			taken := interpret(t, code, &flow) == 1
			if !taken {
				dropped++
			}
			if match := f.Match(&p); match != taken && (match || exact) {
				t.Fatalf("%s: the kernel says %t, Match says %t", expression, taken, match)
			}
		}
	}
	qt.Check(t, qt.IsTrue(dropped > 10000))
	f, err := Compile("ether src 02:00:00:00:00:09 and tcp") // of which the kernel knows the half
	qt.Assert(t, qt.IsNil(err))
	code := f.Code()
	udp := Flow{Version: 4, From: End{Protocol: protoUDP}}
	qt.Check(t, qt.Equals(interpret(t, code, &udp), 0))
}

// TestCodeBound: what is too long for the kernel is left to Match, and no filter has no code.
func TestCodeBound(t *testing.T) {
	f, err := Compile("port 1" + strings.Repeat(" or port 2", 1000))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(f.Code()))
	f, err = Compile("")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(f.Code()))
}
