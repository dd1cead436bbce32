package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

// TestDecodeArgs has the records of successes and failures, and what the ARGS
// column and the list of arguments make of them.
func TestDecodeArgs(t *testing.T) {
	for _, test := range []struct {
		what   string
		record *record
		line   string // as --line matches it
		args   []string
		cut    bool
	}{
		{"ordinary", success(nil), "/bin/mkdir -p ./main", []string{"mkdir", "-p", "./main"}, false},
		{"argv[0] is not shown", success(func(r *record) { r.args = []string{"[kworker/0:1]", "x"} }), "/bin/mkdir x", []string{"[kworker/0:1]", "x"}, false},
		{"argv[0] alone", success(func(r *record) { r.args = []string{"mkdir"} }), "/bin/mkdir", []string{"mkdir"}, false},
		{"no argv at all", failure(func(r *record) { r.args, r.Argc = nil, 0 }), "/bin/mkdir", []string{}, false},
		{"empty arguments", success(func(r *record) { r.args = []string{"", "", "a", ""} }), "/bin/mkdir  a ", []string{"", "", "a", ""}, false},

		{"script", success(func(r *record) {
			r.filename, r.interp = new("./run.sh"), new("/bin/sh")
			r.args = []string{"/bin/sh", "./run.sh", "a", "b"}
		}), "./run.sh a b", []string{"/bin/sh", "./run.sh", "a", "b"}, false},
		{"script, interpreter with an argument", success(func(r *record) {
			r.filename, r.interp = new("./run.py"), new("/usr/bin/env")
			r.args = []string{"/usr/bin/env", "python3 -u", "./run.py", "a"}
		}), "./run.py a", []string{"/usr/bin/env", "python3 -u", "./run.py", "a"}, false},
		{"script, and its name is an argument again", success(func(r *record) {
			r.filename, r.interp = new("./run.sh"), new("/bin/sh")
			r.args = []string{"/bin/sh", "./run.sh", "./run.sh", "x"}
		}), "./run.sh ./run.sh x", []string{"/bin/sh", "./run.sh", "./run.sh", "x"}, false},
		{"script whose interpreter is a script", success(func(r *record) {
			r.filename, r.interp = new("./outer"), new("/bin/sh")
			r.args = []string{"/bin/sh", "-e", "./inner", "-x", "./outer", "a"}
		}), "./outer a", []string{"/bin/sh", "-e", "./inner", "-x", "./outer", "a"}, false},
		{"script without arguments", success(func(r *record) {
			r.filename, r.interp = new("./run.sh"), new("/bin/sh")
			r.args = []string{"/bin/sh", "./run.sh"}
		}), "./run.sh", []string{"/bin/sh", "./run.sh"}, false},
		{"script whose name was cut off", success(func(r *record) {
			r.filename, r.interp, r.Flags = new("./run.sh"), new("/bin/sh"), flagArgsCut
			r.rawArgs, r.args = "/bin/sh\x00-x\x00./ru", nil
		}), "./run.sh -x ./ru ...", []string{"/bin/sh", "-x", "./ru"}, true},
		{"script named by a descriptor", success(func(r *record) {
			r.filename, r.interp = new("/dev/fd/3"), new("/bin/sh")
			r.args = []string{"/bin/sh", "/dev/fd/3", "a"}
		}), "/dev/fd/3 a", []string{"/bin/sh", "/dev/fd/3", "a"}, false},
		{"failure of a script has the caller's arguments", failure(func(r *record) {
			r.filename, r.args = new("./run.sh"), []string{"run", "./run.sh", "a"}
		}), "./run.sh ./run.sh a", []string{"run", "./run.sh", "a"}, false},

		{"cut", success(func(r *record) {
			r.args, r.rawArgs, r.Flags = nil, "mkdir\x00-p\x00./ma", flagArgsCut
		}), "/bin/mkdir -p ./ma ...", []string{"mkdir", "-p", "./ma"}, true},
		{"cut at an end", success(func(r *record) { r.Flags = flagArgsCut }), "/bin/mkdir -p ./main ...", []string{"mkdir", "-p", "./main"}, true},
		{"the argument vector cannot be read", failure(func(r *record) {
			r.args, r.Argc, r.Flags = nil, 0, flagArgsUnreadable|flagArgcMin
		}), "/bin/mkdir ...", []string{}, false},
		{"an argument cannot be read", failure(func(r *record) {
			r.args, r.ArgsUnreadable, r.Flags = []string{"mkdir", "", "./main"}, 1, flagArgsUnreadable
		}), "/bin/mkdir  ./main", []string{"mkdir", "", "./main"}, false},
		{"more than can be counted", failure(func(r *record) { r.Flags, r.Argc = flagArgcMin|flagArgsCut, 512 }),
			"/bin/mkdir -p ./main ...", []string{"mkdir", "-p", "./main"}, true},
		{"the filename cannot be read", failure(func(r *record) { r.filename = nil }), " -p ./main", []string{"mkdir", "-p", "./main"}, false},
	} {
		e := decode(t, new(config), "table", test.record)
		comment := qt.Commentf("%s", test.what)
		qt.Check(t, qt.Equals(string(e.appendLine(nil)), test.line), comment)
		qt.Check(t, qt.DeepEquals(texts(e.args), test.args), comment)
		qt.Check(t, qt.Equals(e.cut, test.cut), comment)
	}
}

