package symbol

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/go-quicktest/qt"
)

// rawFrame makes a struct bpf_stack_build_id.
func rawFrame(status int32, id BuildID, offset uint64) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(status))
	b = append(b, id[:]...)
	return binary.NativeEndian.AppendUint64(b, offset)
}

func TestDecodeUserFrames(t *testing.T) {
	id := BuildID{1, 2, 3, 19: 20}
	raw := bytes.Join([][]byte{
		rawFrame(statusBuildID, id, 0x1234), rawFrame(statusIP, BuildID{}, 0x7f0000001234),
		rawFrame(-7, BuildID{}, 5), rawFrame(statusEmpty, id, 7), rawFrame(statusIP, BuildID{}, 11),
	}, nil)
	want := []UserFrame{{statusBuildID, id, 0x1234}, {statusIP, BuildID{}, 0x7f0000001234}, {-7, BuildID{}, 5}}
	qt.Check(t, qt.DeepEquals(DecodeUserFrames(nil, raw), want))
	qt.Check(t, qt.DeepEquals(DecodeUserFrames(want[:1:1], raw[32:64]), want[:2]))
	for short := range 3 * 32 { // only what is whole
		qt.Check(t, qt.HasLen(DecodeUserFrames(nil, raw[:short]), short/32))
	}
}

func FuzzDecodeUserFrames(f *testing.F) {
	f.Add(append(rawFrame(1, BuildID{1}, 2), rawFrame(2, BuildID{}, 3)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		frames := DecodeUserFrames(nil, raw)
		for i, fr := range frames {
			if fr.Status == 0 || !bytes.Equal(rawFrame(fr.Status, fr.BuildID, fr.Offset), raw[32*i:][:32]) {
				t.Fatalf("%d: %+v", i, fr)
			}
		}
	})
}
