package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syslogNotice is the priority of our lines: facility authpriv (10), severity notice (5).
const syslogNotice = 10<<3 | 5

// systemLog is a connection to the system's log. Go's log/syslog would do, but it takes
// package net and with it cgo, and a process with cgo cannot drop capabilities.
type systemLog struct {
	fd  int
	tag string
}

// openSystemLog connects to the datagram socket that syslog daemons and the journal listen on.
func openSystemLog(path, tag string) (*systemLog, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("connect to the system log %s: %w", path, err)
	}
	return &systemLog{fd: fd, tag: tag}, nil
}

// Notice writes one line. The daemon adds time and host.
func (l *systemLog) Notice(line string) error {
	return unix.Send(l.fd, fmt.Appendf(nil, "<%d>%s[%d]: %s", syslogNotice, l.tag, os.Getpid(), line), unix.MSG_NOSIGNAL)
}

// Close ends the connection.
func (l *systemLog) Close() error { return unix.Close(l.fd) }