// TestDecodeFilename: relative to a descriptor, it is named as the kernel
// names it when such an exec succeeds (fs/exec.c, alloc_bprm).
func TestDecodeFilename(t *testing.T) {
	for _, test := range []struct {
		name  string
		dirfd int32
		want  string
	}{
		{"/bin/x", unix.AT_FDCWD, "/bin/x"},
		{"x", unix.AT_FDCWD, "x"},
		{"", unix.AT_FDCWD, ""},
		{"x", 3, "/dev/fd/3/x"},
		{"../x", 0, "/dev/fd/0/../x"},
		{"", 3, "/dev/fd/3"},
		{"/bin/x", 3, "/bin/x"},
		{"x", -1, "/dev/fd/-1/x"},
		{strings.Repeat("y", 4000), 1<<31 - 1, "/dev/fd/2147483647/" + strings.Repeat("y", 4000)},
	} {
		e := decode(t, new(config), "table", failure(func(r *record) { r.filename, r.Dirfd = &test.name, test.dirfd }))
		qt.Check(t, qt.Equals(string(e.filename), test.want))
		qt.Check(t, qt.IsNotNil(e.filename))
		qt.Check(t, qt.Equals(string(e.line[0]), test.want))
	}
	e := decode(t, new(config), "table", failure(func(r *record) { r.filename, r.Dirfd = nil, 3 }))
	qt.Check(t, qt.IsNil(e.filename))
}

func TestDecodePaths(t *testing.T) {
	deep := slices.Repeat([]string{strings.Repeat("d", 255)}, 48)
	for _, test := range []struct {
		what     string
		record   *record
		exe, cwd any // nil if not known
	}{
		{"not asked for", success(nil), nil, nil},
		{"plain", success(func(r *record) {
			r.Flags, r.exe, r.cwd = flagPaths, []string{"mkdir", "bin", "usr"}, []string{"demo", "srv"}
		}),
			"/usr/bin/mkdir", "/srv/demo"},
		{"the root", success(func(r *record) { r.Flags, r.exe = flagPaths, []string{"init"} }), "/init", "/"},
		{"deep", success(func(r *record) { r.Flags, r.exe, r.cwd = flagPaths, []string{"x"}, deep }),
			"/x", "/" + strings.Join(deep, "/")},
		{"cut", success(func(r *record) {
			r.Flags, r.exe, r.cwd = flagPaths|flagExeCut|flagCwdCut, []string{"c", "b"}, []string{"e", "d"}
		}), ".../b/c", ".../d/e"},
		{"only one cut", success(func(r *record) { r.Flags, r.exe, r.cwd = flagPaths|flagCwdCut, []string{"c", "b"}, []string{"e"} }), "/b/c", ".../e"},
		{"cut to nothing", success(func(r *record) { r.Flags, r.exe = flagPaths|flagExeCut|flagCwdCut, nil }), "...", "..."},
		{"memfd", success(func(r *record) {
			r.Flags, r.exe, r.cwd = flagPaths|flagExeDetached|flagMemfd, []string{"memfd:evil"}, []string{"tmp"}
		}), "memfd:evil", "/tmp"},
		{"nowhere", success(func(r *record) {
			r.Flags, r.exe, r.cwd = flagPaths|flagCwdDetached, []string{"x"}, []string{"gone", "b"}
		}), "/x", "gone"},
		{"a failure has no image", failure(func(r *record) { r.Flags, r.cwd = flagPaths, []string{"demo", "srv"} }), nil, "/srv/demo"},
		{"a failure in the root", failure(func(r *record) { r.Flags = flagPaths }), nil, "/"},
		{"strange names", success(func(r *record) { r.Flags, r.exe, r.cwd = flagPaths, []string{"a b\n", "\xff"}, []string{"..."} }), "/\xff/a b\n", "/..."},
	} {
		e := decode(t, new(config), "json", test.record)
		for _, p := range []struct {
			got  []byte
			want any
			name string
		}{{e.exe, test.exe, "exe"}, {e.cwd, test.cwd, "cwd"}} {
			comment := qt.Commentf("%s of %s", p.name, test.what)
			if p.want == nil {
				qt.Check(t, qt.IsNil(p.got), comment)
				continue
			}
			qt.Check(t, qt.IsNotNil(p.got), comment)
			qt.Check(t, qt.Equals(string(p.got), p.want.(string)), comment)
		}
	}
}

