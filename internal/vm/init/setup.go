//go:build linux

package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

// etc is the least that user names, hostnames and su need.
var etc = []struct{ path, text string }{
	{"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n" +
		"ringside:x:1000:1000:ringside:/home/ringside:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
	{"/etc/group", "root:x:0:\nringside:x:1000:\nnogroup:x:65534:\n"},
	{"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
	{"/etc/resolv.conf", ""},
}

func setUp(plan *job.Plan) error {
	if err := unix.Sethostname([]byte(plan.Hostname)); err != nil {
		return fmt.Errorf("set hostname: %w", err)
	}
	for _, dir := range []string{"/etc", "/root", "/home/ringside", "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/var/tmp"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	if err := os.Chmod("/var/tmp", 0o777|os.ModeSticky); err != nil {
		return err
	}
	if err := os.Chown("/home/ringside", 1000, 1000); err != nil {
		return err
	}
	for _, f := range append(etc, struct{ path, text string }{"/etc/hostname", plan.Hostname + "\n"}) {
		if err := os.WriteFile(f.path, []byte(f.text), 0o644); err != nil {
			return fmt.Errorf("write account files: %w", err)
		}
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	return installApplets()
}

// loopbackUp does what "ip link set lo up" does; the kernel then adds
// 127.0.0.1 and ::1 by itself.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: socket: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("loopback up: %w", err)
	}
	return nil
}

func loadModules(paths []string) error {
	for _, path := range paths {
		if err := loadModule(path); err != nil {
			return err
		}
	}
	return nil
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("load module: %w", err)
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load module %s: %w", path, err)
	}
	return nil
}

// installApplets makes /bin/sh, /bin/ls and the rest point at busybox, where
// there is no such file yet. The binary knows its own applets, so that no list
// of them is kept here.
func installApplets() error {
	pid, err := syscall.ForkExec(job.Busybox, []string{"busybox", "--install", "-s"},
		&syscall.ProcAttr{Dir: "/", Files: []uintptr{0, 1, 2}})
	if err != nil {
		return fmt.Errorf("install busybox applets: %w", err)
	}
	if ws := wait(pid); ws.ExitStatus() != 0 {
		return fmt.Errorf("install busybox applets: exit status %d", ws.ExitStatus())
	}
	return nil
}
