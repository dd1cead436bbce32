package main

import "golang.org/x/sys/unix"

const chownCall = unix.SYS_CHOWN
