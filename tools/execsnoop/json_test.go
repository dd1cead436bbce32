package main

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strconv"
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
	s, err := schematest.Compile(output.Schema("execsnoop", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	return s
}

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
}

// TestJSON has one line in full: names, order and values are the contract.
func TestJSON(t *testing.T) {
	h := tooltest.Host(t)
	r := success(func(r *record) {
		r.Head.TimeNs, r.Head.CgroupId, r.Head.Uid = tooltest.Stamp(h, moment), 7171, 1<<32-7
		r.Head.Tid, r.FromTid = 9662, 9663
		r.exe, r.cwd = []string{"mkdir", "bin", "usr"}, []string{"demo", "srv"}
		r.Flags = flagPaths | flagAudit | flagOverlay | flagUpper
		r.DurationNs, r.Inode, r.Dev, r.Cpu = 183412, 1<<63, 254<<20|3, 5
		r.Loginuid, r.Sessionid = 1000, 12
	})
	got := show(t, h, "--json", r)
	qt.Check(t, qt.Equals(got, `{"time":"2026-01-02T03:04:05.123456789Z","tool":"execsnoop","type":"event","pid":9662,"tid":9662,"ppid":9660,"uid":4294967289,"comm":"mkdir","cgroup_id":7171,"container_id":null,`+
		`"ret":0,"error":null,"filename":"/bin/mkdir","exe":"/usr/bin/mkdir","interp":null,"args":["mkdir","-p","./main"],"argc":3,"args_truncated":false,"args_unreadable":0,"cwd":"/srv/demo",`+
		`"parent_comm":"bash","exec_from_tid":9663,"duration_ns":183412,"user":null,"gid":1001,"euid":1002,"login_uid":1000,"session_id":12,"cpu":5,"exe_inode":9223372036854775808,"exe_dev":"254:3",`+
		`"exe_deleted":false,"exe_memfd":false,"exe_upper_layer":true,"cut":[]}`+"\n"))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(got))))
}

// TestJSONValues has the fields that depend on more than one thing.
func TestJSONValues(t *testing.T) {
	h := tooltest.Host(t)
	s := schema(t)
	for _, test := range []struct {
		what   string
		record *record
		want   map[string]any
	}{
		{"nothing known", success(nil), map[string]any{"duration_ns": nil, "login_uid": nil, "session_id": nil, "exe": nil, "cwd": nil,
			"exe_inode": nil, "exe_dev": nil, "exe_deleted": nil, "exe_memfd": nil, "exe_upper_layer": nil}},
		{"nobody logged in", success(func(r *record) { r.Flags, r.Loginuid, r.Sessionid = flagAudit, noID, noID }),
			map[string]any{"login_uid": nil, "session_id": nil}},
		{"root logged in", success(func(r *record) { r.Flags = flagAudit }), map[string]any{"login_uid": 0.0, "session_id": 0.0}},
		{"no audit", success(func(r *record) { r.Loginuid, r.Sessionid = 7, 8 }), map[string]any{"login_uid": nil, "session_id": nil}},
		{"container", success(func(r *record) {
			r.Flags, r.exe, r.container = flagPaths, []string{"ls", "bin"}, "cri-containerd-"+strings.Repeat("0123456789abcdef", 4)+".scope"
		}), map[string]any{"exe": "/bin/ls", "container_id": strings.Repeat("0123456789abcdef", 4)}},
		{"memfd", success(func(r *record) {
			r.Flags, r.exe = flagPaths|flagMemfd|flagDeleted|flagExeDetached, []string{"memfd:x"}
		}), map[string]any{"exe": "memfd:x", "exe_memfd": true, "exe_deleted": true, "exe_upper_layer": false, "exe_inode": 0.0, "exe_dev": "0:0"}},
		{"on a lower layer", success(func(r *record) { r.Flags = flagPaths | flagOverlay }), map[string]any{"exe_upper_layer": false}},
		{"failure", failure(func(r *record) { r.Flags, r.cwd = flagPaths, []string{"srv"} }),
			map[string]any{"ret": -2.0, "error": "ENOENT", "exe": nil, "cwd": "/srv", "exe_inode": nil, "exe_dev": nil, "exe_deleted": nil, "exe_memfd": nil, "exe_upper_layer": nil}},
		{"other errnos", failure(func(r *record) { r.Ret = -int32(unix.ETXTBSY) }), map[string]any{"ret": -26.0, "error": "ETXTBSY"}},
		{"an errno without a name", failure(func(r *record) { r.Ret = -4000 }), map[string]any{"ret": -4000.0, "error": "E4000"}},
		{"no filename", failure(func(r *record) { r.filename = nil }), map[string]any{"filename": nil}},
		{"an empty filename", failure(func(r *record) { r.filename = new("") }), map[string]any{"filename": ""}},
		{"script", success(func(r *record) {
			r.filename, r.interp, r.args = new("./s"), new("/bin/sh"), []string{"/bin/sh", "./s"}
		}), map[string]any{"interp": "/bin/sh", "filename": "./s", "args": []any{"/bin/sh", "./s"}}},
		{"no arguments", failure(func(r *record) { r.args, r.Argc = nil, 0 }), map[string]any{"args": []any{}, "argc": 0.0}},
		{"no argument vector", failure(func(r *record) { r.args, r.Argc, r.Flags = nil, 0, flagArgsUnreadable|flagArgcMin }),
			map[string]any{"args": nil, "argc": nil, "args_truncated": false}},
		{"the image's arguments cannot be read", success(func(r *record) { r.args, r.Flags = nil, flagArgsUnreadable }),
			map[string]any{"args": nil, "argc": 3.0}},
		{"an argument cannot be read", failure(func(r *record) { r.args, r.ArgsUnreadable, r.Flags = []string{"x", ""}, 1, flagArgsUnreadable }),
			map[string]any{"args": []any{"x", ""}, "args_unreadable": 1.0}},
		{"cut arguments", success(func(r *record) { r.Flags, r.Argc = flagArgsCut, 90 }), map[string]any{"args_truncated": true, "argc": 90.0}},
		{"not UTF-8", success(func(r *record) { r.args, r.filename = []string{"a", "\xff"}, new("\xfe") }),
			map[string]any{"args": []any{"a", "�"}, "args_b64": []any{"YQ==", "/w=="}, "filename": "�", "filename_b64": "/g=="}},
		{"user", success(func(r *record) { r.Head.Uid = 0 }), map[string]any{"uid": 0.0, "user": name(h.Users.Name(0))}},
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

// name is null for a user that this machine does not have.
func name(user string) any {
	if user == "" {
		return nil
	}
	return user
}

// TestJSONLong has the longest record that the kernel sends.
func TestJSONLong(t *testing.T) {
	h := tooltest.Host(t)
	s := schema(t)
	component := strings.Repeat("\x01", 255)
	r := success(func(r *record) {
		r.filename = new(strings.Repeat("\xff", 4095))
		r.exe, r.cwd = slices.Repeat([]string{component}, 16), slices.Repeat([]string{component}, 16)
		r.args = slices.Repeat([]string{"\x1b"}, 4096)
		r.Flags, r.Argc = flagPaths|flagArgsCut, 5000
	})
	line := show(t, h, "--json", r)
	qt.Check(t, qt.IsTrue(len(line) < output.MaxLine), qt.Commentf("%d", len(line)))
	qt.Check(t, qt.IsNil(s.Validate([]byte(line))))
	var got map[string]any
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &got)))
	qt.Check(t, qt.SliceContains(got["cut"].([]any), any("args")))
	qt.Check(t, qt.Equals(got["argc"], any(5000.0)))
}

