package check

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// kernelTypes are a few of a kernel's.
type kernelTypes struct{ libc.Table }

func (kernelTypes) Tagged(tag, name string) (ctype.Type, bool) {
	shortname := &ctype.Struct{Union: true, Bytes: 40}
	shortname.Load = func() []ctype.Member {
		return []ctype.Member{{Name: "string", Type: &ctype.Array{Elem: ctype.UChar, Len: 40}}, {Name: "words", Type: &ctype.Array{Elem: ctype.ULong, Len: 5}}}
	}
	dentry := ctype.NewStruct("dentry", 64, ctype.Member{Name: "d_flags", Type: ctype.UInt}, ctype.Member{Name: "d_shortname", Type: shortname, Offset: 128})
	path := ctype.NewStruct("path", 16, ctype.Member{Name: "dentry", Type: &ctype.Pointer{Target: dentry}, Offset: 64})
	anonymous := &ctype.Struct{Union: true, Bytes: 4}
	anonymous.Load = func() []ctype.Member {
		return []ctype.Member{{Name: "f_flags", Type: ctype.UInt}, {Name: "f_raw", Type: &ctype.Array{Elem: ctype.Char, Len: 4}}}
	}
	switch tag + " " + name {
	case "struct file":
		return ctype.NewStruct("file", 48, ctype.Member{Name: "f_path", Type: path, Offset: 64}, ctype.Member{Type: anonymous, Offset: 192},
			ctype.Member{Name: "f_bit", Type: ctype.UInt, Offset: 227, Bits: 3}, ctype.Member{Name: "f_name", Type: &ctype.Pointer{Target: ctype.Char, Space: ctype.User}, Offset: 256}), true
	case "struct hidden":
		return &ctype.Struct{Name: "hidden", Incomplete: true}, true
	case "enum color":
		return &ctype.Enum{Name: "color", Bytes: 4, Values: []ctype.EnumValue{{Name: "RED", Value: 1}}}, true
	}
	return nil, false
}

func (kernelTypes) Constant(name string) (int64, ctype.Type, bool) {
	if name == "RED" {
		return 1, ctype.UInt, true
	}
	return libc.Table{}.Constant(name)
}

func scope() *Scope {
	file, _ := kernelTypes{}.Tagged("struct", "file")
	size, _ := libc.Named("size_t")
	return &Scope{
		Types: kernelTypes{}, Space: ctype.Kernel, MaxArgs: 6, TextSize: 80, ConstantNames: libc.ConstantNames,
		Func: &ctype.Func{Name: "f", Result: ctype.Long, Params: []ctype.Param{
			{Name: "file", Type: &ctype.Pointer{Target: file}}, {Name: "buf", Type: &ctype.Pointer{Target: ctype.Char, Space: ctype.User}}, {Name: "count", Type: size}}},
		Registers:     ctype.NewStruct("pt_regs", 16, ctype.Member{Name: "di", Type: ctype.ULong}, ctype.Member{Name: "dx", Type: ctype.ULong, Offset: 64}),
		RegisterNames: map[string]string{"PT_REGS_PARM1": "di"},
	}
}

func check(text string, s *Scope) (*Checked, error) {
	parsed, err := spec.Parse(text, IsType(s.Types))
	if err != nil {
		return nil, err
	}
	return Check(parsed, s)
}

func lines(t *testing.T, text string) string {
	t.Helper()
	c, err := check(text, scope())
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
	return strings.Join(tree.Lines(c.Exprs[len(c.Exprs)-1].Node), "\n")
}

