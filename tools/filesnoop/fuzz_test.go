package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// writers are one of each format.
func writers(tb testing.TB, out *bytes.Buffer) []output.Writer[event] {
	tb.Helper()
	all := []output.Writer[event]{output.NewJSON(out, "filesnoop", fields), output.NewCSV(out, fields)}
	for _, format := range formats {
		w, err := output.NewTable(out, fields, columns(&config{format: format, timestamp: true, printUID: true, extended: true, errors: true, all: true}), below)
		qt.Assert(tb, qt.IsNil(err))
		all = append(all, w)
	}
	return all
}

// checkLine writes an event and checks that it comes out as lines without anything
// that would move a terminal.
func checkLine(t *testing.T, out *bytes.Buffer, w output.Writer[event], e *event, isJSON bool) {
	t.Helper()
	out.Reset()
	qt.Assert(t, qt.IsNil(w.Event(e)))
	qt.Assert(t, qt.IsNil(w.Flush()))
	text, ok := bytes.CutSuffix(out.Bytes(), []byte("\n"))
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.IsTrue(utf8.Valid(text)))
	if e.verdict.Alert == nil {
		qt.Assert(t, qt.IsFalse(bytes.Contains(text, []byte("\n"))))
	}
	qt.Assert(t, qt.Equals(bytes.IndexFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 }), -1), qt.Commentf("%q", text))
	if isJSON {
		qt.Assert(t, qt.IsTrue(out.Len() < output.MaxLine))
		qt.Assert(t, qt.IsTrue(json.Valid(text)))
	}
}

// FuzzDecode: no record, whatever is in it, does harm. It comes out as valid lines
// of each format, or as an error if it is too short.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, stringsOffset))
	f.Add(bytes.Repeat([]byte{0xff}, stringsOffset+100))
	for o := range op(len(opNames) + 1) {
		f.Add(seen(o, func(r *record) {
			r.name, r.path, r.name2, r.path2, r.exe, r.container = "a\x1b\xff", "b\n", "../..", "/", "x", "y"
			r.Flags, r.Ret, r.OpenFlags, r.Mode = 1<<31-1, -1<<31, 1<<32-1, 1<<32-1
		}).bytes())
		f.Add(seen(o, func(r *record) { r.Flags |= flagBase | flagName; r.name = "/../x/" }).bytes())
	}
	h := tooltest.Host(f)
	s := schema(f)
	e := new(event)
	var out bytes.Buffer
	all := writers(f, &out)
	d := &decoder{details: true, life: newLife(), judge: &judge{engine: rules.New(rules.Default())}}
	rows := newFeatures(&bytes.Buffer{}, time.Second)

	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		err := d.decode(h, raw, e)
		qt.Assert(t, qt.IsTrue(bytes.Equal(raw, before)), qt.Commentf("the record was changed"))
		if err != nil {
			qt.Assert(t, qt.IsTrue(len(raw) < stringsOffset))
			return
		}
		qt.Assert(t, qt.IsNil(rows.see(e)))
		if int(e.op()) == 0 || int(e.op()) >= len(opNames) {
			return // no program sends it, and the schema does not have it
		}
		if e.path == nil { // no program sends these without a path
			e.path, e.path2 = []byte("/x"), []byte("/y")
		}
		for i, w := range all {
			checkLine(t, &out, w, e, i == 0)
			if i == 0 {
				qt.Assert(t, qt.IsNil(s.Validate(bytes.TrimSuffix(out.Bytes(), []byte("\n")))))
			}
		}
	})
}

// FuzzReplay: whatever is in a file, it is read or refused with the number of a
// line, and what is read comes out in every format and through the rules.
func FuzzReplay(f *testing.F) {
	h := tooltest.Host(f)
	f.Add([]byte(""))
	f.Add([]byte(show(f, h, "--all --json", opened(nil), seen(opRename, moved), seen(opClose, nil))))
	f.Add([]byte("TS,PID,TYPE,FLAG,PATTERN,OPEN,CREATE,DELETE,ENCRYPT,FILENAME\n1,2,0,0,-,0,0,0,0,/a\n2,2,1,0,-,0,0,0,0,/a.x\n3,2,2,0,-,0,0,0,0,/a\n4,2,3,0,-,0,0,0,0,\n"))
	f.Add([]byte(`{"type":"lost","lost":3}` + "\n{}\n"))
	f.Add([]byte(`{"type":"event","op":"open","time":"2026-01-01T00:00:00Z","path":"a\u001b[31m\n","mode":"777777","dev":"x:y","file_type":"file","inode":1,"size":2,"flags_raw":4294967295}`))
	f.Add([]byte("T"))
	f.Add([]byte("\xff\xfe"))
	var out bytes.Buffer
	all := writers(f, &out)
	f.Fuzz(func(t *testing.T, text []byte) {
		j := &judge{engine: rules.New(rules.Default())}
		l := newLife()
		rows := newFeatures(&bytes.Buffer{}, time.Second)
		err := readEvents(bytes.NewReader(text), func(e *event) error {
			e.age = l.see(e)
			j.see(e)
			qt.Assert(t, qt.IsNil(rows.see(e)))
			for i, w := range all {
				checkLine(t, &out, w, e, i == 0)
			}
			return nil
		})
		if err != nil {
			qt.Assert(t, qt.Matches(err.Error(), `(?s)(line \d+: .*|read header: .*|read CSV: .*|bufio.Scanner: token too long)`))
		}
	})
}
