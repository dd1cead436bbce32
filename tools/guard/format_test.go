package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
	qt.Assert(t, qt.IsNil(output.CheckFields(changeFields)))
	qt.Assert(t, qt.IsNil(output.CheckFields(statusFields)))
}

// show prints alerts in a format.
func show(t *testing.T, format string, alerts ...engine.Alert) string {
	t.Helper()
	var out bytes.Buffer
	w, err := newWatch(&command.Env{Name: "guard", Stdout: &out, Common: command.Common{Format: format}}, newFake())
	qt.Assert(t, qt.IsNil(err))
	for _, a := range alerts {
		qt.Assert(t, qt.IsNil(w.show(a)))
	}
	qt.Assert(t, qt.IsNil(w.w.Flush()))
	return out.String()
}

// TestTable has a row of each class. It is narrower than a hundred columns but for what
// is long itself.
func TestTable(t *testing.T) {
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })
	of := func(kind engine.Kind, o engine.Object) engine.Alert {
		return alert(func(a *engine.Alert) { a.Kind, a.Object = kind, o })
	}
	got := show(t, "table",
		alert(nil),
		alert(func(a *engine.Alert) { a.Denied, a.Rule, a.Reason = false, "", engine.ByDefault }),
		alert(func(a *engine.Alert) { a.Rule, a.Reason, a.Object = "", engine.ByUnresolved, engine.Object{} }),
		alert(func(a *engine.Alert) { a.Process.Comm, a.Object.Path = "a\x1b\n", "/x\x1b[2J\ny" }),
		of("exec", engine.Object{Path: "/tmp/x", Operation: "no_args"}),
		of("load", engine.Object{Path: "/tmp/x.so"}),
		connected("192.0.2.1:443", unix.IPPROTO_TCP),
		connected("[2001:db8::1]:53", unix.IPPROTO_UDP),
		of("connect", engine.Object{Family: unix.AF_UNIX, Path: "/run/log"}),
		of("bind", engine.Object{Family: unix.AF_UNIX}),
		of("socket", engine.Object{Family: unix.AF_PACKET, SocketType: unix.SOCK_RAW}),
		of("mount", engine.Object{Operation: "new", FSType: "tmpfs", Path: "/mnt"}),
		of("mount", engine.Object{Operation: "umount", Path: "/mnt"}),
		of("setuid", engine.Object{Operation: "setuid", OldID: 1000}),
		of("setuid", engine.Object{Operation: "userns", OldID: 1000, NewID: 1000}),
		of("self", engine.Object{Operation: "signal"}),
	)
	got = strings.ReplaceAll(got, "12:00:00", "TIME    ")
	qt.Check(t, qt.Equals(got, `TIME     ACTION RULE             HOOK                    PID COMM            OBJECT
TIME     deny   shadow           file_open              4711 cat             read /etc/shadow
TIME     audit  (default)        file_open              4711 cat             read /etc/shadow
TIME     deny   (unresolved)     file_open              4711 cat             read
TIME     deny   shadow           file_open              4711 a\x1b\n         read /x\x1b[2J\ny
TIME     deny   shadow           file_open              4711 cat             exec (no_args) /tmp/x
TIME     deny   shadow           file_open              4711 cat             load /tmp/x.so
TIME     deny   (default)        socket_connect         4711 cat             tcp 192.0.2.1:443
TIME     deny   (default)        socket_connect         4711 cat             udp [2001:db8::1]:53
TIME     deny   shadow           file_open              4711 cat             unix /run/log
TIME     deny   shadow           file_open              4711 cat             unix
TIME     deny   shadow           file_open              4711 cat             packet/raw
TIME     deny   shadow           file_open              4711 cat             new tmpfs /mnt
TIME     deny   shadow           file_open              4711 cat             umount /mnt
TIME     deny   shadow           file_open              4711 cat             setuid 1000 to 0
TIME     deny   shadow           file_open              4711 cat             userns 1000
TIME     deny   shadow           file_open              4711 cat             self signal
`))
	for line := range strings.Lines(got) {
		qt.Check(t, qt.IsTrue(len(line) < 100), qt.Commentf("%s", line))
	}
}

// TestJSON has one line in full: names, order and values are the contract.
func TestJSON(t *testing.T) {
	got := show(t, "json", alert(nil))
	qt.Check(t, qt.Equals(got, `{"time":"2026-03-01T12:00:00.000000007Z","tool":"guard","type":"event","pid":4711,"tid":4712,"ppid":4710,"uid":1000,"comm":"cat","cgroup_id":912,"container_id":null,`+
		`"policy":"web","revision":3,"rule":"shadow","message":"credential file","position":"web.yaml:13:5","class":"file","kind":"read","hook":"file_open","action":"deny","reason":"rule","errno":"EPERM",`+
		`"exe":"/usr/bin/cat","exe_dev":"8:1","exe_ino":77,"euid":1001,"mntns":4026531841,"userns_level":0,"subjects":["all","nginx"],"path":"/etc/shadow","path_cut":false,"dev":"8:1","ino":123,`+
		`"addr":null,"port":null,"family":null,"proto":null,"sock_type":null,"operation":null,"fstype":null,"old_id":null,"new_id":null,"cut":[]}`+"\n"))
	qt.Check(t, qt.IsNil(compiled(t).Validate([]byte(got))))
}

