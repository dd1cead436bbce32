package btfprog

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
)

// TestAttr: the kernel knows the parts of the structure by their offsets
// (include/uapi/linux/bpf.h).
func TestAttr(t *testing.T) {
	var a loadAttr
	for _, part := range []struct {
		name      string
		got, want uintptr
	}{
		{"insns", unsafe.Offsetof(a.insns), 8},
		{"log_level", unsafe.Offsetof(a.logLevel), 24},
		{"log_buf", unsafe.Offsetof(a.log), 32},
		{"prog_name", unsafe.Offsetof(a.name), 48},
		{"expected_attach_type", unsafe.Offsetof(a.expectedAttachType), 68},
		{"prog_btf_fd", unsafe.Offsetof(a.btfFD), 72},
		{"func_info", unsafe.Offsetof(a.functions), 80},
		{"line_info", unsafe.Offsetof(a.lines), 96},
		{"attach_btf_id", unsafe.Offsetof(a.attachID), 108},
		{"attach_btf_obj_fd", unsafe.Offsetof(a.attachFD), 112},
		{"size", unsafe.Sizeof(a), 120}, // rounded up
	} {
		qt.Check(t, qt.Equals(part.got, part.want), qt.Commentf("%s", part.name))
	}
}

// TestMissingMap: a program is not loaded with a map that is not there.
func TestMissingMap(t *testing.T) {
	_, err := Load(&ebpf.ProgramSpec{Type: ebpf.Tracing, License: "GPL", Instructions: asm.Instructions{
		asm.LoadMapPtr(asm.R1, 0).WithReference("events"), asm.Mov.Imm(asm.R0, 0), asm.Return(),
	}}, Target{Function: 1})
	qt.Check(t, qt.ErrorMatches(err, "no map events"))
}

// TestTail is the end of a log, where the verifier says what it did not like.
func TestTail(t *testing.T) {
	qt.Check(t, qt.Equals(tail(make([]byte, 16)), ""))
	qt.Check(t, qt.Equals(tail([]byte("0: r0 = 0\nR1 !read_ok\n\x00rest")), ": 0: r0 = 0; R1 !read_ok"))
	qt.Check(t, qt.Equals(tail([]byte(strings.Repeat("x\n", 20)+"\x00")), ": "+strings.TrimSuffix(strings.Repeat("x; ", 8), "; ")))
}
