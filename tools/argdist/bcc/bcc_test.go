package bcc

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestSplit has the parts of specifiers of bcc's own help.
func TestSplit(t *testing.T) {
	for _, test := range []struct {
		text string
		want Specifier
	}{
		{"p:c:fork()#fork calls", Specifier{Kind: 'p', Library: "c", Function: "fork", Types: []string{"u64"}, Exprs: []string{"1"}, Label: "fork calls"}},
		{"r:c:read()", Specifier{Kind: 'r', Library: "c", Function: "read", Types: []string{"int"}, Exprs: []string{"$retval"}}},
		{"p::__kmalloc(size_t size, gfp_t flags):gfp_t, size_t:flags,size", Specifier{Kind: 'p', Function: "__kmalloc",
			Params: []Param{{"size_t", "size"}, {"gfp_t", "flags"}}, Types: []string{"gfp_t", "size_t"}, Exprs: []string{"flags", "size"}}},
		{"p:c:write(int fd, const void *buf):char*:buf:fd == 1", Specifier{Kind: 'p', Library: "c", Function: "write",
			Params: []Param{{"int", "fd"}, {"const void *", "buf"}}, Types: []string{"char*"}, Exprs: []string{"buf"}, Filter: "fd == 1"}},
		{"r::vfs_read(void):u32:\n   $PID:$latency > 100000", Specifier{Kind: 'r', Function: "vfs_read", Types: []string{"u32"}, Exprs: []string{"$PID"}, Filter: "$latency > 100000"}},
		{"t:irq:irq_handler_entry():int:args->irq", Specifier{Kind: 't', Library: "irq", Function: "irq_handler_entry", Types: []string{"int"}, Exprs: []string{"args->irq"}}},
	} {
		test.want.Text = test.text
		got, err := Split(test.text)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", test.text))
		qt.Check(t, qt.DeepEquals(*got, test.want))
		qt.Check(t, qt.Equals(got.Default(), strings.Count(test.text, ":") == 2), qt.Commentf("%s", test.text))
	}
	for text, want := range map[string]string{
		"":                       "1 parts between colons.*",
		"p:c":                    "2 parts between colons.*",
		"p:c:f():int:a:b:c":      "7 parts between colons.*",
		"u:c:f()":                "static probes .*",
		"x:c:f()":                `unknown kind of probe "x".*`,
		"p:c:f":                  `want function\(signature\) and not "f"`,
		"p:c:f(":                 `want function\(signature\).*`,
		"p:c:()":                 `want function\(signature\).*`,
		"p:c:f;g()":              `want function\(signature\).*`,
		"p:c:f(int)":             `parameter "int": want a type and a name`,
		"p:c:f(int a,)":          `parameter "": .*`,
		"p:c:f(int a[2])":        `parameter "int a\[2\]": .*`,
		"p:c:f(int a):int,int:a": "2 types and 1 expressions.*",
		"p:c:f(int a):int:a,a":   "1 types and 2 expressions.*",
		"p:c:f(int a)::a":        "an empty type or expression.*",
		"p:c:f(int a):int,:a,":   "an empty type or expression.*",
		"t:a:c d():int:args->ab": `want function\(signature\).*`,
		"t:a}b:c():int:args->ab": `"a}b" is no category.*`,
	} {
		_, err := Split(text)
		qt.Check(t, qt.ErrorMatches(err, want), qt.Commentf("%s", text))
	}
}

func program(t *testing.T, text string, o Options) string {
	t.Helper()
	s, err := Split(text)
	qt.Assert(t, qt.IsNil(err))
	return s.C(o)
}

// before checks that parts come in that order.
func before(t *testing.T, code string, parts ...string) {
	t.Helper()
	rest := code
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Errorf("no %q, or not in its place, in\n%s", p, code)
			return
		}
		rest = after
	}
}

