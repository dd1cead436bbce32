package output

import (
	"os"

	"golang.org/x/sys/unix"
)

// ReaderGone reports whether w is a pipe whose reader has left: a command that waits
// for a rare event would learn that only with the next one.
func ReaderGone(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(f.Fd())}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLERR != 0
}

// VisibleOrNil returns what is to stand in a report of JSON: visible characters, or nil
// for the empty string. Errors quote what may be hostile.
func VisibleOrNil(s string) *string {
	if s == "" {
		return nil
	}
	s = string(AppendEscaped(nil, []byte(s)))
	return &s
}
