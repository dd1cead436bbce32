package output

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Errno is the name of a negative errno, such as ENOENT, or its number as E4095
// where it has no name; null for a result that is no error.
func Errno(ret int32) Value {
	if ret >= 0 {
		return Null()
	}
	errno := -int(ret)
	if name := unix.ErrnoName(syscall.Errno(errno)); name != "" {
		return Text(name)
	}
	return Text("E" + strconv.Itoa(errno))
}
