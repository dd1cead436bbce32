//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

// runJob runs one job to its end, kills whatever it left running, and writes
// its result line unless the job is quiet.
func runJob(out io.Writer, j job.Job, env []string) job.Result {
	start := time.Now()
	lw := &lineWriter{w: out}
	code, err := execute(lw, j, env)
	if err != nil {
		fmt.Fprintf(lw, "init: %v\n", err)
	}
	r := job.Result{Name: j.Name, Exit: code, Duration: time.Since(start)}
	if !j.Quiet {
		lw.newline()
		fmt.Fprintln(lw, r)
	}
	return r
}

func execute(out io.Writer, j job.Job, env []string) (int, error) {
	env = append(append([]string{}, env...), j.Env...)
	path, err := lookPath(j.Args[0], env)
	if err != nil {
		return job.ExitNotFound, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return job.ExitNotFound, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return job.ExitNotFound, fmt.Errorf("make output pipe: %w", err)
	}
	defer r.Close()
	dir := j.Dir
	if dir == "" {
		dir = "/"
	}
	// A session of its own: a job that signals its process group must not
	// reach init.
	pid, err := syscall.ForkExec(path, j.Args, &syscall.ProcAttr{
		Dir: dir, Env: env,
		Files: []uintptr{null.Fd(), w.Fd(), w.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	w.Close()
	if err != nil {
		return job.ExitNotFound, fmt.Errorf("start %s in %s: %w", path, dir, err)
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(out, r)
		copied <- err
	}()

	var late atomic.Bool
	if j.Timeout > 0 {
		t := time.AfterFunc(j.Timeout, func() {
			late.Store(true)
			killAll()
		})
		defer t.Stop()
	}
	ws := wait(pid)
	// Without this a daemon left behind would hold the pipe open and disturb
	// the next job's counts.
	killAll()
	reapAll()
	if err := <-copied; err != nil {
		return job.ExitNoStatus, fmt.Errorf("copy output: %w", err)
	}
	switch {
	case late.Load():
		return job.ExitTimeout, fmt.Errorf("%s killed after its time limit of %v", j.Name, j.Timeout)
	case ws.Signaled():
		return job.SignalExit(int(ws.Signal())), nil
	}
	return ws.ExitStatus(), nil
}

// wait returns when pid has ended. PID 1 inherits every orphan of the machine,
// so it collects those on the way; nothing else in this process may wait.
func wait(pid int) syscall.WaitStatus {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil: // ECHILD: cannot be, pid is ours and uncollected
			panic(fmt.Sprintf("wait for %d: %v", pid, err))
		case got == pid:
			return ws
		}
	}
}

// killAll ends every process but this one: kill(-1) spares PID 1.
func killAll() { _ = unix.Kill(-1, unix.SIGKILL) }

// reapAll collects children until there are none.
func reapAll() {
	for {
		_, err := syscall.Wait4(-1, nil, 0, nil)
		if err != nil && err != syscall.EINTR {
			return
		}
	}
}

// lookPath searches the job's own PATH, not init's.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, kv := range env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range strings.Split(list, ":") {
			p := dir + "/" + name
			if st, err := os.Stat(p); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("start %s: %w", name, exec.ErrNotFound)
}

// lineWriter remembers whether the last byte ended a line, so that the result
// line always starts one.
type lineWriter struct {
	w    io.Writer
	open bool
}

func (l *lineWriter) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.open = p[len(p)-1] != '\n'
	}
	return l.w.Write(p)
}

func (l *lineWriter) newline() {
	if l.open {
		_, _ = l.Write([]byte("\n"))
	}
}
