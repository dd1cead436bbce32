package main

import (
	"encoding/csv"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

func schema(t testing.TB) *schematest.Schema {
	t.Helper()
	s, err := schematest.Compile(output.Schema("bindsnoop", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	return s
}

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
	qt.Assert(t, qt.IsNil(output.CheckFields(totalFields)))
}

// v6 makes an address of IPv6.
func v6(addr string) func(*record) {
	return func(r *record) {
		r.Family, r.Addr, r.Port = unix.AF_INET6, netip.MustParseAddr(addr).As16(), 8080
		r.Flags |= flagSocketV6
	}
}

// TestTable has the rows of the classic tool, with the widths that it has.
func TestTable(t *testing.T) {
	h := tooltest.Host(t)
	local := bound(func(r *record) { r.Addr = [16]uint8{127, 0, 0, 1}; r.Port, r.Flags = 8080, flagAddr|flagPort })
	for _, test := range []struct {
		flags  string
		record *record
		want   string
	}{
		{"", bound(nil), "     PID COMM         PROT ADDR            PORT   OPTS IF\n" +
			"    9662 nginx        TCP  0.0.0.0            80 ...R.  0 *\n"},
		{"", local, "     PID COMM         PROT ADDR            PORT   OPTS IF\n" +
			"    9662 nginx        TCP  127.0.0.1        8080 .....  0\n"},
		{"-U", local, "   UID      PID COMM         PROT ADDR            PORT   OPTS IF\n" +
			"4294967289     9662 nginx        TCP  127.0.0.1        8080 .....  0\n"},
		{"-w", bound(v6("2001:db8::7")), "       PID COMM         PROT ADDR                                    PORT   OPTS IF\n" +
			"      9662 nginx        TCP  2001:db8::7                              8080 ...R.  0\n"},
		{"-E", bound(func(r *record) { r.Ret = -98 }), " RC      PID COMM         PROT ADDR            PORT   OPTS IF\n" +
			"-98     9662 nginx        TCP  0.0.0.0            80 ...R.  0 *\n"},
		{"-x -w", bound(func(r *record) { r.Ret = -98 }), "RC                               PID COMM         PROT ADDR                                    PORT   OPTS IF\n" +
			"address already in use          9662 nginx        TCP  0.0.0.0                                    80 ...R.  0 *\n"},
		{"-E -w", local, "RC                               PID COMM         PROT ADDR                                    PORT   OPTS IF\n" +
			"Success                         9662 nginx        TCP  127.0.0.1                                8080 .....  0\n"},
		{"-l", bound(func(r *record) { r.Head.Kind = kindListen }), "     PID COMM         OP     PROT ADDR            PORT   OPTS IF\n" +
			"    9662 nginx        listen TCP  0.0.0.0            80 ...R.  0 *\n"},
		{"--listen-only", bound(func(r *record) { r.Protocol = unix.IPPROTO_UDP }), "     PID COMM         OP     PROT ADDR            PORT   OPTS IF\n" +
			"    9662 nginx        bind   UDP  0.0.0.0            80 ...R.  0 *\n"},
		{"", bound(func(r *record) { r.Flags, r.BoundIf = flagOptions, 12 }), "     PID COMM         PROT ADDR            PORT   OPTS IF\n" +
			"    9662 nginx        TCP  -                   - FTNRr 12\n"},
		{"", bound(func(r *record) { tooltest.SetName(&r.Head.Comm, "a\x1b\n"); r.Port = 1024 }), "     PID COMM         PROT ADDR            PORT   OPTS IF\n" +
			"    9662 a\\x1b\\n      TCP  0.0.0.0          1024 ...R.  0\n"},
	} {
		qt.Check(t, qt.Equals(show(t, h, test.flags, test.record), test.want), qt.Commentf("%s", test.flags))
	}

	h.Started = h.Clock.Wall(1_000_000_000)
	out := show(t, h, "-t", bound(func(r *record) { r.Head.TimeNs = 3_500_001_999 }))
	qt.Check(t, qt.StringContains(out, "TIME(s)        PID"))
	qt.Check(t, qt.StringContains(out, "\n2.500001      9662 nginx"))
}

// TestJSON has one line in full: names, order and values are the contract.
func TestJSON(t *testing.T) {
	h := tooltest.Host(t)
	r := bound(func(r *record) {
		r.Head.CgroupId, r.exe = 7171, []string{"nginx", "sbin", "usr"}
		r.Flags |= flagExe
	})
	got := show(t, h, "--json", r)
	_, rest, _ := strings.Cut(got, ",")
	qt.Check(t, qt.Equals(rest, `"tool":"bindsnoop","type":"event","pid":9662,"tid":9663,"ppid":9660,"uid":4294967289,"comm":"nginx","cgroup_id":7171,"container_id":null,`+
		`"op":"bind","existing":false,"ret":0,"error":null,"protocol":"tcp","ip_version":4,"addr":"0.0.0.0","port":80,"privileged":true,"ephemeral":false,"backlog":null,"options":["reuseaddr"],`+
		`"ipv6_only":null,"bound_if":null,"interface":null,"netns":4026531840,"exe":"/usr/sbin/nginx","user":null,"cut":[]}`+"\n"))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(got))))
}

