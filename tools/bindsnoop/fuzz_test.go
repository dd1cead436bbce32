package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// FuzzDecode: no record, whatever is in it, does harm. It comes out as one valid
// line of each format, or as an error if it is too short.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, stringsOffset))
	f.Add(bytes.Repeat([]byte{0xff}, stringsOffset+100))
	f.Add(bound(nil).bytes())
	f.Add(bound(func(r *record) {
		r.exe, r.container, r.Family, r.Protocol = []string{"\x1b\xff", "b\n"}, "x", unix.AF_INET6, unix.IPPROTO_UDP
		r.Flags = flagAddr | flagPort | flagExe | flagExeCut | flagChosen
		r.Ret = -1 << 31
	}).bytes())

	h := tooltest.Host(f)
	s := schema(f)
	e := new(event)
	var out bytes.Buffer
	table, err := output.NewTable(&out, fields, columns(&config{timestamp: true, printUID: true, errors: true, listen: true}), nil)
	qt.Assert(f, qt.IsNil(err))
	wide, err := output.NewTable(&out, fields, columns(&config{wide: true, errors: true}), nil)
	qt.Assert(f, qt.IsNil(err))
	writers := []output.Writer[event]{output.NewJSON(&out, "bindsnoop", fields), table, wide, output.NewCSV(&out, fields)}
	d := &decoder{details: true, interfaces: newInterfaces()}

	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		err := d.decode(h, raw, e)
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

// FuzzBaseline: whatever a file has, it is read or refused with a line number, and
// what is read has what it says.
func FuzzBaseline(f *testing.F) {
	for _, text := range []string{"", "# c\n\ntcp 0.0.0.0 22 /usr/sbin/sshd\n", "udp * * -", "tcp :: 1-65535 \"a\\n\"", "tcp ::ffff:1.2.3.4 1\tx y ", "tcp\n", "tcp fe80::1%eth0 1", "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := readBaseline(bytes.NewReader(text))
		if err != nil {
			qt.Assert(t, qt.Matches(err.Error(), `(?s)(line \d+: .*|read: bufio.Scanner: token too long)`))
			return
		}
		for at, programs := range b.exact {
			for _, p := range programs {
				qt.Assert(t, qt.IsTrue(b.has(at, []byte(p.exe))))
			}
		}
		for _, e := range b.patterns {
			qt.Assert(t, qt.IsTrue(e.ports.low <= e.ports.high))
			qt.Assert(t, qt.IsTrue(b.has(place{e.protocol, e.addr, e.ports.high}, []byte(e.program.exe))))
		}
	})
}

// FuzzBaselineLine: what is written is read again, whatever the program is called.
func FuzzBaselineLine(f *testing.F) {
	for _, exe := range []string{"", "/usr/sbin/sshd", "-", "\"", " a ", "a\nb", "\xff", "/a b", "#", "\u00a0"} {
		f.Add([]byte(exe), uint16(22))
	}
	addr := bound(nil)
	e := new(event)
	qt.Assert(f, qt.IsNil((&decoder{}).decode(tooltest.Host(f), addr.bytes(), e)))
	f.Fuzz(func(t *testing.T, exe []byte, port uint16) {
		if len(exe) > 4096 || port == 0 {
			return
		}
		at := place{"tcp", e.addr, port}
		b, err := readBaseline(bytes.NewReader([]byte(baselineLine(at, exe))))
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsTrue(b.has(at, exe)))
		qt.Assert(t, qt.IsFalse(b.has(at, append(exe, 'x'))))
	})
}

// FuzzProcNet: whatever is in /proc/net, it is read without harm.
func FuzzProcNet(f *testing.F) {
	f.Add([]byte(procTCP))
	f.Add([]byte(procTCP6))
	f.Add([]byte("0: : 0 0A 0 0 0 0 0 0"))
	f.Add([]byte("0: 00:00 0 0A 0 0 0 0 0 0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := readSockets(bytes.NewReader(text), stateListen, func(s socket) {
			qt.Assert(t, qt.IsTrue(s.addr.IsValid() && s.addr.Port() != 0 && s.state == stateListen))
		})
		if err != nil {
			qt.Assert(t, qt.ErrorMatches(err, "bufio.Scanner: token too long"))
		}
	})
}
