package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

func schema(t testing.TB) *schematest.Schema {
	t.Helper()
	s, err := schematest.Compile(newCommand().Documents["schema"]())
	qt.Assert(t, qt.IsNil(err))
	return s
}

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
	qt.Assert(t, qt.IsNil(output.CheckFields(profileFields)))
}

// TestSchemaFile checks that the schema in the tree is that of the command.
func TestSchemaFile(t *testing.T) {
	b, err := os.ReadFile("capable.schema.json")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(bytes.Equal(b, newCommand().Documents["schema"]())), qt.Commentf("make generate"))
}

// TestJSON has one line in full: names, order and values are the contract.
func TestJSON(t *testing.T) {
	h := tooltest.Host(t)
	got := show(t, h, "--json", check(func(r *record) {
		r.Head.TimeNs = tooltest.Stamp(h, moment)
		r.container, r.Ret = containerName, -1
		r.Syscall, r.Flags = 23, r.Flags|flagCompat
	}))
	qt.Check(t, qt.Equals(got, `{"time":"2026-01-02T03:04:05.123456789Z","tool":"capable","type":"event","pid":4242,"tid":4243,"ppid":4100,"uid":1000,"comm":"ping","cgroup_id":7171,"container_id":"`+containerID+`",`+
		`"cap":13,"cap_name":"CAP_NET_RAW","allowed":false,"ret":-1,"audit":true,"audit_source":"arg","insetid":false,"overridden":false,"syscall":"setuid","syscall_nr":23,`+
		`"current_userns":4026531837,"target_userns":4026531838,"kstack":null,"ustack":null,"cut":[]}`+"\n"))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(got))))
}

// TestJSONValues has lines with what can be null, and with stacks.
func TestJSONValues(t *testing.T) {
	s := schema(t)
	stacks := func(e *event) {
		e.kstack, e.ustack = [][]byte{[]byte("cap_capable+0x1")}, [][]byte{[]byte("\xff+0x1"), []byte("a")}
	}
	for _, test := range []struct {
		what   string
		record func(*record)
		edit   func(*event)
		want   map[string]any
	}{
		{"unknown capability", func(r *record) { r.Cap = 63 }, nil, map[string]any{"cap": 63.0, "cap_name": nil}},
		{"nothing known of audit", func(r *record) { r.Flags = 0 }, nil, map[string]any{"audit": nil, "audit_source": nil, "insetid": nil}},
		{"inferred", func(r *record) { r.Flags |= flagAuditInferred }, nil, map[string]any{"audit": true, "audit_source": "caller", "insetid": false}},
		{"outside of a system call", func(r *record) {}, nil, map[string]any{"syscall": nil, "syscall_nr": nil, "container_id": nil}},
		{"a system call without a name", func(r *record) { r.Syscall = 1 << 20 }, nil, map[string]any{"syscall": nil, "syscall_nr": 1048576.0}},
		{"not our own credentials", func(r *record) { r.Flags |= flagOverridden }, nil, map[string]any{"overridden": true}},
		{"name that is not UTF-8", func(r *record) { tooltest.SetName(&r.Head.Comm, "\xff") }, nil, map[string]any{"comm": "�", "comm_b64": "/w=="}},
		{"stacks", func(r *record) {}, stacks, map[string]any{"kstack": []any{"cap_capable+0x1"}, "ustack": []any{"�+0x1", "a"}, "ustack_b64": []any{"/ysweDE=", "YQ=="}}},
		{"missed stacks", func(r *record) {}, func(e *event) { e.kstack, e.ustack = [][]byte{}, [][]byte{} }, map[string]any{"kstack": []any{}, "ustack": []any{}}},
		{"long stacks", func(r *record) {}, func(e *event) {
			e.ustack = slices.Repeat([][]byte{bytes.Repeat([]byte("\x1b"), 300)}, 127)
		}, map[string]any{"cap": 13.0}},
	} {
		e := decode(t, check(test.record))
		if test.edit != nil {
			test.edit(e)
		}
		line := showEvent(t, "--json", e)
		comment := qt.Commentf("%s", test.what)
		qt.Check(t, qt.IsTrue(len(line) < output.MaxLine), comment)
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))), comment)
		var got map[string]any
		qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &got)))
		for key, want := range test.want {
			value, ok := got[key]
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s: %s", test.what, key))
			qt.Check(t, qt.DeepEquals(value, want), qt.Commentf("%s: %s", test.what, key))
		}
	}
}