// TestTrees has what becomes of expressions, word for word.
func TestTrees(t *testing.T) {
	for text, want := range map[string]string{
		`p::f()::count`: `argument 3: size_t`,
		`p::f():int:count`: `
convert: int
  argument 3: size_t`,
		`p::f(a, b, int c)::c`: `argument 3: int`,
		`p::f()::file->f_path.dentry->d_flags`: `
read 4 bytes of kernel memory at: unsigned int
  read 8 bytes of kernel memory at: struct dentry *
    +: unsigned long
      argument 1: struct file *
      16: unsigned long`,
		`p::f()::file->f_flags`: `
read 4 bytes of kernel memory at: unsigned int
  +: unsigned long
    argument 1: struct file *
    24: unsigned long`,
		`p::f()::file->f_bit`: `
convert: int
  bits 3 to 5 of: unsigned int
    read 1 bytes of kernel memory at: unsigned char
      +: unsigned long
        argument 1: struct file *
        28: unsigned long`,
		`p::f():char*:buf`: `
up to 79 bytes of user memory up to a zero at: text
  argument 2: char __user *`,
		`p::f()::buf[2]`: `
read 1 bytes of user memory at: char
  +: unsigned long
    argument 2: char __user *
    2: unsigned long`,
		`p::f():char*:file->f_name`: `
up to 79 bytes of user memory up to a zero at: text
  read 8 bytes of kernel memory at: char __user *
    +: unsigned long
      argument 1: struct file *
      32: unsigned long`,
		`p::f():char*:file->f_raw`: `
up to 4 bytes of kernel memory up to a zero at: text
  +: unsigned long
    argument 1: struct file *
    24: unsigned long`,
		`p::f():char*:file->f_path.dentry->d_iname`: `
up to 40 bytes of kernel memory up to a zero at: text
  +: unsigned long
    read 8 bytes of kernel memory at: struct dentry *
      +: unsigned long
        argument 1: struct file *
        16: unsigned long
    16: unsigned long`,
		`p::f()::ctx->dx`:             `8 bytes at 8 of the context: unsigned long`,
		`p::f()::PT_REGS_PARM1(ctx)`:  `8 bytes at 0 of the context: unsigned long`,
		`p::f():char*:$COMM`:          `name of the task: text`,
		`p::f()::O_CREAT|1`:           `65: int`,
		`p::f()::RED+1`:               `2: unsigned int`,
		`p::f()::-1<1u`:               `0: int`,
		`p::f()::(u8)300+1`:           `45: int`,
		`p::f()::sizeof(struct file)`: `48: unsigned long`,
		`p::f()::ntohs(0x1234)`:       `13330: unsigned short`,
		`r::f()::$retval`:             `$retval: long`,
		`r::f()::$entry(count)`:       `argument 3 at entry: size_t`,
		`r::f()::count`:               `argument 3 at entry: size_t`,
		`r::f():u64:$latency`:         `$latency: u64`,
		`r::f()`:                      `$retval: int`,
		`p::f()::((struct file *)count)->f_flags`: `
read 4 bytes of kernel memory at: unsigned int
  +: unsigned long
    argument 3: struct file *
    24: unsigned long`,
		`p::f()::$COMM=="dd"`: `
is "dd": int
  name of the task: text`,
		`p::f()::&file->f_path`: `
convert: struct path *
  +: unsigned long
    argument 1: struct file *
    8: unsigned long`,
	} {
		qt.Check(t, qt.Equals(lines(t, text), strings.TrimPrefix(want, "\n")), qt.Commentf("%s", text))
	}
}

// TestRefused has what is not understood, where, and what would be right. The text
// is cut at the marks.
func TestRefused(t *testing.T) {
	for _, test := range []struct{ text, msg, fix string }{
		{`p::f():int:«cout»`, `unknown name cout`, `did you mean count\?`},
		{`p::f():int:file->«f_flag»`, `no member "f_flag" in struct file`, `did you mean f_flags\?`},
		{`p::f():int:«file».f_flags`, `struct file \* has no members`, `it is a pointer: write ->f_flags`},
		{`p::f():int:«count»->x`, `size_t is no pointer`, `cast it to a pointer first: \*\(int \*\)x`},
		{`p::f():int:«*file»`, `struct file as a whole has no value.*`, `.*\.f_path`},
		{`p::f(struct hidden *h):int:«h»->x`, `what struct hidden consists of is not known`, `.*`},
		{`p::f():«u31»:count`, ``, ``},
		{`p::f():int:count/«0»`, `division by zero`, ``},
		{`p::f():int:count<<«64»`, `.* cannot be shifted by that`, ``},
		{`p::f():int:file«*»2`, `there is no \* of pointers`, `cast them .*`},
		{`p::f():int:«$retval»`, `there is \$retval only at the return .*`, `.*r instead of p`},
		{`p::f():int:«$pid»`, `unknown variable \$pid`, `write \$PID`},
		{`p::f():«u32»:$COMM`, `\$COMM is text, which does not fit into u32`, `write char\* for its type`},
		{`p::f():int:«"x"»`, `a string literal is always the same`, ``},
		{`p::f():int:«$COMM»+1`, `the name of a task is text.*`, `.*`},
		{`p::f():int:count=="x"`, ``, ``},
		{`p::f():int:STRCMP(«count»,"x")`, `want a string in double quotes`, `.*`},
		{`p::f():int:STRCMP("0123456789abcdef"«»,$COMM)`, ``, ``},
		{`p::f():int:«strlen»(buf)`, `unknown function strlen`, `there are STRCMP.*`},
		{`p::f():int:«args»->x`, `only tracepoints have args`, ``},
		{`p::f(int a, int b, int c, int d, int e, int g, «int h»):int:h`, `no more than 6 arguments .*`, ``},
		{`p::f():int:&«file->f_bit»`, ``, ``},
		{`p::f():int:«&count»`, `only of something in memory there is an address`, ``},
		{`p::f():int:file->f_raw[«9»]`, `char\[4\] has elements 0 to 3`, ``},
		{`p::f():struct file:«file»`, `struct file cannot be made of .*`, ``},
		{`p::f():double:«count»`, `double cannot be made of size_t`, `the kernel does not compute .*`},
		{`p::f(«x y»)::1`, ``, ``},
		{`p::f(a,b,c,«d»)::1`, `the type of d is not known`, `write its type before it.*`},
		{`p::f():int:sizeof(«struct nothing»)`, `unknown type struct nothing`, ``},
		{`p::f():int:(«enum colour»)1`, `unknown type enum colour`, ``},
	} {
		text := strings.NewReplacer("«", "", "»", "").Replace(test.text)
		_, err := check(text, scope())
		var e *spec.Error
		qt.Assert(t, qt.IsTrue(errors.As(err, &e)), qt.Commentf("%s: %v", test.text, err))
		if test.msg == "" {
			continue
		}
		qt.Check(t, qt.ErrorMatches(err, test.msg), qt.Commentf("%s", test.text))
		qt.Check(t, qt.Matches(e.Fix, test.fix), qt.Commentf("%s", test.text))
		pos := strings.Index(test.text, "«")
		if test.text[:pos] != text[:pos] {
			continue
		}
		qt.Check(t, qt.Equals(e.Range, spec.Range{Pos: pos, End: strings.Index(test.text, "»") - len("«")}), qt.Commentf("%s", test.text))
	}
}

