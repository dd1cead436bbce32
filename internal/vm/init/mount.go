//go:build linux

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mounts in the order in which each finds its mount point.
var mounts = []struct{ fs, dir, data string }{
	{"proc", "/proc", ""},
	{"sysfs", "/sys", ""},
	{"devtmpfs", "/dev", "mode=0755"},
	{"devpts", "/dev/pts", "mode=0620,ptmxmode=0666"},
	{"tmpfs", "/dev/shm", "mode=1777"},
	{"tmpfs", "/tmp", "mode=1777"},
	{"tmpfs", "/run", "mode=0755"},
	{"securityfs", "/sys/kernel/security", ""},
	{"debugfs", "/sys/kernel/debug", ""},
	{"tracefs", "/sys/kernel/tracing", ""},
	{"bpf", "/sys/fs/bpf", "mode=0700"},
	{"cgroup2", "/sys/fs/cgroup", ""},
}

func mountAll() error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return fmt.Errorf("make mount point: %w", err)
		}
		err := unix.Mount(m.fs, m.dir, m.fs, unix.MS_NOSUID, m.data)
		// CONFIG_DEVTMPFS_MOUNT does not apply to an initramfs, but a kernel
		// that has mounted something already is as good as one that has not.
		if err != nil && err != unix.EBUSY {
			return fmt.Errorf("mount %s on %s: %w", m.fs, m.dir, err)
		}
	}
	// devtmpfs makes device nodes only; shells and tests expect these links.
	for link, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, link); err != nil && !os.IsExist(err) {
			return fmt.Errorf("link %s: %w", link, err)
		}
	}
	return nil
}
