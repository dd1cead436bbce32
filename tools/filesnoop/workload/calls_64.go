//go:build amd64 || arm64

package main

import "golang.org/x/sys/unix"

const (
	truncateCall  = unix.SYS_TRUNCATE
	ftruncateCall = unix.SYS_FTRUNCATE
	sendfileCall  = unix.SYS_SENDFILE
)

// size is a length or an offset, as an argument.
func size(n uintptr) []uintptr { return []uintptr{n} }
