package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// load is something that a tool sees one event of each time it is done.
type load struct {
	driver string   // of drivers
	args   []string // of the driver
	mark   string   // in every line of such an event, and in no other
}

// drivers do a load once. They run in processes of their own, so that workers
// are as parallel as the machine is and our work is not measured with theirs.
var drivers = map[string]func(args []string) error{
	"exec": driveExec,
}

// driveArg as the first argument makes this program a worker.
const driveArg = "drive"

// pace is how workers go about it.
type pace struct {
	workers int           // 0: one
	each    int           // events of each worker; 0: until it is killed
	pause   time.Duration // after each event
	oneCPU  bool          // all on the first CPU, and so into one per-CPU buffer
}

// drive makes events and returns when all are done.
func (b *bench) drive(l load, p pace) error {
	_, err := b.driveTimed(l, p)
	return err
}

// driveTimed also tells the CPU time of the workers and their children, which
// unlike the time of day does not depend on who else wants the CPUs.
func (b *bench) driveTimed(l load, p pace) (cpu time.Duration, err error) {
	wait, err := b.startDriving(b.ctx, l, p)
	if err != nil {
		return 0, err
	}
	return wait()
}

// startDriving returns a function that waits for the workers.
func (b *bench) startDriving(ctx context.Context, l load, p pace) (wait func() (cpu time.Duration, err error), err error) {
	var workers []*exec.Cmd
	wait = func() (cpu time.Duration, first error) {
		for _, w := range workers {
			if err := w.Wait(); err != nil && first == nil && ctx.Err() == nil {
				first = fmt.Errorf("worker: %w", err)
			}
			cpu += w.ProcessState.UserTime() + w.ProcessState.SystemTime()
		}
		return cpu, first
	}
	job, err := json.Marshal(job{l.driver, l.args, p.each, p.pause, p.oneCPU})
	if err != nil {
		return nil, err
	}
	for range max(p.workers, 1) {
		w := exec.CommandContext(ctx, "/proc/self/exe", driveArg)
		// Not as arguments: a worker is itself an exec, and its line must not
		// have the mark.
		w.Stdin = bytes.NewReader(job)
		w.Stderr = os.Stderr
		w.Env = []string{"GOMAXPROCS=1"}
		w.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := w.Start(); err != nil {
			return nil, fmt.Errorf("start worker: %w", err)
		}
		workers = append(workers, w)
	}
	return wait, nil
}

// job is what a worker reads from its stdin.
type job struct {
	Driver string
	Args   []string
	Each   int
	Pause  time.Duration
	OneCPU bool
}

// driveMain is the worker.
func driveMain() error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	do := drivers[j.Driver]
	if do == nil {
		return fmt.Errorf("no driver %q", j.Driver)
	}
	if j.OneCPU {
		if err := stayOnFirstCPU(); err != nil {
			return err
		}
	}
	for i := 0; i < j.Each || j.Each == 0; i++ {
		if err := do(j.Args); err != nil {
			return err
		}
		if j.Pause > 0 {
			time.Sleep(j.Pause)
		}
	}
	return nil
}

// stayOnFirstCPU binds all threads of this process: later ones inherit it, and
// so do children.
func stayOnFirstCPU() error {
	var first unix.CPUSet
	first.Set(0)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		if err := unix.SchedSetaffinity(tid, &first); err != nil {
			return fmt.Errorf("stay on one CPU: %w", err)
		}
	}
	return nil
}

// driveExec runs a program and waits for it.
func driveExec(argv []string) error {
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{})
	if err != nil {
		return fmt.Errorf("exec %s: %w", argv[0], err)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		return fmt.Errorf("wait for %s: %w", argv[0], err)
	}
	return nil
}
