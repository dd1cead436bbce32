package main

import (
	"encoding/csv"
	"encoding/json"
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
	s, err := schematest.Compile(output.Schema("filesnoop", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	return s
}

func TestFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(fields)))
}

func failed(r *record) { r.Ret, r.Fd, r.path, r.Flags = -2, -1, "/etc", r.Flags|flagBase&^flagInode }

func moved(r *record) {
	r.path, r.path2, r.Flags = "/tmp/a", "/tmp/b", flagPath|flagPath2|flagOpenFlags
}

// TestTable has the rows of every table, with the widths of the classic tools.
func TestTable(t *testing.T) {
	h := tooltest.Host(t)
	for _, test := range []struct {
		flags  string
		record *record
		want   string
	}{
		{"", opened(nil), "PID    COMM             OP       PATH\n9662   cat              open     /etc/passwd\n"},
		{"-U", opened(nil), "UID    PID    COMM             OP       PATH\n4294967289 9662   cat              open     /etc/passwd\n"},
		{"-t 9663", opened(nil), "TID    COMM             OP       PATH\n9663   cat              open     /etc/passwd\n"},
		{"--errors", opened(failed), "PID    COMM             OP       ERROR      PATH\n9662   cat              open     ENOENT     /etc/passwd\n"},
		{"-e", opened(nil), "PID    COMM             OP       FLAGS    MODE PATH\n9662   cat              open     02000000 n/a  /etc/passwd\n"},
		{"-e", opened(func(r *record) { r.OpenFlags, r.Mode = unix.O_CREAT|unix.O_WRONLY, 0o100640 }), "PID    COMM             OP       FLAGS    MODE PATH\n9662   cat              open     00000101 0640 /etc/passwd\n"},
		{"", seen(opRename, moved), "PID    COMM             OP       PATH\n9662   cat              rename   /tmp/a -> /tmp/b\n"},
		{"", seen(opRename, func(r *record) { moved(r); r.OpenFlags = renameExchange }), "PID    COMM             OP       PATH\n9662   cat              rename   /tmp/a <> /tmp/b\n"},
		{"", seen(opSymlink, func(r *record) { r.name2, r.Flags = "../x\x1b", r.Flags|flagName2 }), "PID    COMM             OP       PATH\n9662   cat              symlink  /etc/passwd -> ../x\\x1b\n"},
		{"--all", seen(opSetxattr, func(r *record) { r.name2, r.Flags = "user.a", r.Flags|flagName2 }), "PID    COMM             OP            BYTES PATH\n9662   cat              setxattr          - /etc/passwd user.a\n"},
		{"--write", seen(opClose, func(r *record) { r.Bytes, r.Flags = 4096, r.Flags|flagSize }), "PID    COMM             OP            BYTES PATH\n9662   cat              close          4096 /etc/passwd\n"},
		{"", seen(opDelete, func(r *record) { r.path, r.Flags = "", flagUnreadable }), "PID    COMM             OP       PATH\n9662   cat              delete   ?\n"},
		{"--format opensnoop", opened(nil), "PID    COMM               FD ERR PATH\n9662   cat                 3   0 passwd\n"},
		{"--format opensnoop -F", opened(nil), "PID    COMM               FD ERR PATH\n9662   cat                 3   0 /etc/passwd\n"},
		{"--format opensnoop -e", opened(failed), "PID    COMM               FD ERR FLAGS    MODE PATH\n9662   cat                -1   2 02000000 n/a  passwd\n"},
		{"--format classic", opened(nil), "    PID TYPE FLAG PATT  TRESH FILENAME\n   9662 Open OK   -     ----  /etc/passwd\n"},
		{"--format classic --threshold O=1", seen(opRename, moved), "    PID TYPE FLAG PATT  TRESH FILENAME\n"},
	} {
		qt.Check(t, qt.Equals(show(t, h, test.flags, test.record), test.want), qt.Commentf("%s", test.flags))
	}
	h.Started = h.Clock.Wall(1_000_000_000)
	out := show(t, h, "-T", opened(func(r *record) { r.Head.TimeNs = 3_500_001_999 }))
	qt.Check(t, qt.StringContains(out, "\n2.500001999    9662   cat"))
	gone := show(t, h, "--format filegone", seen(opRename, moved), seen(opDelete, nil))
	qt.Check(t, qt.StringContains(gone, "cat              RENAME a > b\n"))
	qt.Check(t, qt.StringContains(gone, "cat              DELETE passwd\n"))
}

