package kerneltest

import (
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// HasMPTCP reports whether this kernel speaks MPTCP, which Debian's 5.10 does not
// and the others of the matrix do.
func HasMPTCP(t *testing.T) bool {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
	if err == nil {
		unix.Close(fd)
	}
	if k := Kernel(); k != "" {
		qt.Check(t, qt.Equals(err == nil, k != "5.10"))
	}
	return err == nil
}
