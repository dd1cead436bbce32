package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

func schema(t testing.TB) *schematest.Schema {
	t.Helper()
	s, err := schematest.Compile(output.Schema("tlscap", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	return s
}

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
	qt.Assert(t, qt.IsNil(output.CheckFields(listFields)))
}

// TestTable has whole rows: bytes are lines below, and nothing of them is a control.
func TestTable(t *testing.T) {
	h := tooltest.Host(t)
	hello := piece("GET / HTTP/1.1\r\n\x1b[31m\xff\n", nil).bytes()
	for flags, want := range map[string][]string{
		"--raw": {
			"   9662    9663 curl            -              write      23 1 127.0.0.1:43784 -> 127.0.0.1:443 fd 5",
			"    GET / HTTP/1.1", `    \x1b[31m\xff`,
		},
		"--hex": {
			"   9662    9663 curl            -              write      23 1 127.0.0.1:43784 -> 127.0.0.1:443 fd 5",
			"    00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|",
			"    00000010  1b 5b 33 31 6d ff 0a                              |.[31m..|",
		},
	} {
		lines := strings.Split(strings.TrimSuffix(show(t, h, flags, hello), "\n"), "\n")
		qt.Assert(t, qt.Equals(len(lines), len(want)+1), qt.Commentf("%q", lines))
		for i, line := range lines[1:] {
			if i == 0 {
				line = line[9:] // the time of day
			}
			qt.Check(t, qt.Equals(line, want[i]), qt.Commentf("%s", flags))
		}
	}
}

// TestMessages: pieces make a request of HTTP, and what is none is shown as it is.
func TestMessages(t *testing.T) {
	h := tooltest.Host(t)
	out := show(t, h, "--json",
		piece("GET /x HTTP/1.1\r\nHost: a\r\n", nil).bytes(),
		piece("\r\n", func(r *record) { r.Offset = 26 }).bytes())
	qt.Check(t, qt.Equals(strings.Count(out, "\n"), 1), qt.Commentf("%s", out))
	qt.Check(t, qt.StringContains(out, `"message":"request","role":"client","http_version":"HTTP/1.1"`))
	qt.Check(t, qt.StringContains(out, `"path":"/x"`))
	qt.Check(t, qt.StringContains(out, `"op":"write"`))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(out))))

	out = show(t, h, "--json", piece("\x00\x01 no such thing", nil).bytes())
	qt.Check(t, qt.StringContains(out, `"message":"raw"`))
	qt.Check(t, qt.StringContains(out, `no such thing`))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(out))))
}

// TestLines: a record becomes as many lines as it takes, each below the limit, and all of
// its bytes are there.
func TestLines(t *testing.T) {
	h := tooltest.Host(t)
	s := schema(t)
	for name, data := range map[string]string{
		"text":      strings.Repeat("plain text\n", 1489),
		"controls":  strings.Repeat("\x01", 16384),
		"bytes":     strings.Repeat("\xff\xfe", 8192),
		"runes":     strings.Repeat("\u65e5\u672c", 2730),
		"mixed":     strings.Repeat("a\u202e\"\\\x00\xff", 1638),
		"emoji":     strings.Repeat("\U0001f600", 4096),
		"short":     "x",
		"half rune": strings.Repeat("\u65e5", 5461)[:16382],
	} {
		out := show(t, h, "--json --raw", piece(data, nil).bytes())
		var got []byte
		for line := range strings.Lines(out) {
			qt.Assert(t, qt.IsTrue(len(line) < output.MaxLine), qt.Commentf("%s: %d", name, len(line)))
			qt.Assert(t, qt.IsNil(s.Validate([]byte(line))))
			var e struct {
				Data      string
				B64       string `json:"data_b64"`
				At        int    `json:"call_at"`
				Len       int
				Continued bool
				Cut       []string
			}
			qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &e)))
			qt.Check(t, qt.Equals(e.At, len(got)))
			part := []byte(e.Data)
			if e.B64 != "" {
				var err error
				part, err = base64.StdEncoding.DecodeString(e.B64)
				qt.Assert(t, qt.IsNil(err))
			}
			qt.Check(t, qt.Equals(len(part), e.Len), qt.Commentf("%s", name))
			qt.Check(t, qt.Equals(len(e.Cut), 0))
			got = append(got, part...)
			qt.Check(t, qt.Equals(e.Continued, len(got) < len(data)), qt.Commentf("%s", name))
		}
		qt.Check(t, qt.IsTrue(string(got) == data), qt.Commentf("%s", name))
	}
}

// TestMissing: a gap in what was sent is told with the piece behind it, once.
func TestMissing(t *testing.T) {
	h := tooltest.Host(t)
	out := show(t, h, "--json --raw",
		piece("one", nil).bytes(),
		piece("two", func(r *record) { r.Offset = 3 }).bytes(),
		piece("four", func(r *record) { r.Offset = 17 }).bytes(),
		piece("five", func(r *record) { r.Offset, r.Total, r.Flags = 21, 1000, flagLimited }).bytes(),
		piece("six", func(r *record) { r.Offset = 1021 }).bytes(),
		piece("seven", func(r *record) { r.Offset, r.BornNs = 0, 18 }).bytes())
	var missing []string
	for line := range strings.Lines(out) {
		_, rest, _ := strings.Cut(line, `"missing":`)
		n, _, _ := strings.Cut(rest, ",")
		_, rest, _ = strings.Cut(line, `"conn":`)
		conn, _, _ := strings.Cut(rest, ",")
		missing = append(missing, conn+":"+n)
	}
	qt.Check(t, qt.DeepEquals(missing, []string{"1:0", "1:0", "1:11", "1:0", "1:0", "2:0"}))
}
