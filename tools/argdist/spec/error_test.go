package spec

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestErrors has, for every mistake, where the carets are and what is said. The
// specifier is cut at the marks.
func TestErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`«x»::f()`, `"x" is no kind of probe`},
		{`«»`, `"" is no kind of probe`},
		{`p::«»`, `want the name of a function`},
		{`p:vfs_read«(»)`, `want a colon behind the library`},
		{`p::f(int a«»`, `want , or \), not the end`},
		{`p::f(int a,«)»`, `want a parameter, not \)`},
		{`p::f(int «(»*cb)(void))`, `pointers to functions and arrays .*`},
		{`p::f(int a«[»4])`, `pointers to functions and arrays .*`},
		{`p::f() «x»`, `want an operator, a colon or the end, not x`},
		{`p::f():int:a «b»`, `want an operator, a colon or the end, not b`},
		{`p::f():int:a+«»`, `want an expression, not the end`},
		{`p::f():int:(a«»`, `want \), not the end`},
		{`p::f():int:a[1«»`, `want \], not the end`},
		{`p::f():int:a->«1»`, `want the name of a member, not 1`},
		{`p::f():int:«"»a`, `a quote that is never closed`},
		{`p::f():int:"«\q»"`, `unknown escape`},
		{`p::f():int:'«\x»yz'`, `unknown escape`},
		{`p::f():int:«'ab'»`, `want one character .*`},
		{`p::f():int:«08»`, `08 is no number of 64 bits`},
		{`p::f():int:«0x1ffffffffffffffff»`, `.* is no number of 64 bits`},
		{`p::f():int:«12zz»`, `12zz is no number of 64 bits`},
		{`p::f():int:«1uu»`, `unknown suffix "uu" of a number`},
		{`p::f():int:a «=» 1`, `nothing can be assigned by a probe`},
		{`p::f():int:a «+=» 1`, `nothing can be assigned by a probe`},
		{`p::f():int:a«++»`, `nothing can be changed by a probe`},
		{`p::f():int:«--»a`, `nothing can be changed by a probe`},
		{`r:c:malloc(size_t size):u64:$latency/$entry(size)«;»ns per byte`, `a label begins with #`},
		{`p:c:fork():int:$PID«;»fork per process`, `a label begins with #`},
		{`p::f():int:«$»`, `a \$ without a name`},
		{`p::f():int:$entry«»`, `want \( and the name of a parameter.*`},
		{`r::f():int:$entry(a«-»>b)`, ``},
		{`p::f():«int,int:a»`, `2 types for 1 expressions`},
		{`p::f():«int:a,b»`, `1 types for 2 expressions`},
		{`p::f():int:«@»`, `a character that has no meaning here`},
		{`p::f():int:a:b«:»c`, `want an operator, a colon or the end, not :`},
		{`p::a« »b():int:1`, `a space within the name of a function`},
		{`t:a:«(»):int:1`, `want the name of a tracepoint`},
		{`p::f():int:a?b«»`, `want : and the other value of \?:, not the end`},
	} {
		text := strings.NewReplacer("«", "", "»", "").Replace(test.text)
		_, err := Parse(text, known)
		var e *Error
		qt.Assert(t, qt.IsTrue(errors.As(err, &e)), qt.Commentf("%s: %v", test.text, err))
		if test.want == "" {
			continue
		}
		qt.Check(t, qt.ErrorMatches(err, test.want+".*"), qt.Commentf("%s", test.text))
		pos := strings.Index(test.text, "«")
		end := strings.Index(test.text, "»") - len("«")
		got := Range{min(e.Pos, len(text)), min(e.End, len(text))}
		qt.Check(t, qt.Equals(got, Range{pos, end}), qt.Commentf("%s", test.text))
	}
}

func TestExcerpt(t *testing.T) {
	_, err := Parse("p::f(int a,\n\tint b):int:a«", known)
	var e *Error
	qt.Assert(t, qt.IsTrue(errors.As(err, &e)))
	qt.Check(t, qt.Equals(e.Excerpt(), "  \\tint b):int:a«\n"+strings.Repeat(" ", 2+14)+"^\n"))

	e = &Error{Text: "a\x1b[2Jb", Range: Range{5, 6}}
	qt.Check(t, qt.Equals(e.Excerpt(), "  a\\x1b[2Jb\n          ^\n"))
	e = &Error{Text: "ab", Range: Range{7, 9}} // nothing there
	qt.Check(t, qt.Equals(e.Excerpt(), "  ab\n    ^\n"))
}

func TestLimits(t *testing.T) {
	for _, text := range []string{
		"p::f():int:" + strings.Repeat("(", 1e4),
		"p::f():int:" + strings.Repeat("-", 1e4) + "1",
		"p::f():int:1" + strings.Repeat("+1", 1e4),
		"p::f():int:a" + strings.Repeat("->b", 1e4),
		"p::f():int:a" + strings.Repeat("?a", 1e4),
		"p::f():int:" + strings.Repeat("1", 1e5),
	} {
		_, err := Parse(text, known)
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%.20s", text))
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`p:c:write(int fd, void *buf, size_t len):size_t:len:fd==1#l`, `t:a:b():u16:args->c[1].d`,
		`r::f(const char __user *a):u64,char*:$latency/$entry(a),a?b:(char*)c:STRCMP("x\n",'a')`, `p::f(a,b)::sizeof(int)*-1`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text, known)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			if strings.Count(e.Excerpt(), "\n") != 2 || strings.ContainsRune(e.Excerpt(), 0x1b) {
				t.Fatalf("excerpt %q", e.Excerpt())
			}
			return
		}
		for _, x := range append(s.Exprs, s.Filter) {
			if x == nil {
				continue
			}
			// What is written with all parentheses is read as the same.
			again, err := Parse("p::f()::"+s.Source(x.Span()), known)
			if err != nil || len(again.Exprs) != 1 {
				t.Fatalf("%q of %q: %v", s.Source(x.Span()), text, err)
			}
			if dump(again.Exprs[0]) != dump(x) {
				t.Fatalf("%q: %s, then %s", text, dump(x), dump(again.Exprs[0]))
			}
		}
	})
}