// TestDecodeReuse: one event serves all records, and nothing of the one before
// stays in it.
func TestDecodeReuse(t *testing.T) {
	h, e := tooltest.Host(t), new(event)
	cfg := new(config)
	full := success(func(r *record) {
		r.interp, r.exe, r.cwd = new("/bin/sh"), []string{"sh", "bin"}, []string{"a", "b"}
		r.args = slices.Repeat([]string{"x"}, 100)
		r.Flags, r.Head.Uid = flagPaths|flagArgsCut, 0
	})
	bare := failure(func(r *record) {
		r.filename, r.args, r.Flags = nil, nil, 0
		r.Head.Uid = 1<<32 - 7 // nobody's
		r.Head.Comm, r.ParentComm = [16]int8{}, [16]int8{}
	})
	want := new(event)
	qt.Assert(t, qt.IsNil(decoder(cfg, "json")(h, bare.bytes(), want)))
	qt.Assert(t, qt.IsNil(decoder(cfg, "json")(h, full.bytes(), e)))
	qt.Assert(t, qt.IsNil(decoder(cfg, "json")(h, bare.bytes(), e)))
	qt.Check(t, qt.IsNil(e.filename))
	qt.Check(t, qt.IsNil(e.interp))
	qt.Check(t, qt.IsNil(e.exe))
	qt.Check(t, qt.IsNil(e.cwd))
	qt.Check(t, qt.HasLen(e.args, 0))
	qt.Check(t, qt.HasLen(e.user, 0))
	qt.Check(t, qt.HasLen(e.Comm, 0))
	qt.Check(t, qt.HasLen(e.parent, 0))
	qt.Check(t, qt.IsFalse(e.cut))
	qt.Check(t, qt.IsFalse(e.lineMore))
	qt.Check(t, qt.IsTrue(e.failed))
	qt.Check(t, qt.HasLen(e.path, 0), qt.Commentf("the scratch memory grows with every event"))
	qt.Check(t, qt.Equals(string(e.appendLine(nil)), string(want.appendLine(nil))))
}

// TestDecodeAllocates: a flood of events costs no garbage.
func TestDecodeAllocates(t *testing.T) {
	h, e := tooltest.Host(t), new(event)
	raw := failure(func(r *record) {
		r.exe, r.cwd, r.args = []string{"a", "b"}, []string{"c"}, slices.Repeat([]string{"x"}, 30)
		r.Flags, r.Dirfd, r.filename = flagPaths, 7, new("x")
	}).bytes()
	into := decoder(new(config), "json")
	qt.Assert(t, qt.Equals(testing.AllocsPerRun(100, func() {
		if err := into(h, raw, e); err != nil {
			t.Error(err)
		}
	}), 0))
}

