package main

import (
	"encoding/csv"
	"encoding/json"
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
	s, err := schematest.Compile(output.Schema("tcpconnect", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	return s
}

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
	qt.Assert(t, qt.IsNil(output.CheckFields(totalFields)))
}

// TestJSON has one line in full: names, order and values are the contract.
func TestJSON(t *testing.T) {
	h := tooltest.Host(t)
	r := attempt(func(r *record) { r.Head.TimeNs, r.Head.CgroupId = tooltest.Stamp(h, moment), 7171 })
	got := show(t, h, "--json", r)
	qt.Check(t, qt.Equals(got, `{"time":"2026-01-02T03:04:05.123456789Z","tool":"tcpconnect","type":"event","pid":2482,"tid":2483,"ppid":1,"uid":1000,"comm":"local_agent","cgroup_id":7171,"container_id":null,`+
		`"ip_version":4,"saddr":"10.103.219.236","sport":40000,"daddr":"10.251.148.38","dport":7001,"result":"established","ret":0,"error":null,"latency_ns":1234567,"blocking":true,"netns":4026531840,"protocol":"tcp","fastopen":false,"dns_query":null,"dns_cnames":null,"dns_age_ms":null,"cut":[]}`+"\n"))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(got))))
}

// TestJSONValues has the fields that depend on more than one thing.
func TestJSONValues(t *testing.T) {
	h := tooltest.Host(t)
	s := schema(t)
	outcome := func(result uint8, ret int32) *record {
		return attempt(func(r *record) { r.Result, r.Ret = result, ret })
	}
	for _, test := range []struct {
		what   string
		record *record
		want   map[string]any
	}{
		{"at once", failure(nil), map[string]any{"saddr": nil, "sport": nil, "latency_ns": nil, "result": "unreachable", "ret": -101.0, "error": "ENETUNREACH"}},
		{"no outcome", attempt(func(r *record) { r.Result, r.LatencyNs, r.Sport = resultNone, 0, 0 }),
			map[string]any{"result": nil, "ret": nil, "error": nil, "latency_ns": nil, "sport": nil, "saddr": "10.103.219.236"}},
		{"refused", outcome(resultRefused, -111), map[string]any{"result": "refused", "ret": -111.0, "error": "ECONNREFUSED"}},
		{"timeout", outcome(resultTimeout, -110), map[string]any{"result": "timeout", "ret": -110.0, "error": "ETIMEDOUT"}},
		{"reset", outcome(resultReset, -104), map[string]any{"result": "reset", "error": "ECONNRESET"}},
		{"aborted", outcome(resultAborted, 0), map[string]any{"result": "aborted", "ret": nil, "error": nil}},
		{"aborted by the administrator", outcome(resultAborted, -103), map[string]any{"result": "aborted", "ret": -103.0, "error": "ECONNABORTED"}},
		{"error", outcome(resultError, -13), map[string]any{"result": "error", "ret": -13.0, "error": "EACCES"}},
		{"error that was not told", outcome(resultError, 0), map[string]any{"result": "error", "ret": nil, "error": nil}},
		{"errno without a name", outcome(resultError, -4000), map[string]any{"error": "E4000"}},
		{"a result of another object", outcome(200, 0), map[string]any{"result": "error"}},
		{"nonblocking", attempt(func(r *record) { r.Flags = flagSaddr | flagNonblocking }), map[string]any{"blocking": false}},
		{"of the kernel", attempt(func(r *record) { r.Flags = flagSaddr }), map[string]any{"blocking": nil}},
		{"mptcp", attempt(func(r *record) { r.Flags |= flagMptcp }), map[string]any{"protocol": "mptcp"}},
		{"fastopen", attempt(func(r *record) { r.Flags |= flagFastopen }), map[string]any{"fastopen": true}},
		{"IPv6", attempt(func(r *record) { r.Version, r.Saddr, r.Daddr = 6, [16]uint8{15: 1}, [16]uint8{0xfe, 0x80, 15: 9} }),
			map[string]any{"ip_version": 6.0, "saddr": "::1", "daddr": "fe80::9"}},
		{"any", attempt(func(r *record) { r.Daddr = v4(0, 0, 0, 0) }), map[string]any{"daddr": "0.0.0.0"}},
		{"container", attempt(func(r *record) { r.container = "docker-" + strings.Repeat("0123456789abcdef", 4) + ".scope" }),
			map[string]any{"container_id": strings.Repeat("0123456789abcdef", 4)}},
	} {
		line := show(t, h, "--json", test.record)
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", test.what))
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
	out := show(t, tooltest.Host(t), "-o csv", attempt(nil), failure(nil))
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(rows, 3))
	cell := func(row int, field string) string { return rows[row][slices.Index(rows[0], field)] }
	for i, f := range fields {
		qt.Check(t, qt.Equals(rows[0][i], f.Name))
	}
	qt.Check(t, qt.Equals(cell(1, "saddr"), "10.103.219.236"))
	qt.Check(t, qt.Equals(cell(1, "latency_ns"), "1234567"))
	qt.Check(t, qt.Equals(cell(2, "saddr"), ""))
	qt.Check(t, qt.Equals(cell(2, "sport"), ""))
	qt.Check(t, qt.Equals(cell(2, "error"), "ENETUNREACH"))
}

// TestDecode: a record of another kind, or one that is too short, is an error;
// a container's name that is not whole is none.
func TestDecode(t *testing.T) {
	h := tooltest.Host(t)
	e := new(event)
	raw := attempt(func(r *record) { r.container = strings.Repeat("a0", 32) }).bytes()
	qt.Assert(t, qt.IsNil(decoder()(h, raw, e)))
	qt.Check(t, qt.Equals(e.ContainerID, strings.Repeat("a0", 32)))
	for short := range len(raw) {
		err := decoder()(h, raw[:short], e)
		qt.Check(t, qt.Equals(err != nil, short < containerOffset), qt.Commentf("%d", short))
		qt.Check(t, qt.IsTrue(err != nil || e.ContainerID == ""))
	}
	other := attempt(func(r *record) { r.Head.Kind = 77 }).bytes()
	qt.Check(t, qt.ErrorMatches(decoder()(h, other, e), "decode record: unknown kind 77"))
}
