package output

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestErrno(t *testing.T) {
	qt.Check(t, qt.Equals(Errno(0), Null()))
	qt.Check(t, qt.Equals(Errno(5), Null()))
	for ret, want := range map[int32]string{-1: "EPERM", -2: "ENOENT", -110: "ETIMEDOUT", -4095: "E4095", -1 << 31: "E2147483648"} {
		v := Errno(ret)
		qt.Check(t, qt.Equals(string(v.elem(0)), want))
	}
}
