package engine

import (
	"encoding/binary"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// FuzzDecode: whatever a record has in it, decoding it reads nothing outside, and what is
// whole has no more text than the record.
func FuzzDecode(f *testing.F) {
	whole := make([]byte, stringsOffset+12)
	binary.NativeEndian.PutUint32(whole[recordSize:], 12)
	copy(whole[stringsOffset:], "a/b/c/d/e/f\x00")
	f.Add(whole)
	f.Add(whole[:stringsOffset-1])
	f.Add([]byte(nil))
	clock, err := events.NewClock(true)
	if err != nil {
		f.Fatal(err)
	}
	p, err := policy.Parse("fuzz.yaml", []byte(enforcedPolicy))
	if err != nil {
		f.Fatal(err)
	}
	t, err := compile(p, 1, [2]uint64{1, 2}, noHost{}, newBits(), policy.DefaultEphemeral, nil)
	if err != nil {
		f.Fatal(err)
	}
	d := &decoder{clock: clock, containers: func([]byte) string { return "" }, tables: func(revision uint32) *tables {
		if revision&1 == 0 {
			return nil
		}
		return t
	}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := d.decode(raw)
		if len(raw) < stringsOffset {
			qt.Assert(t, qt.IsNotNil(err))
		}
		if err == nil {
			const slashes = 2 // a path that is cut begins with more than was sent
			qt.Check(t, qt.IsTrue(len(a.Object.Path)+len(a.Process.Exe) <= 2*(len(raw)+slashes)+64))
		}
	})
}

const enforcedPolicy = `
version: 1
name: test
mode: enforce
defaults:
  all: {bind: deny}
rules:
  - {id: file, subject: all, file: {paths: [/secret]}, action: deny}
  - {id: mount, subject: all, mount: {ops: [umount]}, action: deny}
  - {id: connect, subject: all, connect: {to: 10.0.0.0/8}, action: deny}
`
