package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

// moment is the time of every event here.
const moment = 1767323045123456789

// TestTable has the lines of the classic tool, byte for byte.
func TestTable(t *testing.T) {
	h := tooltest.Host(t)
	h.Started = moment - int64(1234567*time.Microsecond)
	at := func(r *record) *record {
		r.Head.TimeNs = tooltest.Stamp(h, moment)
		return r
	}
	clock := time.Unix(0, moment).Format("15:04:05")
	many := func(r *record) { r.args = strings.Fields(strings.Repeat("x ", 21)) }

	for _, test := range []struct {
		flags  string
		record *record
		want   string
	}{
		{"", success(nil),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"mkdir            9662   9660     0 /bin/mkdir -p ./main\n"},
		{"-x", failure(nil),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"bash             9662   9660    -2 /bin/mkdir -p ./main\n"},
		{"-x", failure(func(r *record) { r.Ret, r.filename = -int32(unix.EWOULDBLOCK), nil }),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"bash             9662   9660   -11 ? -p ./main\n"},
		{"", success(func(r *record) {
			r.Head.Pid, r.Head.Ppid = 4194304, 4194303
			tooltest.SetName(&r.Head.Comm, "fifteen-letters")
		}),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"fifteen-letters  4194304 4194303   0 /bin/mkdir -p ./main\n"},
		{"", success(many),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"mkdir            9662   9660     0 /bin/mkdir x x x x x x x x x x x x x x x x x x x ...\n"},
		{"--max-args 2", success(nil),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"mkdir            9662   9660     0 /bin/mkdir -p ...\n"},
		{"--max-args 3", success(nil),
			"PCOMM            PID    PPID   RET ARGS\n" +
				"mkdir            9662   9660     0 /bin/mkdir -p ./main\n"},
		{"-T", success(nil),
			"TIME     PCOMM            PID    PPID   RET ARGS\n" +
				clock + " mkdir            9662   9660     0 /bin/mkdir -p ./main\n"},
		{"-t", success(nil),
			"TIME(s)  PCOMM            PID    PPID   RET ARGS\n" +
				"1.234    mkdir            9662   9660     0 /bin/mkdir -p ./main\n"},
		{"-U", success(nil),
			"UID    PCOMM            PID    PPID   RET ARGS\n" +
				"1000   mkdir            9662   9660     0 /bin/mkdir -p ./main\n"},
		{"-C", success(func(r *record) { r.Cpu = 63 }),
			"PCOMM            PID    PPID   CPU  RET ARGS\n" +
				"mkdir            9662   9660   63     0 /bin/mkdir -p ./main\n"},
		{"-M", success(nil),
			"COMM             PID    PCOMM            PPID   RET ARGS\n" +
				"mkdir            9662   bash             9660     0 /bin/mkdir -p ./main\n"},
		{"-q", success(func(r *record) { r.args = []string{"mkdir", `a "b"`, "", "c"} }),
			"PCOMM            PID    PPID   RET ARGS\n" +
				`mkdir            9662   9660     0 "/bin/mkdir" "a \"b\"" "" "c"` + "\n"},
		{"-q --max-args 1", success(nil),
			"PCOMM            PID    PPID   RET ARGS\n" +
				`mkdir            9662   9660     0 "/bin/mkdir" ...` + "\n"},
		{"-TtUCM", success(nil),
			"TIME     TIME(s)  UID    COMM             PID    PCOMM            PPID   CPU  RET ARGS\n" +
				clock + " 1.234    1000   mkdir            9662   bash             9660   0      0 /bin/mkdir -p ./main\n"},
	} {
		qt.Check(t, qt.Equals(show(t, h, test.flags, at(test.record)), test.want), qt.Commentf("%s", test.flags))
	}
}

// TestTableHostile: whatever the bytes are, an event is one line of plain text.
func TestTableHostile(t *testing.T) {
	evil := "\x1b[2J\nroot             1      0        0 /bin/forged\r\x9b\u202e\xff"
	r := failure(func(r *record) {
		r.filename, r.args = &evil, []string{"x", evil, "\x00"[:0], evil}
		tooltest.SetName(&r.Head.Comm, "\x1b[31m\n\xff")
		tooltest.SetName(&r.ParentComm, "\x1b]0;x\x07\n")
	})
	const escaped = `\x1b[2J\nroot             1      0        0 /bin/forged\r\x9b\u{202e}\xff`
	h := tooltest.Host(t)
	qt.Check(t, qt.Equals(show(t, h, "-M", r),
		"COMM             PID    PCOMM            PPID   RET ARGS\n"+
			`\x1b[31m\n\xff   9662   \x1b]0;x\x07\n   9660    -2 `+escaped+` `+escaped+`  `+escaped+"\n"))
	quoted := `"` + escaped + `"`
	qt.Check(t, qt.Equals(show(t, h, "-q", r),
		"PCOMM            PID    PPID   RET ARGS\n"+
			`\x1b[31m\n\xff   9662   9660    -2 `+quoted+` `+quoted+` "" `+quoted+"\n"))
	for _, flags := range []string{"-x", "--json", "-o csv"} {
		out := show(t, h, flags, r)
		want := 2
		if flags == "--json" {
			want = 1
		}
		qt.Check(t, qt.Equals(strings.Count(out, "\n"), want), qt.Commentf("%s", flags))
		qt.Check(t, qt.IsFalse(regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202e]").MatchString(out)), qt.Commentf("%s: %q", flags, out))
	}
}

func TestExpressions(t *testing.T) {
	h := tooltest.Host(t)
	mkdir := success(nil)
	script := success(func(r *record) {
		tooltest.SetName(&r.Head.Comm, "run.sh")
		r.filename, r.interp, r.args = new("./run.sh"), new("/bin/sh"), []string{"/bin/sh", "./run.sh", "curl"}
	})
	long := success(func(r *record) {
		tooltest.SetName(&r.Head.Comm, "long")
		r.args = append(strings.Fields(strings.Repeat("x ", 20)), "last")
	})
	all := []*record{mkdir, script, long}
	for flags, want := range map[string]string{
		"":                      "mkdir run.sh long",
		"-n mkdir":              "mkdir",
		"-n ^(run|long)":        "run.sh long",
		"-n r":                  "mkdir run.sh",
		"--name nothing":        "",
		"-l main$":              "mkdir",
		"-l ^/bin/mkdir":        "mkdir long",
		"-l curl|main":          "mkdir run.sh",
		"-l ^./run.sh.curl$":    "run.sh",
		"-l /bin/sh":            "", // the interpreter is not shown
		"-l last":               "", // nor what is beyond 20 words
		"-l last --max-args 30": "long",
		"-l [.]{3}$":            "long",
		"-l last --json":        "",
		"-n run -l curl":        "run.sh",
		"-n mkdir -l curl":      "",
		"-q -l main$":           "mkdir", // without the quotation marks
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		tool := newTool(cfg, env)
		var kept []string
		for _, r := range all {
			e := new(event)
			qt.Assert(t, qt.IsNil(tool.Decode(h, r.bytes(), e)))
			if tool.Keep == nil || tool.Keep(e) {
				kept = append(kept, string(e.Comm))
			}
		}
		qt.Check(t, qt.Equals(strings.Join(kept, " "), want), qt.Commentf("%s", flags))
	}
	// Bytes, not their escapes, are matched.
	cfg, env := configure(t, "-l", `\n\x1b`)
	e := decode(t, cfg, "table", success(func(r *record) { r.args = []string{"x", "a\n\x1b"} }))
	qt.Check(t, qt.IsTrue(newTool(cfg, env).Keep(e)))
}
