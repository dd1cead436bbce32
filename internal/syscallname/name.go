// Package syscallname names the system calls of Linux by number.
package syscallname

import "runtime"

//go:generate go run ./gen

// Name returns the name of a system call of this architecture, such as "openat",
// or "" for a number that is not known. compat asks for that of a 32-bit process.
func Name(nr int, compat bool) string {
	table := callsAMD64
	switch {
	case runtime.GOARCH == "arm64" && compat:
		table = callsARM
	case runtime.GOARCH == "arm64":
		table = callsARM64
	case compat:
		table = calls386
	}
	if nr < 0 || nr >= len(table) {
		return ""
	}
	return table[nr]
}