// TestProgram has what the compiler is given.
func TestProgram(t *testing.T) {
	code := program(t, "p:c:write(int fd, const void *buf):int,char*:fd,buf:fd == 1", Options{TextSize: 81, Keys: 16, Headers: []string{"linux/fs.h", "./my.h", "/a/b.h"}})
	before(t, code, "#include <linux/fs.h>\n#include \"./my.h\"\n#include \"/a/b.h\"\n", "u64 v0;\n\tchar v1[88];", "BPF_HASH(argdist_table, struct argdist_key_t, u64, 16);",
		"int argdist_probe(struct pt_regs *ctx, int fd, const void * buf) {", "argdist_n->seen++", "if (!(fd == 1))", "argdist_n->filtered++",
		"argdist_key.v0 = (s64)(int)(fd);", "bpf_probe_read_user_str(argdist_key.v1, 81, (void *)(buf)) < 0", "argdist_n->fault++", "lookup_or_try_init", "argdist_n->full++", "argdist_n->counted++")
	qt.Check(t, qt.IsFalse(strings.Contains(code, "argdist_entry(")))

	code = program(t, "r::f(size_t size, char __user *name):u64,ssize_t:$latency/$entry( size ),$retval:$entry(size)>1", Options{TextSize: 80})
	before(t, code, "u64 started;\n\tsize_t saved_size;", "int argdist_entry(struct pt_regs *ctx, size_t size, char __user * name) {", "argdist_e.saved_size = size;",
		"argdist_e.started = bpf_ktime_get_ns();", "int argdist_probe(struct pt_regs *ctx) {", "argdist_n->no_entry++", "size_t argdist_saved_size = argdist_e->saved_size;",
		"if (!(argdist_saved_size>1))", "(s64)(u64)(argdist_latency/argdist_saved_size)", "(s64)(ssize_t)(PT_REGS_RC(ctx))")
	qt.Check(t, qt.Equals(strings.Count(code, "size_t saved_size;"), 1))
	qt.Check(t, qt.Equals(strings.Count(code, "argdist_n->seen++"), 1)) // not at the entry

	before(t, program(t, "t:syscalls:sys_enter_openat():char*:args->filename", Options{TextSize: 80}),
		"TRACEPOINT_PROBE(syscalls, sys_enter_openat) {", "bpf_probe_read_user_str(")
	before(t, program(t, "t:sched:sched_process_exec():char*:args->comm", Options{TextSize: 80}), "bpf_probe_read_kernel_str(")
	before(t, program(t, "p::f(char *a, char __user *b):char*,char*:a,b", Options{TextSize: 80}), "bpf_probe_read_kernel_str(argdist_key.v0", "bpf_probe_read_user_str(argdist_key.v1")
	before(t, program(t, "p::f():char*,u32:$COMM,$PID+$TID+$UID", Options{TextSize: 80}), "char v0[80];", "__builtin_memcpy(argdist_key.v0, argdist_comm, 16)",
		"(argdist_pid+argdist_tid+((u32)bpf_get_current_uid_gid()))")
	before(t, program(t, "p::f():char*:$COMM", Options{TextSize: 8}), "argdist_comm, 8)")

	code = program(t, "p::f(long a):int,long:1,a", Options{Histogram: true})
	before(t, code, "u64 v0;\n\tu64 slot;\n}", "long argdist_value = (long)(a);", "(long)-1 < 0 && argdist_value < 0", "argdist_key.slot = -(s64)bpf_log2l(-(s64)argdist_value);", "argdist_key.slot = bpf_log2l(argdist_value);")
}

// TestCompare reads text from where it is.
func TestCompare(t *testing.T) {
	code := program(t, `p:c:open(char *file):int:1:STRCMP("a\"b",file) && !STRCMP( "dd" , $COMM)`, Options{})
	before(t, code, `char want[] = "a\"b";`, "bpf_probe_read_user_str(is", `char want[] = "dd";`, "bpf_probe_read_kernel_str(is",
		"if (!(argdist_begins_0((u64)file) && !argdist_begins_1((u64)argdist_comm)))")
	before(t, program(t, `p::f(const char __user *name):int:1:STRCMP("x", name)`, Options{}), "bpf_probe_read_user_str(is")
	before(t, program(t, `p::f(const char *name):int:1:STRCMP("x", name)`, Options{}), "bpf_probe_read_kernel_str(is")
}

// TestSieve leaves out what is not wanted before all else.
func TestSieve(t *testing.T) {
	before(t, program(t, "p::f(int n):int:n:n>0", Options{Self: 7, PIDs: []uint32{8, 9}, TID: 10, ByUID: true, UID: 4294967294, Comm: "ab"}),
		"if (argdist_pid == 7)\n\t\treturn 0;", "argdist_n->seen++", "if (!(argdist_pid == 8 || argdist_pid == 9))", "if (!(argdist_tid == 10))",
		"if (!((u32)bpf_get_current_uid_gid() == 4294967294u))", "if (!(argdist_comm[0] == (char)97 && argdist_comm[1] == (char)98 && argdist_comm[2] == (char)0))", "if (!(n>0))")
	before(t, program(t, "p::f()", Options{ByUID: true}), "bpf_get_current_uid_gid() == 0u")
	qt.Check(t, qt.IsFalse(strings.Contains(program(t, "p::f()", Options{}), "bpf_get_current_uid_gid")))
}

func TestNames(t *testing.T) {
	qt.Check(t, qt.Equals(Shown("$latency/$entry( size )"), "$latency/size"))
	qt.Check(t, qt.Equals(Room(80), 80))
	qt.Check(t, qt.Equals(Room(81), 88))
	s, err := Split("t:a:b()")
	qt.Assert(t, qt.IsNil(err))
	program, tracepoint := s.Tracepoint()
	qt.Check(t, qt.Equals(program+" "+tracepoint, "tracepoint__a__b a:b"))
	qt.Check(t, qt.IsTrue(IsText("char *") && IsText("const char*") && !IsText("char") && !IsText("char **")))
	named := func(name string) (bool, bool) { return name == "ssize_t", strings.HasSuffix(name, "size_t") }
	for typ, want := range map[string]bool{"int": true, "unsigned  int": false, "long unsigned": false, "ssize_t": true, "size_t": false, "void *": false, "struct x *": false} {
		qt.Check(t, qt.Equals(Signed(typ, named), want), qt.Commentf("%s", typ))
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("r:c:open(char *file):u64,char*:$latency/1000,$COMM:STRCMP(\"test.txt\",$entry(file))#label")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Split(text); err == nil {
			s.C(Options{TextSize: 80, Histogram: true})
			s.C(Options{TextSize: 80})
		}
	})
}
