package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	exits "github.com/ringside-tools/ringside/internal/command"
)

// notRunning is a tool that ended before it traced anything.
type notRunning struct {
	reason string
	code   int // that it ended with
}

func (e *notRunning) Error() string { return "does not run: " + e.reason }

// reasonFor is what the page says of a subject without samples.
func reasonFor(err error) string {
	var ended *notRunning
	switch {
	case errors.As(err, &ended):
		return ended.Error()
	case errors.Is(err, os.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return "does not run: not installed"
	}
	return "not measured: " + reasonIn(err.Error())
}

// lacksFeature tells whether err is a tool's that ended with the exit code by which ours say
// that the kernel lacks what they need. Those of peers mean other things.
func lacksFeature(err error) bool {
	var ended *notRunning
	return errors.As(err, &ended) && ended.code == exits.ExitKernel
}

// telling is what says more than the last line: bcc's and libbpf's first words
// on what a kernel lacks.
var telling = regexp.MustCompile(`(?m)Unable to find kernel headers|failed to create kprobe .*$|failed to resolve CO-RE relocation .*$`)

// reasonIn finds why a tool gave up in what it said, as code. That is the last
// line of most tools, and of Python's tracebacks.
func reasonIn(text string) string {
	if line := telling.FindString(text); line != "" {
		return code(line)
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" {
			return code(line)
		}
	}
	return "it says nothing"
}

// code quotes a line for a cell of a table, which ends at a |.
func code(line string) string {
	const limit = 120
	line = strings.NewReplacer("|", "/", "`", "'").Replace(line)
	if r := []rune(line); len(r) > limit {
		line = string(r[:limit]) + "…"
	}
	return "`" + line + "`"
}

// exited tells whether the tool has ended by itself.
func (p *process) exited() bool {
	return strings.HasPrefix(field(fmt.Sprintf("/proc/%d/status", p.Process.Pid), "State"), "Z")
}

// whyEnded is the error for one that has. bcc says some of it on stdout; ours say it in
// the first line, and what to do in the next.
func (p *process) whyEnded(stdout string) error {
	text, _ := os.ReadFile(p.stderr.Name())
	ended := &notRunning{code: exitCode(p.Process.Pid)}
	if lacksFeature(ended) && bytes.HasPrefix(text, []byte(filepath.Base(p.Path)+": ")) {
		line, _, _ := bytes.Cut(text, []byte("\n"))
		ended.reason = code(string(line))
	} else {
		ended.reason = reasonIn(stdout + "\n" + string(text))
	}
	return ended
}

// exitCode is that of a process that has ended and that nobody has waited for yet, 0 if
// it cannot be told (/proc/PID/stat, since 3.5).
func exitCode(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(text, []byte(") ")) // a name of ours has none
	fields := bytes.Fields(rest)
	const at = 49 // field 52, counted from the third
	if len(fields) <= at {
		return 0
	}
	status, _ := strconv.Atoi(string(fields[at]))
	return syscall.WaitStatus(status).ExitStatus()
}
