package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// one is an event of one value.
type one struct{ v Value }

func jsonLine(t *testing.T, v Value) string {
	t.Helper()
	var out bytes.Buffer
	w := NewJSON(&out, "test", []Field[one]{{Name: "x", Get: func(e *one) Value { return e.v }}})
	qt.Assert(t, qt.IsNil(w.Event(&one{v})))
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.IsTrue(json.Valid(out.Bytes())))
	return out.String()
}

func TestJSONValues(t *testing.T) {
	for _, test := range []struct {
		name string
		v    Value
		want string
	}{
		{"null", Null(), `"x":null`},
		{"zero Value", Value{}, `"x":null`},
		{"int", Int(-1 << 63), `"x":-9223372036854775808`},
		{"uint", Uint(1<<64 - 1), `"x":18446744073709551615`},
		{"hex", Hex(0xffffffff81000000), `"x":"0xffffffff81000000"`},
		{"hex zero", Hex(0), `"x":"0x0"`},
		{"true", Bool(true), `"x":true`},
		{"false", Bool(false), `"x":false`},
		{"time", Time(1767323045000000042), `"x":"2026-01-02T03:04:05.000000042Z"`},
		{"time 0", Time(0), `"x":"1970-01-01T00:00:00.000000000Z"`},
		{"time before 1970", Time(-1), `"x":"1969-12-31T23:59:59.999999999Z"`},
		{"time least", Time(-1 << 63), `"x":"1677-09-21T00:12:43.145224192Z"`},
		{"text", Text("ENOENT"), `"x":"ENOENT"`},
		{"no text", Text(""), `"x":""`},
		{"text is never twinned", Text("\xff"), `"x":"` + "\ufffd" + `"`},
		{"bytes", Bytes([]byte("/usr/bin/true")), `"x":"/usr/bin/true"`},
		{"no bytes", Bytes(nil), `"x":""`},
		{"markup stays", Bytes([]byte("<a href=''>&amp;")), `"x":"<a href=''>&amp;"`},
		{"minimal escapes", Bytes([]byte("\"\\\b\f\n\r\t/")), `"x":"\"\\\b\f\n\r\t/"`},
		{"controls", Bytes([]byte("\x00\x1b\x7f\u009b")), `"x":"\u0000\u001b\u007f\u009b"`},
		{"hidden", Bytes([]byte("\u2028\u202e\u200b")), `"x":"\u2028\u202e\u200b"`},
		{"surrogate pair", Bytes([]byte("\U000e0041")), `"x":"\udb40\udc41"`},
		{"Unicode", Bytes([]byte("Grüße 日本語 🦊")), `"x":"Grüße 日本語 🦊"`},
		{"U+FFFD itself", Bytes([]byte("\ufffd")), `"x":"` + "\ufffd" + `"`},
		{"not UTF-8", Bytes([]byte("caf\xe9\xff")), `"x":"caf` + "\ufffd\ufffd" + `","x_b64":"Y2Fm6f8="`},
		{"list", ByteList([][]byte{[]byte("a b"), nil, []byte(`"`)}), `"x":["a b","","\""]`},
		{"no list", ByteList(nil), `"x":[]`},
		{"list of nothing", ByteList([][]byte{nil}), `"x":[""]`},
		{"list not UTF-8", ByteList([][]byte{[]byte("a"), {0xff}}), `"x":["a","` + "\ufffd" + `"],"x_b64":["YQ==","/w=="]`},
		{"object", JSON([]byte(`{"a":[1,2]}`)), `"x":{"a":[1,2]}`},
		{"texts", TextList([]string{"a", "", "\n"}), `"x":["a","","\n"]`},
		{"no texts", TextList(nil), `"x":[]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			qt.Check(t, qt.Equals(jsonLine(t, test.v), "{"+test.want+`,"cut":[]}`+"\n"))
		})
	}
}

const goldenJSON = `{"time":"2026-01-02T03:04:05.123456789Z","tool":"execsnoop","type":"event","pid":4242,"tid":4242,` +
	`"ppid":4100,"uid":1000,"comm":"ls","cgroup_id":7171,"container_id":null,"pcomm":"bash","ret":0,"error":null,` +
	`"path":"/usr/bin/ls","args":["ls","--color=auto","-l","/var/lib/postgresql/data"],"argc":4,"args_truncated":false,` +
	`"cwd":"/home/alice/src/project","tty":"pts/3","latency_ns":183412,"entry":"0x55d0c0ffee00","setuid":false,` +
	`"caps":["CAP_NET_RAW"],"mntns":4026531841,"hook":"sched_process_exec","cut":[]}` + "\n"

func TestJSONGolden(t *testing.T) {
	var out bytes.Buffer
	w := NewJSON(&out, "execsnoop", execFields())
	qt.Assert(t, qt.IsNil(w.Header()))
	qt.Assert(t, qt.IsNil(w.Event(newExec())))
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.Equals(out.String(), goldenJSON))
}

func TestJSONLost(t *testing.T) {
	var out bytes.Buffer
	w := NewJSON(&out, "execsnoop", execFields())
	err := w.Lost(Loss{Time: 1767323045123456789, Counts: []Count{{"lost", 12}, {"truncated", 0}}})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.Equals(out.String(),
		`{"time":"2026-01-02T03:04:05.123456789Z","tool":"execsnoop","type":"lost","lost":12,"truncated":0}`+"\n"))
}

// counting records each Write.
type counting struct{ writes [][]byte }

func (c *counting) Write(b []byte) (int, error) {
	c.writes = append(c.writes, bytes.Clone(b))
	return len(b), nil
}

func TestWholeLinesInLargeBlocks(t *testing.T) {
	var out counting
	w := NewJSON(&out, "execsnoop", execFields())
	const events = 1009
	for range events {
		qt.Assert(t, qt.IsNil(w.Event(newExec())))
	}
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.IsNil(w.Flush()), qt.Commentf("nothing is left"))

	total := 0
	for i, b := range out.writes {
		qt.Check(t, qt.IsTrue(bytes.HasSuffix(b, []byte("}\n"))))
		if i < len(out.writes)-1 {
			qt.Check(t, qt.IsTrue(len(b) >= block))
		}
		total += len(b)
	}
	qt.Check(t, qt.Equals(total, events*len(goldenJSON)))
	qt.Check(t, qt.Equals(len(out.writes), total/block+1))
}

// broken fails after some writes.
type broken struct{ good int }

var errBroken = errors.New("no space left on device")

func (b *broken) Write(p []byte) (int, error) {
	if b.good--; b.good < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

// short takes less than it is given and says nothing.
type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) / 2, nil }

func TestErrorsAreSticky(t *testing.T) {
	fields := execFields()
	table := func(out io.Writer) Writer[exec] {
		w, err := NewTable(out, fields, execColumns(), nil)
		qt.Assert(t, qt.IsNil(err))
		return w
	}
	for name, newWriter := range map[string]func(io.Writer) Writer[exec]{
		"json":  func(out io.Writer) Writer[exec] { return NewJSON(out, "execsnoop", fields) },
		"csv":   func(out io.Writer) Writer[exec] { return NewCSV(out, fields) },
		"table": table,
	} {
		t.Run(name, func(t *testing.T) {
			out := &broken{good: 1}
			w := newWriter(out)
			qt.Assert(t, qt.IsNil(w.Event(newExec())))
			qt.Assert(t, qt.IsNil(w.Flush()))
			qt.Assert(t, qt.IsNil(w.Event(newExec())))
			qt.Assert(t, qt.ErrorIs(w.Flush(), errBroken))
			out.good = 100
			qt.Check(t, qt.ErrorIs(w.Header(), errBroken))
			qt.Check(t, qt.ErrorIs(w.Event(newExec()), errBroken))
			qt.Check(t, qt.ErrorIs(w.Lost(Loss{}), errBroken))
			qt.Check(t, qt.ErrorIs(w.Flush(), errBroken))
			qt.Check(t, qt.Equals(out.good, 100), qt.Commentf("written after the error"))

			w = newWriter(short{})
			qt.Assert(t, qt.IsNil(w.Event(newExec())))
			qt.Check(t, qt.ErrorIs(w.Flush(), io.ErrShortWrite))
		})
	}
}

// A giant line must not keep its memory.
func TestBufferShrinks(t *testing.T) {
	w := NewCSV(io.Discard, execFields())
	e := newExec()
	e.path = []byte(strings.Repeat("x", 32*block))
	qt.Assert(t, qt.IsNil(w.Event(e)))
	qt.Check(t, qt.IsTrue(cap(w.(*csvWriter[exec]).buf) < 16*block))
}