// TestAge: filelife prints what was made and deleted, under the name that it had at
// last.
func TestAge(t *testing.T) {
	at := func(ms uint64) func(*record) {
		return func(r *record) { r.path, r.Flags, r.Head.TimeNs = "/tmp/a", flagPath, ms*1_000_000 }
	}
	renamed := func(flags uint32) *record {
		return seen(opRename, func(r *record) { moved(r); r.Head.TimeNs, r.OpenFlags = 1100_000_000, flags })
	}
	b := func(r *record) { at(2500)(r); r.path = "/tmp/b" }
	for _, test := range []struct {
		what    string
		records []*record
		want    string
	}{
		{"made and deleted", []*record{seen(opCreate, at(1000)), seen(opDelete, at(2500))}, "cat              1.50    a\n"},
		{"renamed", []*record{seen(opCreate, at(1000)), renamed(0), seen(opDelete, b)}, "cat              1.50    b\n"},
		{"exchanged", []*record{seen(opCreate, at(1000)), seen(opCreate, func(r *record) { at(1050)(r); r.path = "/tmp/b" }), renamed(renameExchange), seen(opDelete, at(2500))}, "cat              1.45    a\n"},
		{"not seen made", []*record{seen(opDelete, at(2500))}, ""},
		{"deleted twice", []*record{seen(opCreate, at(1000)), seen(opDelete, at(2500)), seen(opDelete, at(2600))}, "cat              1.50    a\n"},
		{"failed", []*record{seen(opCreate, at(1000)), seen(opDelete, func(r *record) { at(2500)(r); r.Ret = -1 })}, ""},
	} {
		out := show(t, tooltest.Host(t), "--format filelife", test.records...)
		_, rows, _ := strings.Cut(out, "\n")
		if test.want == "" {
			qt.Check(t, qt.Equals(rows, ""), qt.Commentf("%s", test.what))
			continue
		}
		qt.Check(t, qt.IsTrue(strings.HasSuffix(rows, test.want) && strings.Count(rows, "\n") == 1), qt.Commentf("%s: %s", test.what, rows))
	}
}

// TestLifeForgets: what is remembered has an end, and the rest is counted.
func TestLifeForgets(t *testing.T) {
	l := newLife()
	for i := range lifeMax + 7 {
		l.put(string(rune('a'+i%26))+itoa(i), int64(i))
	}
	qt.Check(t, qt.Equals(len(l.made), lifeMax))
	qt.Check(t, qt.Equals(l.dropped, 7))
	for i := range 5 * lifeMax {
		l.put("x"+itoa(i), 1)
		delete(l.made, "x"+itoa(i))
	}
	qt.Check(t, qt.IsTrue(len(l.order) <= 4*lifeMax))
}

// TestJSON has one line in full: names, order and values are the contract.
func TestJSON(t *testing.T) {
	h := tooltest.Host(t)
	got := show(t, h, "--json", opened(func(r *record) {
		r.exe, r.StartNs, r.Head.CgroupId = "/usr/bin/cat", 42, 7171
		r.Flags |= flagExe | flagDetails
	}))
	_, rest, _ := strings.Cut(got, ",")
	qt.Check(t, qt.Equals(rest, `"tool":"filesnoop","type":"event","pid":9662,"tid":9663,"ppid":9660,"uid":4294967289,"comm":"cat","cgroup_id":7171,"container_id":null,`+
		`"op":"open","ret":3,"error":null,"path":"/etc/passwd","path2":null,"name":"passwd","name2":null,"path_truncated":false,"path_unreadable":false,"path_lexical":false,`+
		`"fd":3,"flags":["O_RDONLY","O_CLOEXEC"],"flags_raw":524288,"mode":null,"owner":null,"group":null,"bytes":null,"writes":null,"entropy":null,"content":null,"file_type":"file","size":1234,"inode":77,"dev":"8:1",`+
		`"age_ns":null,"exe":"/usr/bin/cat","start_ns":42,"user":null,"gid":0,"severity":"ok","rule":null,"pattern_match":false,"over":"----","alert":null,"alert_root":null,"alert_exe":null,`+
		`"alert_since":null,"alert_files":null,"alert_evidence":null,"cut":[]}`+"\n"))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(got))))
}

