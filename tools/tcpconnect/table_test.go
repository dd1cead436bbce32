package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

// TestTable has the lines of the classic tool, byte for byte.
func TestTable(t *testing.T) {
	h := tooltest.Host(t)
	v6 := func(r *record) {
		r.Version = 6
		r.Saddr = [16]uint8{0xfe, 0x80, 8: 0xa0, 15: 1}
		r.Daddr = [16]uint8{0x20, 0x01, 0x0d, 0xb8, 15: 2}
	}
	for _, test := range []struct {
		flags  string
		record *record
		want   string
	}{
		{"", attempt(nil),
			"PID     COMM         IP SADDR            DADDR            DPORT\n" +
				"2482    local_agent  4  10.103.219.236   10.251.148.38    7001\n"},
		{"", attempt(func(r *record) { tooltest.SetName(&r.Head.Comm, "fifteen-letters") }),
			"PID     COMM         IP SADDR            DADDR            DPORT\n" +
				"2482    fifteen-lett 4  10.103.219.236   10.251.148.38    7001\n"},
		{"", attempt(v6),
			"PID     COMM         IP SADDR            DADDR            DPORT\n" +
				"2482    local_agent  6  fe80::a000:0:0:1 2001:db8::2      7001\n"},
		{"", failure(nil),
			"PID     COMM         IP SADDR            DADDR            DPORT\n" +
				"2482    local_agent  4  -                10.251.148.38    7001\n"},
		{"-t", attempt(nil),
			"TIME(s)  PID     COMM         IP SADDR            DADDR            DPORT\n" +
				"0.000    2482    local_agent  4  10.103.219.236   10.251.148.38    7001\n"},
		{"-U", attempt(nil),
			"UID   PID     COMM         IP SADDR            DADDR            DPORT\n" +
				"1000  2482    local_agent  4  10.103.219.236   10.251.148.38    7001\n"},
		{"-L", attempt(nil),
			"PID     COMM         IP SADDR            LPORT  DADDR            DPORT\n" +
				"2482    local_agent  4  10.103.219.236   40000  10.251.148.38    7001\n"},
		{"-L", failure(nil),
			"PID     COMM         IP SADDR            LPORT  DADDR            DPORT\n" +
				"2482    local_agent  4  -                -      10.251.148.38    7001\n"},
		{"-s", attempt(nil),
			"PID     COMM         IP SADDR            DADDR            SPORT  DPORT\n" +
				"2482    local_agent  4  10.103.219.236   10.251.148.38    40000  7001\n"},
		{"--result", attempt(nil),
			"PID     COMM         IP SADDR            DADDR            DPORT  RESULT      ERROR         LAT(ms)\n" +
				"2482    local_agent  4  10.103.219.236   10.251.148.38    7001   established -             1.234\n"},
		{"--result", failure(nil),
			"PID     COMM         IP SADDR            DADDR            DPORT  RESULT      ERROR         LAT(ms)\n" +
				"2482    local_agent  4  -                10.251.148.38    7001   unreachable ENETUNREACH   -\n"},
		{"--result", attempt(func(r *record) { r.Result, r.LatencyNs = resultNone, 0 }),
			"PID     COMM         IP SADDR            DADDR            DPORT  RESULT      ERROR         LAT(ms)\n" +
				"2482    local_agent  4  10.103.219.236   10.251.148.38    7001   -           -             -\n"},
		{"-tULs --result", attempt(func(r *record) { r.Result, r.Ret, r.LatencyNs = resultRefused, -111, 999 }),
			"TIME(s)  UID   PID     COMM         IP SADDR            LPORT  DADDR            SPORT  DPORT  RESULT      ERROR         LAT(ms)\n" +
				"0.000    1000  2482    local_agent  4  10.103.219.236   40000  10.251.148.38    40000  7001   refused     ECONNREFUSED  0.000\n"},
	} {
		qt.Check(t, qt.Equals(show(t, h, test.flags, test.record), test.want), qt.Commentf("%s", test.flags))
	}
}

// TestTimestamp counts from the first event that is shown. An attempt that began
// before it and ended after it has a time before zero.
func TestTimestamp(t *testing.T) {
	h := tooltest.Host(t)
	at := func(d time.Duration) *record {
		return attempt(func(r *record) { r.Head.TimeNs = tooltest.Stamp(h, moment) + uint64(d) })
	}
	out := show(t, h, "-t -L", at(0), at(31871*time.Millisecond), at(-250*time.Millisecond))
	var got []string
	for line := range strings.Lines(out) {
		got = append(got, strings.Fields(line)[0])
	}
	qt.Check(t, qt.DeepEquals(got, []string{"TIME(s)", "0.000", "31.871", "-0.250"}))
}

// TestHostile: whatever the name is, an event is one line of plain text.
func TestHostile(t *testing.T) {
	r := attempt(func(r *record) { tooltest.SetName(&r.Head.Comm, "\x1b[31m\n\xffroot 1") })
	h := tooltest.Host(t)
	for _, flags := range []string{"", "--result", "--json", "-o csv"} {
		out := show(t, h, flags, r)
		want := 2
		if flags == "--json" {
			want = 1
		}
		qt.Check(t, qt.Equals(strings.Count(out, "\n"), want), qt.Commentf("%s", flags))
		qt.Check(t, qt.IsFalse(regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f]").MatchString(out)), qt.Commentf("%s: %q", flags, out))
	}
}

// TestKeep: at the end of tracing, what has no outcome is none of the results
// that are asked for.
func TestKeep(t *testing.T) {
	h := tooltest.Host(t)
	none := attempt(func(r *record) { r.Result = resultNone })
	for flags, want := range map[string]int{
		"--json":                                  2,
		"--json --failed":                         0,
		"--json --only established":               1,
		"--json --only refused":                   0,
		"--json --only refused,established,error": 1,
	} {
		qt.Check(t, qt.Equals(strings.Count(show(t, h, flags, attempt(nil), none), "\n"), want), qt.Commentf("%s", flags))
	}
}
