package events

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestTail(t *testing.T) {
	s := Tail("abcdef")
	qt.Check(t, qt.Equals(string(s.Take(2)), "ab"))
	first := s.Take(0)
	qt.Check(t, qt.Equals(len(first), 0))
	qt.Check(t, qt.Equals(string(append(s.Take(1), 'X')), "cX")) // without writing into the rest
	qt.Check(t, qt.Equals(string(s.Take(65535)), "def"))
	qt.Check(t, qt.Equals(len(s.Take(1)), 0))
}

func TestJoinPath(t *testing.T) {
	for _, test := range []struct {
		parts         string
		cut, detached bool
		want          string
	}{
		{"sleep\x00bin\x00usr\x00", false, false, "/usr/bin/sleep"},
		{"", false, false, "/"},
		{"b\x00a\x00", true, false, ".../a/b"},
		{"", true, false, "..."},
		{"memfd:x\x00", false, true, "memfd:x"},
		{"no end", false, false, "/no en"},
	} {
		qt.Check(t, qt.Equals(string(JoinPath(nil, []byte(test.parts), test.cut, test.detached)), test.want))
	}
}

func TestCString(t *testing.T) {
	for in, want := range map[string]string{"": "", "\x00": "", "a": "a", "a\x00": "a", "a\x00b\x00": "a", "\x00a": ""} {
		qt.Check(t, qt.Equals(string(CString([]byte(in))), want), qt.Commentf("%q", in))
	}
}
