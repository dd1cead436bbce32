package trace

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// child is the COMMAND of the command line while it runs.
type child struct {
	cmd  *exec.Cmd
	done chan error
}

// graceful is how long a command may take to end when we are told to.
const graceful = 5 * time.Second

// startChild starts the command that the command line ends in. The filter takes
// it up when it executes, so the programs must be attached. Its stdout is our
// stderr, since ours is for events.
func (s *session[E]) startChild() (*child, error) {
	argv := s.env.Args
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = s.env.Stderr, s.env.Stderr
	if s.tool.RunAs != "" {
		uid, err := s.host.Users.ID(s.tool.RunAs)
		if err != nil {
			return nil, command.Usagef("run %s as another user: %w", argv[0], err)
		}
		gid := s.host.Users.Group(uid)
		all, err := preflight.Permitted()
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: uid, Gid: gid},
			AmbientCaps: all,
		}
	}
	// All of our maps are there: the limit is not needed any more, and is not to
	// spare the command a capability.
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &s.memlock); err != nil {
		return nil, fmt.Errorf("restore the limit on locked memory: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	}
	c := &child{cmd, make(chan error, 1)}
	go func() { c.done <- cmd.Wait() }()
	return c, nil
}

// within returns a context that ends with the command. When ctx is done first,
// the command is asked to end, and is traced until it has, or until it has had
// its time.
func (c *child) within(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer cancel()
		select {
		case err := <-c.done:
			c.done <- err
			return
		case <-own.Done():
			return
		case <-ctx.Done():
		}
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-c.done:
			c.done <- err
		case <-time.After(graceful):
		}
	}()
	return own, cancel
}

// outcome tells how the command ended, or "" for a success.
func (c *child) outcome() string {
	select {
	case err := <-c.done:
		var exit *exec.ExitError
		switch {
		case err == nil:
			return ""
		case errors.As(err, &exit):
			return exit.String() // "exit status 1", "signal: terminated"
		}
		return err.Error()
	default:
		return "still running"
	}
}
