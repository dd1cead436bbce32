package symbol

import "encoding/binary"

// BuildID is what a linker writes into a file to tell it from all others. A shorter one has zeros behind it, as in the
// kernel.
type BuildID [20]byte

// Values of UserFrame.Status (enum bpf_stack_build_id_status).
const (
	statusEmpty   = 0
	statusBuildID = 1
	statusIP      = 2
)

// UserFrame is a frame as the kernel gives it: a struct bpf_stack_build_id.
type UserFrame struct {
	Status  int32
	BuildID BuildID // with status 1
	Offset  uint64  // with status 1 the offset in the file, with 2 the address
}

// userFrameSize is the size of a struct bpf_stack_build_id.
const userFrameSize = 32

// DecodeUserFrames appends the frames in raw to dst, up to the first empty one. A rest that is no whole frame does not
// count.
func DecodeUserFrames(dst []UserFrame, raw []byte) []UserFrame {
	for ; len(raw) >= userFrameSize; raw = raw[userFrameSize:] {
		f := UserFrame{
			Status: int32(binary.NativeEndian.Uint32(raw)),
			Offset: binary.NativeEndian.Uint64(raw[24:]),
		}
		if f.Status == statusEmpty {
			break
		}
		copy(f.BuildID[:], raw[4:])
		dst = append(dst, f)
	}
	return dst
}
