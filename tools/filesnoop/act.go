package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// actor does what is to be done about an alarm: it stops the process tree, and runs
// a program.
type actor struct {
	freeze  bool
	program string // "" for none
	stderr  io.Writer
	// What the tests have otherwise.
	parent   func(pid uint32) uint32 // 0 where the process is gone
	children func(pids []uint32) ([]uint32, error)
	stop     func(pid uint32) error
	self     uint32
}

func newActor(cfg *config, stderr io.Writer) *actor {
	return &actor{
		freeze: cfg.freeze, program: cfg.onAlert, stderr: stderr,
		parent: parentOf, children: process.Descendants, self: uint32(os.Getpid()),
		stop: func(pid uint32) error { return unix.Kill(int(pid), unix.SIGSTOP) },
	}
}

// alarm is called with the event that raised an alarm.
func (a *actor) alarm(e *event, alert *rules.Alert) {
	if a.freeze {
		a.tell(a.freezeTree(e, alert))
	}
	if a.program != "" {
		a.tell("", a.run(alert))
	}
}

func (a *actor) tell(what string, err error) {
	if err != nil {
		what = err.Error()
	}
	if what != "" {
		fmt.Fprintf(a.stderr, "filesnoop: %s\n", output.AppendEscaped(nil, []byte(what)))
	}
}

// run starts the program with what there is to know as arguments. Nobody waits for
// it but to take its exit code.
func (a *actor) run(alert *rules.Alert) error {
	cmd := exec.Command(a.program, alert.Rule, strconv.FormatUint(uint64(alert.Root), 10), alert.RootExe,
		strconv.Itoa(alert.Files), alert.First)
	cmd.Stdout, cmd.Stderr = a.stderr, a.stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s (--on-alert): %w", a.program, err)
	}
	go func() {
		if err := cmd.Wait(); err != nil {
			a.tell("", fmt.Errorf("%s (--on-alert): %w", a.program, err))
		}
	}()
	return nil
}

// freezeRounds are how often new children are looked for: each round stops who
// could have made more.
const freezeRounds = 4

// freezeTree stops the process, those above it in its tree as they are now, and all
// that is below. Neither init nor ourselves, nor who we come from, are among them.
func (a *actor) freezeTree(e *event, alert *rules.Alert) (string, error) {
	ours := a.ancestors(a.self)
	top := uint32(0)
	from := e.PID
	if a.parent(from) == 0 { // gone already
		from = e.PPID
	}
	for pid, n := from, 0; pid > 1 && n < maxDepth && !slices.Contains(ours, pid); n++ {
		top = pid
		if pid == alert.Root {
			break
		}
		pid = a.parent(pid)
	}
	if top == 0 || a.parent(top) == 0 {
		return "stopped nobody: the processes of the tree are gone, or ours (--freeze)", nil
	}
	stopped := []uint32{}
	var errs []error
	for range freezeRounds {
		below, err := a.children([]uint32{top})
		if err != nil {
			return "", fmt.Errorf("--freeze: %w", err)
		}
		news := false
		for _, pid := range append([]uint32{top}, below...) {
			if pid <= 1 || slices.Contains(ours, pid) || slices.Contains(stopped, pid) {
				continue
			}
			stopped, news = append(stopped, pid), true
			if err := a.stop(pid); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("stop process %d (--freeze): %w", pid, err))
			}
		}
		if !news {
			break
		}
	}
	return fmt.Sprintf("stopped %d processes, from %d down (--freeze)", len(stopped), top), errors.Join(errs...)
}

// maxDepth bounds how far parents are followed.
const maxDepth = 64

// ancestors are a process and those it comes from.
func (a *actor) ancestors(pid uint32) []uint32 {
	var out []uint32
	for n := 0; pid > 0 && n < maxDepth; n++ {
		out = append(out, pid)
		pid = a.parent(pid)
	}
	return out
}

// parentOf is the parent of a process, 0 where there is none.
func parentOf(pid uint32) uint32 {
	status, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/status")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(status), "\nPPid:\t")
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
