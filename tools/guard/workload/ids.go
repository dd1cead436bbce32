//go:build !386 && !arm

package main

import "golang.org/x/sys/unix"

// The system calls that change who a thread is.
const (
	sysSetuid    = unix.SYS_SETUID
	sysSetreuid  = unix.SYS_SETREUID
	sysSetresuid = unix.SYS_SETRESUID
	sysSetfsuid  = unix.SYS_SETFSUID
	sysSetgid    = unix.SYS_SETGID
	sysSetregid  = unix.SYS_SETREGID
	sysSetresgid = unix.SYS_SETRESGID
	sysSetfsgid  = unix.SYS_SETFSGID
	sysSetgroups = unix.SYS_SETGROUPS
)