// TestJSONValues has the fields that depend on more than one thing.
func TestJSONValues(t *testing.T) {
	h := tooltest.Host(t)
	s := schema(t)
	id := strings.Repeat("0123456789abcdef", 4)
	base := func(dir, name string) func(*record) {
		return func(r *record) { r.path, r.name, r.Flags = dir, name, flagPath|flagBase|flagName }
	}
	for _, test := range []struct {
		what   string
		record *record
		want   map[string]any
	}{
		{"nothing known", seen(opOpen, func(r *record) { r.Flags = 0 }), map[string]any{"path": nil, "name": nil, "fd": nil, "flags": nil, "inode": nil, "file_type": nil, "size": nil, "dev": nil}},
		{"relative", seen(opDelete, base("/var/log", "../tmp/./x")), map[string]any{"path": "/var/tmp/x", "name": "../tmp/./x", "path_lexical": true}},
		{"absolute", seen(opDelete, base("", "/var//x/")), map[string]any{"path": "/var/x", "name": "/var//x/"}},
		{"of chroot", seen(opDelete, base("/srv/jail", "/etc/x")), map[string]any{"path": "/srv/jail/etc/x"}},
		{"unreadable", seen(opDelete, func(r *record) { base("/var", "")(r); r.Flags = flagPath | flagBase | flagUnreadable }), map[string]any{"path": nil, "name": nil, "path_unreadable": true}},
		{"root", seen(opOpen, func(r *record) { r.path = "" }), map[string]any{"path": "/"}},
		{"memfd", seen(opMemfd, func(r *record) { r.path, r.Flags = "/memfd:x", flagPath|flagPathDetached }), map[string]any{"path": "memfd:x", "op": "memfd"}},
		{"cut", seen(opOpen, func(r *record) { r.path, r.Flags = "/b/\xff", flagPath|flagPathCut }), map[string]any{"path": ".../b/�", "path_b64": "Li4uL2Iv/w==", "path_truncated": true}},
		{"rename", seen(opRename, func(r *record) { moved(r); r.OpenFlags = 5 }), map[string]any{"path2": "/tmp/b", "flags": []any{"RENAME_NOREPLACE", "RENAME_WHITEOUT"}, "mode": nil}},
		{"chown", seen(opChown, func(r *record) { r.Owner, r.Group = 7, 1<<32-1 }), map[string]any{"owner": 7.0, "group": -1.0}},
		{"chmod", seen(opChmod, func(r *record) { r.Mode, r.Flags = 0o4755, r.Flags|flagOpenFlags }), map[string]any{"mode": "04755", "flags": nil, "flags_raw": nil}},
		{"mmap", seen(opMmap, func(r *record) { r.OpenFlags, r.Flags = 1, r.Flags|flagOpenFlags }), map[string]any{"flags": []any{"MAP_SHARED"}}},
		{"close", seen(opClose, func(r *record) { r.Bytes, r.Writes, r.Flags = 9, 2, r.Flags|flagSize }), map[string]any{"bytes": 9.0, "writes": 2.0}},
		{"failure", opened(failed), map[string]any{"error": "ENOENT", "fd": -1.0, "path": "/etc/passwd"}},
		{"sync", opened(func(r *record) { r.OpenFlags = unix.O_SYNC | unix.O_RDWR }), map[string]any{"flags": []any{"O_RDWR", "O_SYNC"}}},
		{"tmpfile", seen(opTmpfile, func(r *record) {
			r.OpenFlags, r.Mode, r.Flags = unix.O_TMPFILE|unix.O_RDWR, 0o600, r.Flags|flagOpenFlags
		}), map[string]any{"flags": []any{"O_RDWR", "O_TMPFILE"}, "mode": "0600"}},
		{"container", opened(func(r *record) { r.container = "docker-" + id + ".scope" }), map[string]any{"container_id": id}},
		{"user", opened(func(r *record) { r.Head.Uid = 0 }), map[string]any{"user": "root"}},
	} {
		line := show(t, h, "--all --errors --json", test.record)
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
	full := opened(func(r *record) {
		r.exe, r.name2, r.path2 = "/x", "a", "/b"
		r.Flags |= flagExe | flagName2 | flagPath2
		r.Head.Uid = 0
	})
	empty := seen(opOpen, func(r *record) { r.Flags = 0; r.Head.Uid = 1<<32 - 7 })
	h := tooltest.Host(t)
	both := show(t, h, "--json", full, empty)
	_, second, _ := strings.Cut(both, "\n")
	qt.Check(t, qt.Equals(second, show(t, h, "--json", empty)))
}

func TestCSV(t *testing.T) {
	out := show(t, tooltest.Host(t), "-o csv", opened(nil), seen(opDelete, nil))
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(rows), 3))
	for i, f := range fields {
		qt.Check(t, qt.Equals(rows[0][i], f.Name))
	}
	qt.Check(t, qt.Equals(rows[1][slices.Index(rows[0], "path")], "/etc/passwd"))
	qt.Check(t, qt.Equals(rows[2][slices.Index(rows[0], "fd")], ""))
}

