package main

import "golang.org/x/sys/unix"

const (
	truncateCall  = unix.SYS_TRUNCATE64
	ftruncateCall = unix.SYS_FTRUNCATE64
	sendfileCall  = unix.SYS_SENDFILE64
	chownCall     = unix.SYS_CHOWN32
)

// size is a length or an offset, as two arguments.
func size(n uintptr) []uintptr { return []uintptr{n, 0} }