func TestSaved(t *testing.T) {
	c, err := check(`r::f()::$entry(count)+count:$entry(file)!=0&&$latency>1`, scope())
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(c.Saved, []int{0, 2}))
	qt.Check(t, qt.IsTrue(c.Latency))
	c, err = check(`p::f(struct file *file)::file->f_path.dentry->d_iname[0]`, scope())
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(c.Warnings), 1))
	qt.Check(t, qt.ErrorMatches(c.Warnings[0], "in this kernel, d_iname of struct dentry is d_shortname.string"))
	c, err = check("p::f():int:count  +\n  1", scope())
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(c.Exprs[0].Text, "count + 1"))
}

// A tracepoint's record, and its data of variable length.
func TestFields(t *testing.T) {
	s := scope()
	s.Func, s.Registers, s.MaxArgs = nil, nil, 0
	s.Fields = ctype.NewStruct("record", 64, ctype.Member{Name: "common_pid", Type: ctype.IntType, Offset: 32},
		ctype.Member{Name: "nr", Type: ctype.IntType, Offset: 64}, ctype.Member{Name: "comm", Type: &ctype.Array{Elem: ctype.Char, Len: 16}, Offset: 128},
		ctype.Member{Name: "name", Type: &ctype.Array{Elem: ctype.Char}, Offset: 96})
	s.Data = map[string]tree.DataAddress{"name": {Offset: 12, T: ctype.ULong}}
	for text, want := range map[string]string{
		`t:a:b()::args->nr`:        `4 bytes at 8 of the context: int`,
		`t:a:b():char*:args->comm`: "up to 16 bytes of kernel memory up to a zero at: text\n  address of the context + 16: unsigned long",
		`t:a:b()::args->comm[1]`:   `1 bytes at 17 of the context: char`,
		`t:a:b():char*:args->name`: "up to 79 bytes of kernel memory up to a zero at: text\n  address of the data that the context has at 12: unsigned long",
	} {
		c, err := check(text, s)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
		qt.Check(t, qt.Equals(strings.Join(tree.Lines(c.Exprs[0].Node), "\n"), want), qt.Commentf("%s", text))
		qt.Check(t, qt.IsTrue(c.Context))
	}
	_, err := check(`t:a:b():int:nr`, s)
	var e *spec.Error
	qt.Assert(t, qt.IsTrue(errors.As(err, &e)))
	qt.Check(t, qt.Equals(e.Fix, "write args->nr"))
	_, err = check(`t:a:b():int:args->common_pid`, s)
	qt.Check(t, qt.ErrorMatches(err, "common_pid lies where the kernel lets no program look"))
}

func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		`r::f():u64,char*:$latency/$entry(count),$COMM:file->f_bit==buf[count&3]`, `p::f()::&file->f_path.dentry->d_iname[1]-(char*)0`,
		`p::f():char*:*(char**)(file+1)`, `p::f()::!file?-count:~(s8)count<<3`, `p::f()::PT_REGS_PARM1(ctx)[(int*)buf]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := check(text, scope())
		if err != nil {
			var e *spec.Error
			if !errors.As(err, &e) {
				t.Fatalf("not an error with a place: %v", err)
			}
			return
		}
		for _, e := range c.Exprs {
			tree.Lines(e.Node)
		}
	})
}
