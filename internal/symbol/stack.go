package symbol

import "encoding/binary"

// AppendAddresses appends the addresses of a stack as the kernel copies it (bpf_get_stack,
// or a value of a stack map), innermost first. The first zero ends it.
func AppendAddresses(dst []uint64, raw []byte) []uint64 {
	for ; len(raw) >= 8; raw = raw[8:] {
		addr := binary.NativeEndian.Uint64(raw)
		if addr == 0 {
			break
		}
		dst = append(dst, addr)
	}
	return dst
}

// Frames appends the frames of a kernel stack, innermost first. entered says that the
// first address is where a function was entered, as with a kprobe, and not where a call
// returns to.
func (k *Kernel) Frames(dst []Frame, addrs []uint64, entered bool) []Frame {
	for i, addr := range addrs {
		if i == 0 && entered {
			dst = append(dst, k.Frame(addr))
			continue
		}
		dst = append(dst, k.Caller(addr))
	}
	return dst
}