// TestPathFilters: which paths pass.
func TestPathFilters(t *testing.T) {
	for _, test := range []struct {
		flags, path string
		want        bool
	}{
		{"--path /etc", "/etc", true}, {"--path /etc", "/etc/a/b", true}, {"--path /etc/", "/etc/a", true}, {"--path /etc", "/etcetera", false},
		{"--path /", "/x", true}, {"--path /a --path /b", "/b/c", true}, {"--not-path /proc", "/proc/1", false}, {"--not-path /proc", "/process", true},
		{"--glob *.conf", "/etc/a.conf", true}, {"--glob *.conf", "/etc/a.conf/b", false}, {"--glob /etc/**/x", "/etc/x", true},
		{"--glob /etc/**/x", "/etc/a/b/x", true}, {"--glob /etc/**/x", "/etc/a/b/xx", false}, {"--glob /etc/*/x", "/etc/a/b/x", false}, {"--glob /**", "/a/b", true},
		{"--glob b/c", "/a/b/c", true}, {"--glob /a/**/b/**/c", "/a/1/b/2/b/3/c", true}, {"--glob /a/**/b/**/c", "/a/1/2/3/c", false}, {"--glob a? --glob b?", "/x/b2", true},
		{"-n at", "/x", true}, {"-n dog", "/x", false},
	} {
		out := show(t, tooltest.Host(t), test.flags, seen(opOpen, func(r *record) { r.path = test.path }))
		qt.Check(t, qt.Equals(strings.Count(out, "\n") == 2, test.want), qt.Commentf("%s: %s", test.flags, test.path))
	}
	two := func(a, b string) *record {
		return seen(opRename, func(r *record) { moved(r); r.path, r.path2 = a, b })
	}
	h := tooltest.Host(t)
	qt.Check(t, qt.StringContains(show(t, h, "--path /b", two("/a/x", "/b/x")), "/b/x"))
	qt.Check(t, qt.StringContains(show(t, h, "--not-path /b", two("/a/x", "/b/x")), "/b/x"))
	qt.Check(t, qt.Not(qt.StringContains(show(t, h, "--not-path /b", two("/b/y", "/b/x")), "/b/x")))
}
