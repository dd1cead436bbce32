package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPty returns the two ends of a new terminal (pts(4)).
func openPty() (screen, tty *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	screen = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		screen.Close()
		return nil, nil, fmt.Errorf("unlock terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		screen.Close()
		return nil, nil, fmt.Errorf("find terminal: %w", err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		screen.Close()
		return nil, nil, fmt.Errorf("open terminal: %w", err)
	}
	return screen, tty, nil
}