// TestJSONValues has the fields that depend on what the alert is about.
func TestJSONValues(t *testing.T) {
	s := compiled(t)
	of := func(kind engine.Kind, o engine.Object) engine.Alert {
		return alert(func(a *engine.Alert) { a.Kind, a.Object = kind, o })
	}
	for _, test := range []struct {
		what  string
		alert engine.Alert
		want  map[string]any
	}{
		{"audited", alert(func(a *engine.Alert) { a.Denied = false }), map[string]any{"action": "audit", "errno": nil}},
		{"forgotten", alert(func(a *engine.Alert) {
			a.Policy, a.Rule, a.Message, a.Position, a.Process.Subjects = "", "", "", engine.Alert{}.Position, nil
		}),
			map[string]any{"policy": nil, "rule": nil, "message": nil, "position": nil, "subjects": []any{}}},
		{"a thread of the kernel", alert(func(a *engine.Alert) { a.Process.Exe, a.Process.ExeIno, a.Process.ExeDev = "", 0, 0 }),
			map[string]any{"exe": nil, "exe_dev": nil, "exe_ino": nil}},
		{"a file that is to be made", of("create", engine.Object{Path: "/x"}), map[string]any{"class": "file", "kind": "create", "dev": nil, "ino": nil}},
		{"bytes", of("read", engine.Object{Path: "/\xff", PathCut: true}), map[string]any{"path": "/\uFFFD", "path_b64": "L/8=", "path_cut": true}},
		{"a large device", of("read", engine.Object{Path: "/x", Dev: 259<<20 | 1<<19, Ino: 1<<64 - 1}), map[string]any{"dev": "259:524288"}},
		{"connect", connected("192.0.2.1:443", unix.IPPROTO_TCP),
			map[string]any{"class": "connect", "addr": "192.0.2.1", "port": 443.0, "family": "inet", "proto": "tcp", "sock_type": "stream", "rule": nil, "reason": "default", "path": nil}},
		{"MPTCP", connected("[::1]:0", unix.IPPROTO_MPTCP), map[string]any{"addr": "::1", "port": 0.0, "family": "inet6", "proto": "tcp"}},
		{"SCTP", connected("[::1]:1", unix.IPPROTO_SCTP), map[string]any{"proto": "sctp"}},
		{"a raw socket of IP", connected("192.0.2.1:0", unix.IPPROTO_RAW), map[string]any{"proto": nil}},
		{"abstract", of("connect", engine.Object{Family: unix.AF_UNIX}), map[string]any{"family": "unix", "path": nil, "addr": nil, "port": nil, "proto": nil, "sock_type": nil}},
		{"socket", of("socket", engine.Object{Family: unix.AF_NETLINK, SocketType: unix.SOCK_RAW, Protocol: 6}),
			map[string]any{"class": "socket", "family": "netlink", "sock_type": "raw", "proto": nil, "addr": nil}},
		{"socket of an unknown family", of("socket", engine.Object{Family: 200, SocketType: 9}), map[string]any{"family": "200", "sock_type": nil}},
		{"mount", of("mount", engine.Object{Operation: "move", FSType: "ext4", Path: "/mnt"}),
			map[string]any{"class": "mount", "operation": "move", "fstype": "ext4", "path": "/mnt", "family": nil}},
		{"setuid", of("setuid", engine.Object{Operation: "setuid", OldID: 1000, NewID: 0}), map[string]any{"operation": "setuid", "old_id": 1000.0, "new_id": 0.0}},
		{"userns", of("setuid", engine.Object{Operation: "userns", OldID: 0, NewID: 0}), map[string]any{"operation": "userns", "old_id": 0.0, "new_id": nil}},
		{"self", of("self", engine.Object{Operation: "map"}), map[string]any{"class": "self", "kind": "self", "operation": "map", "path": nil}},
		{"exec", of("exec", engine.Object{Operation: "fileless", Path: "/memfd:x"}), map[string]any{"class": "exec", "kind": "exec", "operation": "fileless", "old_id": nil}},
	} {
		line := show(t, "json", test.alert)
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", test.what))
		var got map[string]any
		qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &got)))
		for key, want := range test.want {
			value, ok := got[key]
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s: %s", test.what, key))
			qt.Check(t, qt.DeepEquals(value, want), qt.Commentf("%s: %s", test.what, key))
		}
	}
	for _, k := range kinds {
		qt.Check(t, qt.IsNil(s.Validate([]byte(show(t, "json", of(engine.Kind(k), engine.Object{}))))), qt.Commentf("%s", k))
	}
}

// TestReused: nothing of an alert stays for the next.
func TestReused(t *testing.T) {
	both := show(t, "json", alert(nil), connected("192.0.2.1:443", 6))
	_, second, _ := strings.Cut(both, "\n")
	qt.Check(t, qt.Equals(second, show(t, "json", connected("192.0.2.1:443", 6))))
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(show(t, "csv", alert(nil), connected("192.0.2.1:443", 6)))).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(rows), 3))
	for i, f := range fields {
		qt.Check(t, qt.Equals(rows[0][i], f.Name))
		if f.Name == "port" {
			qt.Check(t, qt.Equals(rows[1][i]+"|"+rows[2][i], "|443"))
		}
	}
}
