package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// FuzzDecode: no record, whatever is in it, does harm. It comes out as one
// valid line of each format, or as an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, containerOffset))
	f.Add(bytes.Repeat([]byte{0xff}, containerOffset+100))
	f.Add(attempt(nil).bytes())
	f.Add(failure(func(r *record) { r.Version, r.Result = 6, 255 }).bytes())
	f.Add(attempt(func(r *record) { r.container = "docker-\x1b\xff" }).bytes())

	h := tooltest.Host(f)
	s := schema(f)
	e := new(event)
	var out bytes.Buffer
	table, err := output.NewTable(&out, fields, columns(&config{timestamp: true, printUID: true, lport: true, sport: true, result: true}), nil)
	qt.Assert(f, qt.IsNil(err))
	writers := []output.Writer[event]{output.NewJSON(&out, "tcpconnect", fields), table, output.NewCSV(&out, fields)}

	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		err := decoder()(h, raw, e)
		qt.Assert(t, qt.IsTrue(bytes.Equal(raw, before)), qt.Commentf("the record was changed"))
		if err != nil {
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
				qt.Assert(t, qt.IsTrue(json.Valid(line)))
				qt.Assert(t, qt.IsNil(s.Validate(line)))
			}
		}
	})
}

// FuzzPrefix: whatever --net is given is an error, or a network that matches
// its own address.
func FuzzPrefix(f *testing.F) {
	for _, s := range []string{"", "10.0.0.0/8", "::/0", "::ffff:10.0.0.0/104", "fe80::1%eth0", "1.2.3.4/33", "::ffff:1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePrefix(s)
		if err != nil {
			return
		}
		k := keyOf(p)
		qt.Assert(t, qt.IsTrue(p.IsValid() && p.Contains(p.Addr())))
		qt.Assert(t, qt.IsTrue(k.PrefixLen >= versionBits && int(k.PrefixLen) <= versionBits+p.Addr().BitLen()))
	})
}
