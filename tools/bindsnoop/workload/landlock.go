package main

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rulesetAttr is struct landlock_ruleset_attr as of 6.7, when networks came in.
type rulesetAttr struct{ fs, net uint64 }

const (
	landlockVersion = 1 // LANDLOCK_CREATE_RULESET_VERSION
	landlockBindTCP = 1 // LANDLOCK_ACCESS_NET_BIND_TCP
	networksSince   = 4 // version of Landlock
)

// refused forbids itself to bind TCP sockets, and tries.
func refused(at string) {
	runtime.LockOSThread()
	version, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, landlockVersion)
	if errno != 0 || version < networksSince {
		fmt.Println("none")
		return
	}
	attr := rulesetAttr{net: landlockBindTCP}
	rules, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		panic(errno)
	}
	check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, rules, 0, 0); errno != 0 {
		panic(errno)
	}
	fd := open("tcp4", nil)
	done(fd, bind(fd, "tcp4", at))
}
