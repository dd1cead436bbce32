package uprobe

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// HasCookies reports whether a program can ask for its cookie (5.15).
func HasCookies(k *preflight.Kernel) bool { return k.HasHelper(preflight.GetAttachCookie) }

// SetCookie writes a cookie into the code of a program, where it would ask for it. It must
// be below 1<<31.
func SetCookie(spec *ebpf.ProgramSpec, cookie uint64) {
	for i := range spec.Instructions {
		if ins := &spec.Instructions[i]; ins.IsBuiltinCall() && ins.Constant == int64(asm.FnGetAttachCookie) {
			*ins = asm.Mov.Imm(asm.R0, int32(cookie)).WithMetadata(ins.Metadata)
		}
	}
}
