package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSystemLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if _, err := openSystemLog(path, "tlscap"); err == nil {
		t.Fatal("opened a log that is not there")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	log, err := openSystemLog(path, "tlscap")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Notice("start uid=0"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	n, err := unix.Read(fd, buf)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("<85>tlscap[%d]: start uid=0", os.Getpid()); string(buf[:n]) != want {
		t.Errorf("the log got %q, want %q", buf[:n], want)
	}
}
