package process

import (
	"os"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestStat(t *testing.T) {
	s := ParseStat([]byte("42 (a) b (c)) S 7 42 42\n"))
	qt.Check(t, qt.Equals(s.Field(StatState), "S"))
	parent, err := s.Number(statParent)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(parent, 7))
	for _, n := range []int{-1, 0, 2, 7, 1000} {
		qt.Check(t, qt.Equals(s.Field(n), ""))
		_, err := s.Number(n)
		qt.Check(t, qt.IsNotNil(err))
	}
	for _, text := range []string{"", ")", "42 (x", "42 (x)"} {
		qt.Check(t, qt.Equals(ParseStat([]byte(text)).Field(StatState), ""), qt.Commentf("%q", text))
	}
	own, err := ReadStat(uint32(os.Getpid()))
	qt.Assert(t, qt.IsNil(err))
	parent, err = own.Number(statParent)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(parent, uint64(os.Getppid())))
	_, err = ReadStat(1 << 31)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}