// TestDecodeShort cuts a record everywhere. Too short for its fixed part it is
// an error; what is missing of the strings is missing.
func TestDecodeShort(t *testing.T) {
	h := tooltest.Host(t)
	raw := success(func(r *record) {
		r.interp, r.exe, r.cwd, r.Flags = new("/bin/sh"), []string{"sh"}, []string{"a"}, flagPaths
	}).bytes()
	for n := range raw {
		e := new(event)
		err := decoder(new(config), "json")(h, raw[:n:n], e)
		if n < stringsOffset {
			qt.Check(t, qt.ErrorMatches(err, `decode record: \d+ bytes, want at least \d+`), qt.Commentf("%d bytes", n))
			continue
		}
		qt.Check(t, qt.IsNil(err), qt.Commentf("%d bytes", n))
		qt.Check(t, qt.IsTrue(len(e.args) <= 3), qt.Commentf("%d bytes", n))
	}
	// The kernel pads records to eight bytes.
	e := new(event)
	qt.Assert(t, qt.IsNil(decoder(new(config), "json")(h, append(slices.Clone(raw), 1, 2, 3, 4), e)))
	qt.Check(t, qt.DeepEquals(texts(e.args), []string{"mkdir", "-p", "./main"}))
}

// TestDecodeUnaligned: a ring's records begin at multiples of eight, a perf
// buffer's at four.
func TestDecodeUnaligned(t *testing.T) {
	h := tooltest.Host(t)
	raw := success(nil).bytes()
	for shift := range 8 {
		b := append(make([]byte, shift), raw...)[shift:]
		e := new(event)
		qt.Assert(t, qt.IsNil(decoder(new(config), "table")(h, b, e)))
		qt.Check(t, qt.Equals(e.PID, 9662))
	}
}

func TestMaxArgs(t *testing.T) {
	args := func(n int) []string {
		out := []string{"argv0"}
		for i := range n {
			out = append(out, string(rune('a'+i%26)))
		}
		return out
	}
	for _, test := range []struct {
		max, given int // arguments after argv[0]
		words      int // in the ARGS column, the filename included
		more       bool
		listed     int // in JSON
		cut        bool
	}{
		{0, 19, 20, false, 20, false}, // the classic limit of 20 words
		{0, 20, 20, true, 21, false},
		{0, 100, 20, true, 101, false},
		{1, 0, 1, false, 1, false},
		{1, 1, 1, true, 1, true},
		{3, 2, 3, false, 3, false},
		{3, 3, 3, true, 3, true},
		{4096, 100, 101, false, 101, false},
	} {
		comment := qt.Commentf("%+v", test)
		r := success(func(r *record) { r.args = args(test.given) })
		for _, format := range []string{"table", "json"} {
			e := decode(t, &config{maxArgs: test.max}, format, r)
			qt.Check(t, qt.HasLen(e.line, test.words), comment)
			qt.Check(t, qt.Equals(e.lineMore, test.more), comment)
			qt.Check(t, qt.HasLen(e.args, test.listed), comment)
			qt.Check(t, qt.Equals(e.cut, test.cut), comment)
			qt.Check(t, qt.Equals(strings.HasSuffix(string(e.appendLine(nil)), " ..."), test.more), comment)
		}
	}
	// Interpreter and its argument are not among the words of a script.
	e := decode(t, &config{maxArgs: 3}, "table", success(func(r *record) {
		r.filename, r.interp, r.args = new("./s"), new("/bin/sh"), []string{"/bin/sh", "-e", "./s", "a", "b"}
	}))
	qt.Check(t, qt.Equals(string(e.appendLine(nil)), "./s a b"))
}

// TestDecodeUser: only formats that have a field for it look names up.
func TestDecodeUser(t *testing.T) {
	h := tooltest.Host(t)
	r := success(func(r *record) { r.Head.Uid = 0 })
	for format, want := range map[string]string{"json": h.Users.Name(0), "csv": h.Users.Name(0), "table": ""} {
		qt.Check(t, qt.Equals(string(decode(t, new(config), format, r).user), want), qt.Commentf("%s", format))
	}
}