func TestJSONMaxArgs(t *testing.T) {
	got := show(t, tooltest.Host(t), "--json --max-args 2", success(nil))
	qt.Check(t, qt.StringContains(got, `"args":["mkdir","-p"],"argc":3,"args_truncated":true,`))
}

func TestCSV(t *testing.T) {
	h := tooltest.Host(t)
	out := show(t, h, "-o csv", success(func(r *record) {
		r.Head.TimeNs, r.Head.Uid = tooltest.Stamp(h, moment), 1<<32-7
		r.args = []string{"mkdir", `a,"b"`, "c\nd"}
	}), failure(func(r *record) { r.filename = nil }))
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(rows, 3))
	qt.Assert(t, qt.Equals(strings.Count(out, "\n"), 3))
	cell := func(row int, field string) string { return rows[row][slices.Index(rows[0], field)] }
	for i, f := range fields {
		qt.Check(t, qt.Equals(rows[0][i], f.Name))
	}
	qt.Check(t, qt.Equals(cell(1, "time"), "2026-01-02T03:04:05.123456789Z"))
	qt.Check(t, qt.Equals(cell(1, "comm"), "mkdir"))
	qt.Check(t, qt.Equals(cell(1, "ret"), "0"))
	qt.Check(t, qt.Equals(cell(1, "error"), ""))
	qt.Check(t, qt.Equals(cell(1, "args"), `["mkdir","a,\"b\"","c\nd"]`))
	qt.Check(t, qt.Equals(cell(1, "args_truncated"), "false"))
	qt.Check(t, qt.Equals(cell(1, "user"), ""))
	qt.Check(t, qt.Equals(cell(2, "ret"), "-2"))
	qt.Check(t, qt.Equals(cell(2, "error"), "ENOENT"))
	qt.Check(t, qt.Equals(cell(2, "filename"), ""))
}

func TestDevice(t *testing.T) {
	for dev, want := range map[uint32]string{0: "0:0", 254<<20 | 1: "254:1", 0xfffff: "0:1048575", 1<<32 - 1: "4095:1048575", 8 << 20: "8:0"} {
		for range 2 { // remembered
			qt.Check(t, qt.Equals(device(dev), want))
		}
	}
}

func TestErrorName(t *testing.T) {
	for ret, want := range map[int32]output.Value{0: output.Null(), 5: output.Null()} {
		qt.Check(t, qt.Equals(output.Errno(ret), want), qt.Commentf("%d", ret))
	}
	for ret, want := range map[int32]string{-1: "EPERM", -2: "ENOENT", -13: "EACCES", -8: "ENOEXEC", -4095: "E4095", -1 << 31: "E" + strconv.Itoa(1<<31)} {
		line := show(t, tooltest.Host(t), "--json", failure(func(r *record) { r.Ret = ret }))
		qt.Check(t, qt.StringContains(line, `"error":"`+want+`"`), qt.Commentf("%d", ret))
	}
}
