package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running tool.
type process struct {
	*exec.Cmd
	cancel context.CancelFunc
	stderr *os.File
}

const (
	// toolLimit is how long a tool may run: a peer that hangs must not stop us.
	toolLimit = 15 * time.Minute
	// stopLimit is how long it may take to end when it is told to. It may have much to print still.
	stopLimit = time.Minute
)

// start runs a subject with stdout to a file of its own making or a terminal.
func (b *bench) start(s subject, t tuning, stdout *os.File) (*process, error) {
	ctx, cancel := context.WithTimeout(b.ctx, toolLimit)
	argv := s.argv(b, t)
	p := &process{Cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), cancel: cancel}
	var err error
	if p.stderr, err = os.CreateTemp(b.dir, "stderr-"); err != nil {
		cancel()
		return nil, fmt.Errorf("make a file for stderr: %w", err)
	}
	p.Stdout, p.Stderr = stdout, p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return p, nil
}

// stop ends the tool as Ctrl-C does, within a time, and returns what it said on stderr.
func (p *process) stop(limit time.Duration) (stderr string, err error) {
	defer p.kill()
	p.Process.Signal(os.Interrupt)
	late := time.AfterFunc(limit, func() { p.Process.Kill() })
	err = p.Wait()
	data, _ := os.ReadFile(p.stderr.Name())
	if !late.Stop() { // what it has said before is not why
		return string(data), fmt.Errorf("%s: still runs %v after Ctrl-C", filepath.Base(p.Path), limit)
	}
	// A tool that dies of SIGINT has ended as it was told to.
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGINT {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", filepath.Base(p.Path), err, strings.TrimSpace(string(data)))
	}
	return string(data), err
}

// kill ends the tool at once, if stop has not ended it before.
func (p *process) kill() {
	p.cancel()
	if p.ProcessState == nil {
		p.Process.Kill()
		p.Wait()
	}
	p.stderr.Close()
	os.Remove(p.stderr.Name())
}

// freeze stops the tool with SIGSTOP, and waits until it has stopped.
func (p *process) freeze() error {
	if err := p.Process.Signal(unix.SIGSTOP); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	for range 1000 {
		if field(fmt.Sprintf("/proc/%d/status", p.Process.Pid), "State") == "T (stopped)" {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("stop: still running")
}

func (p *process) thaw() error { return p.Process.Signal(unix.SIGCONT) }

// cpuTime is what the process has used of the CPUs, all threads, user and
// kernel. The clock of another process is made of its pid (clock_getcpuclockid).
func (p *process) cpuTime() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^p.Process.Pid<<3|2), &ts); err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// field reads a "name: value" line of a file in /proc.
func field(path, name string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return parseFields(string(data))[name]
}

// parseFields reads the lines "name: value" that /proc is full of.
func parseFields(text string) map[string]string {
	out := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			out[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return out
}
