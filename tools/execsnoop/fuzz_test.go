package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// FuzzDecode: no record, whatever is in it, does harm. It comes out as one
// valid line of each format, or as an error if it is too short.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil), uint16(0))
	f.Add(make([]byte, stringsOffset), uint16(1))
	f.Add(bytes.Repeat([]byte{0xff}, stringsOffset+100), uint16(0))
	f.Add(success(nil).bytes(), uint16(2))
	f.Add(failure(func(r *record) { r.Dirfd, r.filename, r.Flags = 3, new("\x1b\xff"), flagArgsUnreadable|flagArgcMin }).bytes(), uint16(1))
	f.Add(success(func(r *record) {
		r.interp, r.exe, r.cwd = new("/bin/sh"), []string{"a", "\xff"}, []string{"b\n"}
		r.args = slices.Repeat([]string{"\x1b\xff"}, 200)
		r.Flags = flagPaths | flagArgsCut | flagExeCut | flagCwdDetached | flagAudit
	}).bytes(), uint16(4096))

	h := tooltest.Host(f)
	s := schema(f)
	e := new(event)
	var out bytes.Buffer
	js := output.NewJSON(&out, "execsnoop", fields)
	table, err := output.NewTable(&out, fields, columns(&config{time: true, timestamp: true, printUID: true, cpu: true, parent: true}), nil)
	qt.Assert(f, qt.IsNil(err))
	quoted, err := output.NewTable(&out, fields, columns(&config{quote: true}), nil)
	qt.Assert(f, qt.IsNil(err))
	writers := []output.Writer[event]{js, table, quoted, output.NewCSV(&out, fields)}

	f.Fuzz(func(t *testing.T, raw []byte, max uint16) {
		before := bytes.Clone(raw)
		err := decoder(&config{maxArgs: int(max)}, "json")(h, raw, e)
		qt.Assert(t, qt.IsTrue(bytes.Equal(raw, before)), qt.Commentf("the record was changed"))
		if err != nil {
			qt.Assert(t, qt.IsTrue(len(raw) < stringsOffset))
			return
		}
		for i, w := range writers {
			out.Reset()
			qt.Assert(t, qt.IsNil(w.Event(e)))
			qt.Assert(t, qt.IsNil(w.Flush()))
			line, ok := bytes.CutSuffix(out.Bytes(), []byte("\n"))
			qt.Assert(t, qt.IsTrue(ok))
			qt.Assert(t, qt.IsTrue(utf8.Valid(line)))
			qt.Assert(t, qt.Equals(bytes.IndexFunc(line, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }), -1), qt.Commentf("%q", line))
			if i == 0 {
				qt.Assert(t, qt.IsTrue(out.Len() < output.MaxLine))
				qt.Assert(t, qt.IsTrue(json.Valid(line)))
				qt.Assert(t, qt.IsNil(s.Validate(line)))
			}
		}
	})
}
