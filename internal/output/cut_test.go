package output

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// cutLine writes an exec event and decodes the line.
func cutLine(t *testing.T, e *exec) (line []byte, m map[string]any) {
	t.Helper()
	var out bytes.Buffer
	w := NewJSON(&out, "execsnoop", execFields())
	qt.Assert(t, qt.IsNil(w.Event(e)))
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.IsTrue(out.Len() < MaxLine), qt.Commentf("%d bytes", out.Len()))
	qt.Assert(t, qt.IsNil(json.Unmarshal(out.Bytes(), &m)))
	return out.Bytes(), m
}

func TestCutOnlyTheLongest(t *testing.T) {
	e := newExec()
	e.path = []byte(strings.Repeat("é", 50000))
	line, m := cutLine(t, e)
	qt.Check(t, qt.DeepEquals(m["cut"], any([]any{"path"})))
	qt.Check(t, qt.Equals(m["cwd"], any("/home/alice/src/project")))
	qt.Check(t, qt.HasLen(m["args"].([]any), 4))
	qt.Check(t, qt.Equals(strings.Trim(m["path"].(string), "é"), ""), qt.Commentf("cut within a character"))
	qt.Check(t, qt.IsTrue(len(line) > MaxLine-1024), qt.Commentf("only %d bytes used", len(line)))
}

func TestCutTwinHasTheSameBytes(t *testing.T) {
	e := newExec()
	src := bytes.Repeat([]byte("ab\xff\n"), 9000)
	e.path = src
	_, m := cutLine(t, e)
	qt.Check(t, qt.DeepEquals(m["cut"], any([]any{"path"})))
	raw, err := base64.StdEncoding.DecodeString(m["path_b64"].(string))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(bytes.HasPrefix(src, raw) && len(raw) > 4000))
	qt.Check(t, qt.Equals(m["path"].(string), string([]rune(string(raw)))))
}

func TestCutList(t *testing.T) {
	e := newExec()
	e.args = nil
	for i := range 5000 {
		e.args = append(e.args, fmt.Appendf(nil, "argument-%04d", i))
	}
	_, m := cutLine(t, e)
	args := m["args"].([]any)
	qt.Check(t, qt.DeepEquals(m["cut"], any([]any{"args"})))
	qt.Check(t, qt.IsTrue(len(args) > 900))
	for i, a := range args[:len(args)-1] {
		qt.Assert(t, qt.Equals(a, any(fmt.Sprintf("argument-%04d", i))))
	}
	last := args[len(args)-1].(string)
	qt.Check(t, qt.IsTrue(last != "" && strings.HasPrefix(fmt.Sprintf("argument-%04d", len(args)-1), last)))

	e.args = [][]byte{[]byte("sh"), []byte("-c"), bytes.Repeat([]byte("x"), 1<<20), []byte("gone")}
	_, m = cutLine(t, e)
	args = m["args"].([]any)
	qt.Check(t, qt.HasLen(args, 3))
	qt.Check(t, qt.Equals(args[1], any("-c")))
	qt.Check(t, qt.IsTrue(len(args[2].(string)) > 10000))

	e.args = make([][]byte, 1<<20) // nothing but commas and quotes
	_, m = cutLine(t, e)
	qt.Check(t, qt.DeepEquals(m["cut"], any([]any{"args"})))
}

func TestCutListTwin(t *testing.T) {
	e := newExec()
	e.args = nil
	for range 1000 {
		e.args = append(e.args, []byte("caf\xe9 au lait"))
	}
	_, m := cutLine(t, e)
	args, twin := m["args"].([]any), m["args_b64"].([]any)
	qt.Assert(t, qt.Equals(len(args), len(twin)))
	for i := range args {
		raw, err := base64.StdEncoding.DecodeString(twin[i].(string))
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsTrue(bytes.HasPrefix(e.args[i], raw)))
		qt.Assert(t, qt.Equals(args[i].(string), string([]rune(string(raw)))))
	}
}

// The line that just fits is not cut, the next longer one is.
func TestCutBoundary(t *testing.T) {
	e := newExec()
	e.path = nil
	line, _ := cutLine(t, e)
	room := MaxLine - 1 - len(line)

	e.path = bytes.Repeat([]byte("x"), room)
	line, m := cutLine(t, e)
	qt.Check(t, qt.Equals(len(line), MaxLine-1))
	qt.Check(t, qt.HasLen(m["cut"].([]any), 0))

	e.path = append(e.path, 'x')
	_, m = cutLine(t, e)
	qt.Check(t, qt.DeepEquals(m["cut"], any([]any{"path"})))
}

// wide is the worst table of fields: as many as CheckFields lets pass, with the longest names.
type wide struct{ vals []Value }

func wideFields(n int) []Field[wide] {
	var fields []Field[wide]
	for i := range n {
		name := fmt.Sprintf("f%02d_", i)
		name += strings.Repeat("x", maxName-len(name))
		fields = append(fields, Field[wide]{Name: name, Doc: "x", Type: TypeBytes, Get: func(e *wide) Value { return e.vals[i] }})
	}
	return fields
}

