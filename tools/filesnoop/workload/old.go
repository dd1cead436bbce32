//go:build !arm64

package main

import "golang.org/x/sys/unix"

// The calls that newer architectures do without.
func init() {
	ways["open-old"] = func() { unix.Close(call(unix.SYS_OPEN, text("there"), unix.O_RDONLY, 0)) }
	ways["creat"] = func() { unix.Close(call(unix.SYS_CREAT, text("new"), 0o644)) }
	ways["delete-old"] = func() {
		unix.Close(open("gone", unix.O_WRONLY|unix.O_CREAT))
		call(unix.SYS_UNLINK, text("gone"))
	}
	ways["mkdir-old"] = func() {
		call(unix.SYS_MKDIR, text("made"), 0o750)
		call(unix.SYS_RMDIR, text("made"))
	}
	ways["rename-old"] = func() { call(unix.SYS_RENAME, text("there"), text("dir/moved")) }
	ways["link-old"] = func() { call(unix.SYS_LINK, text("there"), text("dir/second")) }
	ways["symlink-old"] = func() { call(unix.SYS_SYMLINK, text("../any/target"), text("dir/points")) }
	ways["mknod-old"] = func() { call(unix.SYS_MKNOD, text("fifo"), unix.S_IFIFO|0o600, 0) }
	ways["chmod-old"] = func() { call(unix.SYS_CHMOD, text("there"), 0o600) }
	ways["chown-old"] = func() { call(chownCall, text("there"), 7, 8) }
}