func TestCSV(t *testing.T) {
	h := tooltest.Host(t)
	out := show(t, h, "-o csv", check(func(r *record) { r.Head.TimeNs = tooltest.Stamp(h, moment) }), check(func(r *record) { r.Cap, r.Flags, r.Ret = 63, 0, -1 }))
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(rows, 3))
	qt.Assert(t, qt.Equals(strings.Count(out, "\n"), 3))
	for i, f := range fields {
		qt.Check(t, qt.Equals(rows[0][i], f.Name))
	}
	for name, want := range map[string][2]string{
		"cap": {"13", "63"}, "cap_name": {"CAP_NET_RAW", ""}, "allowed": {"true", "false"}, "ret": {"0", "-1"}, "audit": {"true", ""},
		"audit_source": {"arg", ""}, "insetid": {"false", ""}, "overridden": {"false", "false"}, "kstack": {"", ""}, "comm": {"ping", "ping"},
	} {
		i := slices.Index(rows[0], name)
		qt.Check(t, qt.Equals([2]string{rows[1][i], rows[2][i]}, want), qt.Commentf("%s", name))
	}
}

// profileLine writes a row of a profile.
func profileLine(t testing.TB, format string, r *row) string {
	t.Helper()
	var out bytes.Buffer
	var w output.Writer[row]
	switch format {
	case "json":
		w = output.NewJSON(&out, "capable", profileFields)
	case "csv":
		w = output.NewCSV(&out, profileFields)
	default:
		var err error
		w, err = output.NewTable(&out, profileFields, profileColumns, nil)
		qt.Assert(t, qt.IsNil(err))
	}
	qt.Assert(t, qt.IsNil(w.Event(r)))
	qt.Assert(t, qt.IsNil(w.Flush()))
	return out.String()
}

func TestProfileJSON(t *testing.T) {
	s := schema(t)
	r := &row{by: byExecutable, name: "/usr/bin/a \xff", userns: true, used: set(1, 2, 13), unaudited: set(34), needless: set(7), refused: set(21, 63), checks: 1<<64 - 1}
	line := profileLine(t, "json", r)
	qt.Check(t, qt.Matches(line, `\{"time":"[^"]*","tool":"capable","type":"total","by":"executable","name":"/usr/bin/a .","name_b64":"[^"]*","in_userns":true,`+
		`"least":\["CAP_DAC_OVERRIDE","CAP_NET_RAW","CAP_SYSLOG"\],"used":\["CAP_DAC_OVERRIDE","CAP_DAC_READ_SEARCH","CAP_NET_RAW"\],"unaudited":\["CAP_SYSLOG"\],`+
		`"needless":\["CAP_SETUID"\],"refused":\["CAP_SYS_ADMIN","CAP_63"\],"checks":18446744073709551615,"cut":\[\]\}`+"\n"))
	qt.Check(t, qt.IsNil(s.Validate([]byte(line))))
	for _, by := range byOrder {
		line := profileLine(t, "json", &row{by: by, name: ""})
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", by))
		// A line of one type is not one of the other, and not everything is by something.
		for _, edit := range [][2]string{{`"total"`, `"event"`}, {`"by":"` + by, `"by":"x`}, {`"checks":0,`, ``}} {
			bad := strings.Replace(line, edit[0], edit[1], 1)
			qt.Assert(t, qt.Not(qt.Equals(bad, line)))
			qt.Check(t, qt.IsNotNil(s.Validate([]byte(bad))), qt.Commentf("%q", edit))
		}
	}
}

func TestProfileTable(t *testing.T) {
	for want, r := range map[string]*row{
		"executable /usr/bin/ping                  7       net_raw                        -\n":                      {by: byExecutable, name: "/usr/bin/ping", used: set(13), checks: 7},
		`unit       a\n.service (user namespace)   0       -                              net_raw,sys_admin` + "\n": {by: byUnit, name: "a\n.service", userns: true, refused: set(13, 21)},
		"command    ping -c 1                      1       dac_override,syslog            63\n":                     {by: byCommand, name: "ping -c 1", used: set(1, 2), unaudited: set(34), needless: set(7), refused: set(63), checks: 1},
	} {
		qt.Check(t, qt.Equals(profileLine(t, "table", r), want))
	}
	line := profileLine(t, "csv", &row{by: byContainer, name: "a,\"b\"\n", used: set(0, 1), checks: 3})
	rows, err := csv.NewReader(strings.NewReader(line)).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(rows[0][1:], []string{"capable", "total", "container", `a,"b"\n`, "false",
		`["CAP_CHOWN","CAP_DAC_OVERRIDE"]`, `["CAP_CHOWN","CAP_DAC_OVERRIDE"]`, "[]", "[]", "[]", "3"}))
}
