package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

// moment is the time of every event here.
const moment = 1767323045123456789

const (
	classicHead = "TIME      UID    PID    COMM             CAP  NAME                 AUDIT\n"
	extraHead   = "TIME      UID    PID    TID    COMM             CAP  NAME                 AUDIT  INSETID VERDICT\n"
)

// TestTable has the lines of the classic tool, byte for byte.
func TestTable(t *testing.T) {
	h := tooltest.Host(t)
	clock := time.Unix(0, moment).Format("15:04:05")
	for _, test := range []struct {
		flags string
		edit  func(*record)
		want  string // behind the clock and its two spaces
	}{
		{"", func(r *record) {}, "1000   4242   ping             13   CAP_NET_RAW          1"},
		{"", func(r *record) { r.Flags = flagAuditKnown }, "1000   4242   ping             13   CAP_NET_RAW          0"},
		{"", func(r *record) { r.Flags |= flagAuditInferred }, "1000   4242   ping             13   CAP_NET_RAW          1?"},
		{"", func(r *record) { r.Flags = flagAuditKnown | flagAuditInferred }, "1000   4242   ping             13   CAP_NET_RAW          0?"},
		{"", func(r *record) { r.Flags = 0 }, "1000   4242   ping             13   CAP_NET_RAW          -"},
		{"", func(r *record) { r.Flags = flagAuditInferred | flagAudit }, "1000   4242   ping             13   CAP_NET_RAW          -"},
		{"", func(r *record) { r.Cap = 63 }, "1000   4242   ping             63   ?                    1"},
		{"", func(r *record) { r.Ret = -1 }, "1000   4242   ping             13   CAP_NET_RAW          1"}, // as ever
		{"", func(r *record) {
			r.Head.Uid, r.Head.Pid = 1<<32-2, 4194304
			tooltest.SetName(&r.Head.Comm, "fifteen-letters")
		},
			"4294967294 4194304 fifteen-letters  13   CAP_NET_RAW          1"},
		{"", func(r *record) { r.Cap = 40 }, "1000   4242   ping             40   CAP_CHECKPOINT_RESTORE 1"},
		{"-x", func(r *record) {}, "1000   4242   4243   ping             13   CAP_NET_RAW          1      0       allow"},
		{"-x", func(r *record) { r.Ret = -1 }, "1000   4242   4243   ping             13   CAP_NET_RAW          1      0       deny"},
		{"-x", func(r *record) { r.Flags |= flagInsetid }, "1000   4242   4243   ping             13   CAP_NET_RAW          1      1       allow"},
		{"-x", func(r *record) { r.Flags = flagAuditKnown }, "1000   4242   4243   ping             13   CAP_NET_RAW          0      -       allow"}, // before 5.1
		{"-x", func(r *record) { r.Flags |= flagAuditInferred }, "1000   4242   4243   ping             13   CAP_NET_RAW          1?     0?      allow"},
		{"-x", func(r *record) { r.Flags, r.Ret = 0, -1 }, "1000   4242   4243   ping             13   CAP_NET_RAW          -      -       deny"},
	} {
		head := classicHead
		if test.flags == "-x" {
			head = extraHead
		}
		r := check(func(r *record) {
			r.Head.TimeNs = tooltest.Stamp(h, moment)
			test.edit(r)
		})
		qt.Check(t, qt.Equals(show(t, h, test.flags, r), head+clock+"  "+test.want+"\n"))
	}
}

// TestTableStacks: stacks stand below the line, and one that was missed is told.
func TestTableStacks(t *testing.T) {
	h := tooltest.Host(t)
	e := new(event)
	qt.Assert(t, qt.IsNil(new(decoder).decode(h, check(func(r *record) { r.Head.TimeNs = tooltest.Stamp(h, moment) }).bytes(), e)))
	line := time.Unix(0, moment).Format("15:04:05") + "  1000   4242   ping             13   CAP_NET_RAW          1\n"
	e.kstack = [][]byte{[]byte("cap_capable+0x1"), []byte("ns_capable+0x2")}
	e.ustack = [][]byte{[]byte("socket+0x7 (/lib/libc.so.6)"), []byte("main+0x1\n\x1b[2J (/bin/x)")}
	const (
		kernel       = "        cap_capable+0x1\n        ns_capable+0x2\n"
		user         = "        socket+0x7 (/lib/libc.so.6)\n" + `        main+0x1\n\x1b[2J (/bin/x)` + "\n"
		missedKernel = "    [Missed Kernel Stack]\n"
		missedUser   = "    [Missed User Stack]\n"
	)
	qt.Check(t, qt.Equals(showEvent(t, "", e), classicHead+line))
	qt.Check(t, qt.Equals(showEvent(t, "-K", e), classicHead+line+kernel))
	qt.Check(t, qt.Equals(showEvent(t, "-U", e), classicHead+line+user))
	qt.Check(t, qt.Equals(showEvent(t, "-KU", e), classicHead+line+kernel+user))
	e.ustack = e.ustack[:0]
	qt.Check(t, qt.Equals(showEvent(t, "-KU", e), classicHead+line+kernel+missedUser))
	e.kstack = nil
	qt.Check(t, qt.Equals(showEvent(t, "-KU", e), classicHead+line+missedKernel+missedUser))
	qt.Check(t, qt.Equals(showEvent(t, "-K", e), classicHead+line+missedKernel))
	qt.Check(t, qt.Equals(showEvent(t, "-U", e), classicHead+line+missedUser))
}

// TestTableHostile: whatever the name of a task is, an event is one line of plain
// text.
func TestTableHostile(t *testing.T) {
	h := tooltest.Host(t)
	r := check(func(r *record) { tooltest.SetName(&r.Head.Comm, "\x1b[2J\nroot\xff\u202e") })
	out := show(t, h, "", r)
	qt.Check(t, qt.StringContains(out, ` \x1b[2J\nroot\xff\u{202e} 13   CAP_NET_RAW `))
	for _, flags := range []string{"", "-x", "--json", "-o csv"} {
		out := show(t, h, flags, r)
		want := 2
		if flags == "--json" {
			want = 1
		}
		qt.Check(t, qt.Equals(strings.Count(out, "\n"), want), qt.Commentf("%s", flags))
		qt.Check(t, qt.IsFalse(regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202e]").MatchString(out)), qt.Commentf("%s: %q", flags, out))
	}
}
