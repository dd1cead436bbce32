package trace

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
)

func TestHeadDecode(t *testing.T) {
	clock, err := events.NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	r := &RecordHead{TimeNs: 1e9, CgroupID: 1<<63 + 1, Kind: 9, PID: 1, TID: 2, PPID: 3, UID: 4, GID: 5}
	copy(r.Comm[:], "a\xffb\x00junk")

	var h Head
	h.Decode(&Host{Clock: clock}, r)
	qt.Check(t, qt.Equals(h.Time, clock.Wall(1e9)))
	qt.Check(t, qt.Equals(h.PID, 1))
	qt.Check(t, qt.Equals(h.TID, 2))
	qt.Check(t, qt.Equals(h.PPID, 3))
	qt.Check(t, qt.Equals(h.UID, 4))
	qt.Check(t, qt.Equals(h.CgroupID, 1<<63+1))
	qt.Check(t, qt.Equals(string(h.Comm), "a\xffb"))
	qt.Check(t, qt.Equals(h.ContainerID, ""))

	// The record's memory may be used again at once.
	copy(r.Comm[:], "zzzzzzzzzzzzzzzz")
	qt.Check(t, qt.Equals(string(h.Comm), "a\xffb"))
	h.Decode(&Host{Clock: clock}, r)
	qt.Check(t, qt.Equals(string(h.Comm), "zzzzzzzzzzzzzzzz"))
}

func TestHeadFields(t *testing.T) {
	fields := newTool().Fields
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
	names := output.CommonNames()
	qt.Assert(t, qt.HasLen(fields, len(names)))

	for _, test := range []struct {
		head Head
		want string
	}{
		{Head{Time: 1767323045123456789, PID: 4294967295, TID: 2, PPID: 3, UID: 4, Comm: []byte("a\xff"), CgroupID: 1<<64 - 1, ContainerID: "3f2a"},
			`{"time":"2026-01-02T03:04:05.123456789Z","tool":"notes","type":"event","pid":4294967295,"tid":2,"ppid":3,"uid":4,"comm":"a�","comm_b64":"Yf8=","cgroup_id":18446744073709551615,"container_id":"3f2a","cut":[]}` + "\n"},
		{Head{Comm: []byte{}},
			`{"time":"1970-01-01T00:00:00.000000000Z","tool":"notes","type":"event","pid":0,"tid":0,"ppid":0,"uid":0,"comm":"","cgroup_id":0,"container_id":null,"cut":[]}` + "\n"},
	} {
		b := newBench(t, command.Common{Format: "json"})
		b.tool.Fields = fields
		w, err := b.session.writer()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(w.Event(&note{Head: test.head})))
		qt.Assert(t, qt.IsNil(w.Flush()))
		got := stdout(b)
		qt.Check(t, qt.Equals(got, test.want))
		qt.Check(t, qt.IsNil(schematest.Validate(output.Schema("notes", "1", fields), []byte(got))))
	}
}

func TestErrShortRecord(t *testing.T) {
	qt.Check(t, qt.ErrorMatches(ErrShortRecord(3, 7), "decode record: 3 bytes, want at least 7"))
}
