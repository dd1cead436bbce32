package ctype

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSpelling(t *testing.T) {
	sock := &Struct{Name: "sock", Incomplete: true}
	for want, typ := range map[string]Type{
		"struct sock *":             &Pointer{Target: sock},
		"struct sock **":            &Pointer{Target: &Pointer{Target: sock}},
		"char __user *":             &Pointer{Target: Char, Space: User},
		"char[16]":                  &Array{Char, 16},
		"int[2][3]":                 &Array{&Array{IntType, 3}, 2},
		"union {...}":               &Struct{Union: true},
		"enum pid_type":             &Enum{Name: "pid_type"},
		"int (*)(void)":             &Pointer{Target: &Func{Result: IntType}},
		"u64":                       &Typedef{"u64", ULLong},
		"void *f(int a, char b[2])": &Func{Name: "f", Result: &Pointer{Target: VoidType}, Params: []Param{{"a", IntType}, {"b", &Array{Char, 2}}}},
		"int printf(char *fmt, ...)": &Func{Name: "printf", Result: IntType, Variadic: true,
			Params: []Param{{"fmt", &Pointer{Target: Char}}}},
		"void g(int (*cb)(void *))": &Func{Name: "g", Result: VoidType, Params: []Param{{"cb",
			&Pointer{Target: &Func{Result: IntType, Params: []Param{{"", &Pointer{Target: VoidType}}}}}}}},
	} {
		qt.Check(t, qt.Equals(typ.String(), want))
	}
}

func TestMembers(t *testing.T) {
	inner := &Struct{Union: true, Bytes: 8, members: []Member{{"a", IntType, 0, 0}, {"b", Long, 0, 0}}}
	loads := 0
	s := &Struct{Name: "s", Bytes: 24, Load: func() []Member {
		loads++
		return []Member{{"x", IntType, 0, 0}, {"flag", UInt, 33, 3}, {"", inner, 64, 0}, {"y", &Typedef{"in_t", inner}, 128, 0}}
	}}
	for name, offset := range map[string]int{"x": 0, "flag": 33, "a": 64, "b": 64, "y": 128} {
		m, ok := s.Member(name)
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(m.Offset, offset))
	}
	_, ok := s.Member("z")
	qt.Check(t, qt.IsFalse(ok))
	_, ok = s.Member("")
	qt.Check(t, qt.IsFalse(ok))
	qt.Check(t, qt.Equals(loads, 1))
	qt.Check(t, qt.DeepEquals(s.MemberNames(), []string{"x", "flag", "a", "b", "y"}))
}

// A struct within itself, which no compiler writes and a file can say.
func TestCircles(t *testing.T) {
	s := &Struct{Name: "s"}
	s.members = []Member{{"", s, 0, 0}}
	_, ok := s.Member("x")
	qt.Check(t, qt.IsFalse(ok))
	td := &Typedef{Name: "t"}
	td.Target = td
	qt.Check(t, qt.Equals[Type](Underlying(td), VoidType))
}

func TestConversions(t *testing.T) {
	u16 := &Typedef{"u16", UShort}
	for _, test := range []struct{ a, b, want Type }{
		{Char, Char, IntType},
		{u16, u16, IntType},
		{IntType, UInt, UInt},
		{UInt, Long, Long},
		{Long, ULong, ULong},
		{ULong, LLong, ULong},
		{&Enum{Bytes: 4}, Char, UInt},
		{Bool, Bool, IntType},
	} {
		qt.Check(t, qt.Equals(Common(test.a, test.b), test.want), qt.Commentf("%v, %v", test.a, test.b))
		qt.Check(t, qt.Equals(Common(test.b, test.a), test.want), qt.Commentf("%v, %v", test.b, test.a))
	}
	qt.Check(t, qt.Equals[Type](PromoteBits(UInt, 3), IntType))
	qt.Check(t, qt.Equals[Type](PromoteBits(UInt, 32), UInt))
	qt.Check(t, qt.Equals[Type](PromoteBits(ULong, 40), ULong))
	qt.Check(t, qt.IsTrue(IsString(&Pointer{Target: Char})))
	qt.Check(t, qt.IsTrue(IsString(&Array{UChar, 4})))
	qt.Check(t, qt.IsFalse(IsString(&Pointer{Target: &Typedef{"u8", UChar}})))
	qt.Check(t, qt.Equals(Decay(&Array{Char, 4}, User).String(), "char __user *"))
}
