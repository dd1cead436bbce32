package probe

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
	"github.com/ringside-tools/ringside/tools/argdist/usdt"
)

const format = `name: sched_process_exec
ID: 321
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:__data_loc char[] filename;	offset:8;	size:4;	signed:0;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:char comm[16];	offset:16;	size:16;	signed:0;
	field:const char * path;	offset:32;	size:8;	signed:0;
	field:unsigned long args[6];	offset:40;	size:48;	signed:0;
	field:some_t odd;	offset:88;	size:2;	signed:1;
	field:struct unknown * p;	offset:96;	size:8;	signed:0;
	field:__rel_loc char[] rel;	offset:104;	size:4;	signed:0;
	field:u8 addr[sizeof(struct x)];	offset:108;	size:28;	signed:0;
	field:bool flag;	offset:136;	size:1;	signed:0;
	field:blob_t blob;	offset:144;	size:24;	signed:0;

print fmt: "filename=%s", __get_str(filename)
`

func TestFormat(t *testing.T) {
	r, err := ParseFormat(format, libc.Table{}, true)
	qt.Assert(t, qt.IsNil(err))
	var got []string
	for _, m := range r.Fields.Members() {
		got = append(got, ctype.Declare(m.Type, m.Name))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		"unsigned short common_type", "int common_pid", "char filename[0]", "pid_t pid", "char comm[16]", "char __user *path", "unsigned long args[6]",
		"short odd", "struct unknown __user *p", "char rel[0]", "u8 addr[28]", "bool flag", "unsigned char blob[24]",
	}))
	qt.Check(t, qt.DeepEquals(r.Data, map[string]tree.DataAddress{
		"filename": {Offset: 8, T: ctype.ULong}, "rel": {Offset: 104, Relative: true, T: ctype.ULong},
	}))
	pid, _ := r.Fields.Member("pid")
	qt.Check(t, qt.Equals(pid.Offset, 96))
	for _, bad := range []string{"field:int a;", "field:int a; offset:x; size:4; signed:0;", "field:int a; offset:-8; size:4; signed:0;", "field:int a; offset:8; size:99999999; signed:0;"} {
		_, err := ParseFormat(bad, libc.Table{}, false)
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s", bad))
	}
}

func FuzzFormat(f *testing.F) {
	f.Add(format)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseFormat(text, libc.Table{}, false)
		if err == nil {
			r.Fields.MemberNames()
		}
	})
}

func TestMatcher(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"tcp_*", "tcp_sendmsg", true}, {"tcp_*", "tcp_", true}, {"tcp_*", "udp_sendmsg", false}, {"*msg", "tcp_sendmsg", true}, {"*send*", "tcp_sendmsg", true},
		{"tcp_?endmsg", "tcp_sendmsg", true}, {"?", "", false}, {"*", "", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXc", false}, {"x", "x", true}, {"x", "xy", false},
	} {
		qt.Check(t, qt.Equals(Matcher(test.pattern)(test.name), test.want), qt.Commentf("%s %s", test.pattern, test.name))
	}
	qt.Check(t, qt.IsFalse(Matcher(strings.Repeat("*a", 8)+"b")(strings.Repeat("a", 40))))
}

// TestRegisters compares with struct pt_regs of the two processors.
func TestRegisters(t *testing.T) {
	x := machines["amd64"]
	for name, offset := range map[string]int{"di": 112, "rdi": 112, "si": 104, "dx": 96, "ax": 80, "sp": 152, "ip": 128, "r8": 72, "orig_ax": 120} {
		m, ok := x.registers.Member(name)
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(m.Offset/8, offset), qt.Commentf("%s", name))
		if r, ok := usdt.AMD64.Register(name); ok {
			qt.Check(t, qt.Equals(r.Offset, offset), qt.Commentf("%s", name))
		}
	}
	qt.Check(t, qt.DeepEquals(x.args, []int{112, 104, 96, 88, 72, 64}))
	a := machines["arm64"]
	sp, _ := a.registers.Member("sp")
	qt.Check(t, qt.Equals(sp.Offset/8, 248))
	qt.Check(t, qt.Equals(len(a.args), 8))
	qt.Check(t, qt.Equals(a.names["PT_REGS_PARM2"], "regs[1]"))
}

// TestStaticArguments reads arguments as the package that parsed them would.
func TestStaticArguments(t *testing.T) {
	rax, _ := usdt.AMD64.Register("rax")
	eax, _ := usdt.AMD64.Register("eax")
	ah, _ := usdt.AMD64.Register("ah")
	for _, test := range []struct {
		arg  usdt.Arg
		want []string
	}{
		{usdt.Arg{Size: 4, Signed: true, Kind: usdt.Const, Value: -1}, []string{"-1: int"}},
		{usdt.Arg{Size: 8, Kind: usdt.Reg, Base: &rax}, []string{"convert: unsigned long", "  8 bytes at 80 of the context: unsigned long"}},
		{usdt.Arg{Size: 4, Signed: true, Kind: usdt.Reg, Base: &eax}, []string{"convert: int", "  convert: unsigned long", "    bits 0 to 31 of: unsigned int", "      8 bytes at 80 of the context: unsigned long"}},
		{usdt.Arg{Size: 1, Kind: usdt.Reg, Base: &ah}, []string{"convert: unsigned char", "  convert: unsigned long", "    bits 8 to 15 of: unsigned char", "      8 bytes at 80 of the context: unsigned long"}},
		{usdt.Arg{Size: 4, Kind: usdt.Memory, Base: &rax, Displacement: 16}, []string{"read 4 bytes of user memory at: unsigned int", "  +: unsigned long",
			"    8 bytes at 80 of the context: unsigned long", "    16: unsigned long"}},
	} {
		qt.Check(t, qt.DeepEquals(tree.Lines(staticArg(&test.arg)), test.want))
	}
}
