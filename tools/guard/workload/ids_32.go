//go:build 386 || arm

package main

import "golang.org/x/sys/unix"

// The system calls that change who a thread is, those with ids of 32 bits.
const (
	sysSetuid    = unix.SYS_SETUID32
	sysSetreuid  = unix.SYS_SETREUID32
	sysSetresuid = unix.SYS_SETRESUID32
	sysSetfsuid  = unix.SYS_SETFSUID32
	sysSetgid    = unix.SYS_SETGID32
	sysSetregid  = unix.SYS_SETREGID32
	sysSetresgid = unix.SYS_SETRESGID32
	sysSetfsgid  = unix.SYS_SETFSGID32
	sysSetgroups = unix.SYS_SETGROUPS32
)