// hostile returns values that grow in JSON, of any length.
func hostile(r *rand.Rand) Value {
	alphabet := []string{"\xff", "\x00", "\"", "a", "é", "\U000e0041", "\u202e", "🦊", "\n", "\xe2\x82", "", "plain text of some length"}
	text := func() []byte {
		unit := []byte(alphabet[r.IntN(len(alphabet))] + alphabet[r.IntN(len(alphabet))])
		return bytes.Repeat(unit, r.IntN(1<<r.IntN(15)))
	}
	switch r.IntN(8) {
	case 0:
		return Time(int64(r.Uint64()))
	case 1:
		return Hex(r.Uint64())
	case 2:
		return Text(string(text()))
	case 3, 4:
		list := make([][]byte, r.IntN(1<<r.IntN(10)))
		for i := range list {
			list[i] = text()[:0:0]
			if r.IntN(2) == 0 {
				list[i] = text()
			}
		}
		return ByteList(list)
	default:
		return Bytes(text())
	}
}

func TestCutAlwaysFits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 8, 40, maxFields} {
		var out bytes.Buffer
		w := NewJSON(&out, "wide", wideFields(n))
		for range 40 {
			e := &wide{vals: make([]Value, n)}
			for i := range e.vals {
				e.vals[i] = hostile(r)
			}
			out.Reset()
			qt.Assert(t, qt.IsNil(w.Event(e)))
			qt.Assert(t, qt.IsNil(w.Flush()))
			checkJSONLine(t, out.Bytes())
		}
	}
}

// The longest scalars and the worst texts in every field at once.
func TestCutWorstCase(t *testing.T) {
	for _, v := range []Value{
		Bytes(bytes.Repeat([]byte{0xff}, MaxLine)), Bytes(bytes.Repeat([]byte{0}, MaxLine)),
		ByteList([][]byte{bytes.Repeat([]byte{0xff}, MaxLine)}), ByteList(make([][]byte, MaxLine)), Time(-1), Int(-1 << 63),
	} {
		e := &wide{vals: make([]Value, maxFields)}
		for i := range e.vals {
			e.vals[i] = v
		}
		var out bytes.Buffer
		w := NewJSON(&out, "wide", wideFields(maxFields))
		qt.Assert(t, qt.IsNil(w.Event(e)))
		qt.Assert(t, qt.IsNil(w.Flush()))
		checkJSONLine(t, out.Bytes())
	}
}

// checkJSONLine checks what holds for every JSON line.
func checkJSONLine(t *testing.T, line []byte) map[string]any {
	t.Helper()
	if len(line) >= MaxLine {
		t.Fatalf("line has %d bytes", len(line))
	}
	body, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok {
		t.Fatalf("line does not end: %q", line)
	}
	checkSafe(t, body)
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v: %q", err, line)
	}
	if keys := topKeys(t, body); len(keys) != len(m) {
		t.Fatalf("a key appears twice: %q", keys)
	}
	return m
}

func topKeys(t *testing.T, body []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	_, err := dec.Token()
	var keys []string
	for err == nil && dec.More() {
		var key json.Token
		if key, err = dec.Token(); err == nil {
			keys = append(keys, key.(string))
			var skip json.RawMessage
			err = dec.Decode(&skip)
		}
	}
	qt.Assert(t, qt.IsNil(err))
	return keys
}

// checkSafe checks that text can be shown on a terminal as one line.
func checkSafe(t *testing.T, text []byte) {
	t.Helper()
	for _, r := range string(text) {
		if hidden(r) {
			t.Fatalf("%U in %q", r, text)
		}
	}
	if bytes.ToValidUTF8(text, nil) == nil && len(text) > 0 || !bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
		t.Fatalf("not UTF-8: %q", text)
	}
}

// TestCutBesideJSON: what the command encoded itself stays whole, and the text beside it makes room.
func TestCutBesideJSON(t *testing.T) {
	object := append(append([]byte(`{"a":"`), bytes.Repeat([]byte("a"), 10000)...), `"}`...)
	fields := wideFields(2)
	var out bytes.Buffer
	w := NewJSON(&out, "wide", fields)
	qt.Assert(t, qt.IsNil(w.Event(&wide{[]Value{JSON(object), Bytes(bytes.Repeat([]byte("b"), 10000))}})))
	qt.Assert(t, qt.IsNil(w.Flush()))
	m := checkJSONLine(t, out.Bytes())
	qt.Check(t, qt.Equals(len(m[fields[0].Name].(map[string]any)["a"].(string)), 10000))
	qt.Check(t, qt.IsTrue(len(m[fields[1].Name].(string)) > 6000))
	qt.Check(t, qt.DeepEquals(m["cut"].([]any), []any{fields[1].Name}))
}