// TestJSONValues has the fields that depend on more than one thing.
func TestJSONValues(t *testing.T) {
	h := tooltest.Host(t)
	s := schema(t)
	id := strings.Repeat("0123456789abcdef", 4)
	for _, test := range []struct {
		what   string
		record *record
		want   map[string]any
	}{
		{"nothing known", bound(func(r *record) { r.Flags = 0 }), map[string]any{"ip_version": nil, "addr": nil, "port": nil, "privileged": false, "exe": nil, "options": []any{}}},
		{"IPv6", bound(v6("::1")), map[string]any{"ip_version": 6.0, "addr": "::1", "port": 8080.0, "privileged": false, "ipv6_only": false}},
		{"IPv6 alone", bound(func(r *record) { v6("::")(r); r.Flags |= flagV6only }), map[string]any{"addr": "::", "ipv6_only": true}},
		{"IPv4 through IPv6", bound(func(r *record) { r.Flags |= flagSocketV6 }), map[string]any{"ip_version": 4.0, "addr": "0.0.0.0", "ipv6_only": false}},
		{"chosen", bound(func(r *record) { r.Flags |= flagChosen; r.Port = 1024 }), map[string]any{"ephemeral": true, "privileged": false}},
		{"highest privileged", bound(func(r *record) { r.Port = 1023 }), map[string]any{"ephemeral": false, "privileged": true}},
		{"port 0", bound(func(r *record) { r.Port, r.Ret = 0, -22 }), map[string]any{"port": 0.0, "privileged": false, "ephemeral": nil, "error": "EINVAL", "ret": -22.0}},
		{"an errno without a name", bound(func(r *record) { r.Ret = -4000 }), map[string]any{"ret": -4000.0, "error": "E4000"}},
		{"listen", bound(func(r *record) { r.Head.Kind = kindListen; r.Backlog = 128; r.Flags |= flagBacklog }), map[string]any{"op": "listen", "backlog": 128.0}},
		{"all options", bound(func(r *record) { r.Flags |= flagOptions }),
			map[string]any{"options": []any{"freebind", "transparent", "bind_address_no_port", "reuseaddr", "reuseport"}}},
		{"udp", bound(func(r *record) { r.Protocol = unix.IPPROTO_UDP }), map[string]any{"protocol": "udp"}},
		{"interface of another namespace", bound(func(r *record) { r.BoundIf = 1 }), map[string]any{"bound_if": 1.0, "interface": nil}},
		{"interface of ours", bound(func(r *record) { r.BoundIf, r.Netns = 1, newInterfaces().netns }), map[string]any{"bound_if": 1.0, "interface": "lo"}},
		{"container", bound(func(r *record) { r.container = "docker-" + id + ".scope" }), map[string]any{"container_id": id}},
		{"memfd", bound(func(r *record) { r.exe, r.Flags = []string{"memfd:x"}, flagExe|flagExeDetached }), map[string]any{"exe": "memfd:x"}},
		{"deep", bound(func(r *record) { r.exe, r.Flags = []string{"x", "\xff"}, flagExe|flagExeCut }), map[string]any{"exe": ".../�/x"}},
		{"user", bound(func(r *record) { r.Head.Uid = 0 }), map[string]any{"user": "root"}},
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

// TestReused: nothing of an event stays for the next.
func TestReused(t *testing.T) {
	full := bound(func(r *record) { r.exe, r.Flags, r.BoundIf, r.Head.Uid = []string{"x"}, r.Flags|flagExe, 1, 0 })
	empty := bound(func(r *record) { r.Flags = 0 })
	h := tooltest.Host(t)
	both := show(t, h, "--json", full, empty)
	_, second, _ := strings.Cut(both, "\n")
	qt.Check(t, qt.Equals(second, show(t, h, "--json", empty)))
}

func TestCSV(t *testing.T) {
	out := show(t, tooltest.Host(t), "-o csv", bound(nil), bound(func(r *record) { r.Flags = flagOptions }))
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(rows), 3))
	for i, f := range fields {
		qt.Check(t, qt.Equals(rows[0][i], f.Name))
	}
	cell := func(row int, field string) string { return rows[row][slices.Index(rows[0], field)] }
	qt.Check(t, qt.Equals(cell(1, "addr"), "0.0.0.0"))
	qt.Check(t, qt.Equals(cell(2, "addr"), ""))
	qt.Check(t, qt.Equals(cell(1, "options"), `["reuseaddr"]`))
}
