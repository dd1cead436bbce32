package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// FuzzDecode: no record, whatever is in it, does harm. It comes out as valid lines, or as an
// error if it is too short.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, recordSize))
	f.Add(piece("GET / HTTP/1.1\r\n\r\n", nil).bytes())
	f.Add(piece("\x1b\xff", func(r *record) { r.Flags = 0xffffffff; r.Total = 1 << 31; r.At = 1<<32 - 1 }).bytes())
	f.Add(deriveBytes(derive("c hs traffic", 1, 2)))
	f.Add(packetRecord(frame(t4(1), t4(2)), func(r *bpfPacketRecord) { r.VlanProto, r.VlanTci = 0x8100, 7 }))
	f.Add(ownerRecord(t4(1), t4(2), 7, true))
	h := tooltest.Host(f)
	s := schema(f)
	var out bytes.Buffer
	w := output.NewJSON(&out, "tlscap", fields)
	table, err := output.NewTable(&out, fields, columns(&config{mode: modeText}), below(&config{}))
	qt.Assert(f, qt.IsNil(err))
	packets := testCapture(f)
	d := &decoder{probes: testProbes(), discovery: newDiscovery(nil), capture: packets}
	m := newMessages(&d.connections, lines("json"))
	d.connections.ended = m.close
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		var e event
		err := d.decode(h, raw, &e)
		qt.Assert(t, qt.IsTrue(bytes.Equal(raw, before)), qt.Commentf("the record was changed"))
		if err == trace.ErrNoEvent {
			return
		}
		if err != nil {
			qt.Assert(t, qt.IsTrue(len(raw) < max(recordSize, deriveSize, packetSize, ownerSize)))
			return
		}
		if e.kind == kindPacket {
			if packets.keep(&e) {
				qt.Assert(t, qt.IsNil(packets.expand(&e, nil)))
			}
			qt.Assert(t, qt.IsNil(packets.w.Close(0)))
			return
		}
		out.Reset()
		qt.Assert(t, qt.IsNil(table.Event(&e)))
		qt.Assert(t, qt.IsNil(table.Flush()))
		qt.Assert(t, qt.IsTrue(utf8.Valid(out.Bytes())))
		qt.Assert(t, qt.Equals(bytes.IndexFunc(out.Bytes(), func(r rune) bool { return r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0) }), -1))
		out.Reset()
		if e.kind == kindDerive {
			qt.Assert(t, qt.IsNil(w.Event(&e)))
		} else {
			copied := e
			qt.Assert(t, qt.IsNil(lines("json")(&copied, w.Event)))
			qt.Assert(t, qt.IsNil(m.expand(&e, w.Event)))
			qt.Assert(t, qt.IsNil(m.rest(true, w.Event)))
		}
		qt.Assert(t, qt.IsNil(w.Flush()))
		for line := range bytes.Lines(out.Bytes()) {
			qt.Assert(t, qt.IsTrue(len(line) < output.MaxLine))
			qt.Assert(t, qt.IsTrue(json.Valid(line)))
			qt.Assert(t, qt.IsNil(s.Validate(line)), qt.Commentf("%s", line))
		}
	})
}
