package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// checkPlain checks that text is whole lines which a terminal shows as they are.
func checkPlain(t *testing.T, text []byte, lines int) {
	t.Helper()
	qt.Assert(t, qt.IsTrue(utf8.Valid(text)))
	qt.Assert(t, qt.Equals(bytes.Count(text, []byte("\n")), lines), qt.Commentf("%q", text))
	qt.Assert(t, qt.IsTrue(lines == 0 || bytes.HasSuffix(text, []byte("\n"))))
	bad := func(r rune) bool {
		return r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0x202e
	}
	qt.Assert(t, qt.Equals(bytes.IndexFunc(text, bad), -1), qt.Commentf("%q", text))
}

// FuzzDecode: no record of either kind, whatever is in it, does harm. A check
// comes out as one valid line of each format, with its stacks below the row of
// the table; a subject is remembered.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil), false)
	f.Add(make([]byte, recordSize), false)
	f.Add(bytes.Repeat([]byte{0xff}, recordSize+100), true)
	f.Add(check(func(r *record) { r.plain = true }).bytes(), false)
	f.Add(check(func(r *record) {
		r.kstack, r.ustack = []uint64{1, 1 << 63}, "\x02"+strings.Repeat("\x00", 30)+"\x7f\x01"+strings.Repeat("\xff", 31)
		r.exe, r.container, r.Cap = []string{"\x1b\n", "\xff"}, containerName, 63
		r.Flags = 1<<32 - 1
	}).bytes(), false)
	f.Add(subjectOf(7, "/usr/bin/\xff\n", "/a.service/\x1b[2J.scope", containerName).bytes(), true)
	f.Add(subjectOf(7, "/usr/bin/a", "/system.slice/a.service", "").bytes(), true)

	h := tooltest.Host(f)
	s := schema(f)
	all := &config{extra: true, kstack: true, ustack: true}
	var out bytes.Buffer
	js, sheet := output.NewJSON(&out, "capable", fields), output.NewCSV(&out, fields)
	classic, err := output.NewTable(&out, fields, columns(new(config)), nil)
	qt.Assert(f, qt.IsNil(err))
	table, err := output.NewTable(&out, fields, columns(all), below(all))
	qt.Assert(f, qt.IsNil(err))
	kernel, users := new(symbol.Kernel), symbol.NewUsers()
	e := new(event)

	f.Fuzz(func(t *testing.T, raw []byte, profile bool) {
		d := &decoder{kernel: kernel, users: users}
		if profile {
			d.names = newSubjects()
		}
		raw = bytes.Clone(raw)
		if len(raw) >= recordSize { // no process that this machine may have: its files are not the subject
			copy(raw[20:], "\xff\xff\xff\x7f")
		}
		before := bytes.Clone(raw)
		err := d.decode(h, raw, e)
		qt.Assert(t, qt.IsTrue(bytes.Equal(raw, before)), qt.Commentf("the record was changed"))
		switch {
		case errors.Is(err, trace.ErrNoEvent):
			qt.Assert(t, qt.IsTrue(profile))
			qt.Assert(t, qt.HasLen(d.names.known, 1))
			for who, what := range d.names.known {
				qt.Assert(t, qt.IsTrue(what.container == "" || what.unit == ""))
				rows, _ := d.names.group([]use{{bpfUseKey{Who: who, Cap: 13}, 7}}, "")
				for _, r := range rows {
					qt.Assert(t, qt.IsNil(s.Validate([]byte(profileLine(t, "json", &r)))))
				}
			}
			return
		case err != nil:
			qt.Assert(t, qt.IsTrue(len(raw) < recordSize || profile && len(raw) < subjectSize+lengthSize))
			return
		}
		write := func(w output.Writer[event], lines int) []byte {
			out.Reset()
			qt.Assert(t, qt.IsNil(w.Event(e)))
			qt.Assert(t, qt.IsNil(w.Flush()))
			checkPlain(t, out.Bytes(), lines)
			return out.Bytes()
		}
		line := write(js, 1)
		qt.Assert(t, qt.IsTrue(len(line) < output.MaxLine))
		qt.Assert(t, qt.IsTrue(json.Valid(line)))
		qt.Assert(t, qt.IsNil(s.Validate(line)))
		cells, err := csv.NewReader(bytes.NewReader(write(sheet, 1))).Read()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.HasLen(cells, len(fields)))
		write(classic, 1)
		write(table, 1+max(1, len(e.kstack))+max(1, len(e.ustack)))
	})
}

// FuzzFormat: whatever the names in a profile are, they cannot forge a line. There
// are as many as with harmless names, of the same kinds, and their capabilities
// are the same.
func FuzzFormat(f *testing.F) {
	f.Add("/usr/bin/ping", "a.service", "ping -c 1", uint64(1<<13), uint64(0), false)
	f.Add("/a\nsetcap cap_sys_admin=ep /bin/sh", "\n[Service]", "\n--privileged", uint64(1<<63|2), uint64(1<<21), false)
	f.Add("/a'\\''; reboot #", "\u2028privileged: true", "\u0085\r", uint64(0), ^uint64(0), true)
	f.Add("?", "", "\xff\x1b", uint64(6), uint64(0), false)
	f.Fuzz(func(t *testing.T, exe, unit, other string, used, refused uint64, userns bool) {
		rows := func(exe, unit, other string) []row {
			r := row{used: preflight.Set(used), refused: preflight.Set(refused), userns: userns}
			var out []row
			for _, who := range [][2]string{{byCommand, other}, {byExecutable, exe}, {byUnit, unit}, {byContainer, other}} {
				r.by, r.name = who[0], who[1]
				out = append(out, r)
			}
			return out
		}
		for format, write := range formats {
			text := write(nil, rows(exe, unit, other))
			plain := write(nil, rows("/x", "x", "x"))
			checkPlain(t, text, bytes.Count(plain, []byte("\n")))
			if format != "setcap" {
				qt.Assert(t, qt.DeepEquals(significant(text), significant(plain)), qt.Commentf("%s: %q", format, text))
				continue
			}
			// A path that a command line cannot hold makes it a comment.
			for i, line := range significant(text) {
				want := strings.Replace(significant(plain)[i], " /x\n", " "+quoteShell(exe)+"\n", 1)
				qt.Assert(t, qt.Equals(line, want))
			}
		}
		for _, r := range rows(exe, unit, other) {
			checkPlain(t, []byte(profileLine(t, "table", &r)), 1)
			checkPlain(t, []byte(profileLine(t, "csv", &r)), 1)
			line := profileLine(t, "json", &r)
			checkPlain(t, []byte(line), 1)
			qt.Assert(t, qt.IsTrue(len(line) < output.MaxLine))
			qt.Assert(t, qt.IsTrue(json.Valid([]byte(line))))
		}
	})
}

// significant are the lines that are no comments.
func significant(text []byte) []string {
	out := []string{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}
