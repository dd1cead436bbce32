package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
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
	cheap  int      // this many take about as long as an exec; 0: one
}

// times is a size for this load: more of what is cheap, so that there is
// something to measure, but at most that often.
func (l load) times(size, most int) int { return size * min(max(l.cheap, 1), most) }

// driveArg as the first argument makes this program a worker.
const driveArg = "drive"

// pace is how workers go about it.
type pace struct {
	workers int           // 0: one
	each    int           // events of each worker; 0: until it is killed
	pause   time.Duration // after each event
	rate    int           // events per second of all workers together; 0: as fast as they can
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
	n := max(p.workers, 1)
	text, err := json.Marshal(work{l.driver, l.args, p.each, p.pause, float64(p.rate) / float64(n), p.oneCPU})
	if err != nil {
		return nil, err
	}
	for range n {
		w := exec.CommandContext(ctx, "/proc/self/exe", driveArg)
		// Not as arguments: a worker is itself an exec, and its line must not
		// have the mark.
		w.Stdin = bytes.NewReader(text)
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

// work is what a worker reads from its stdin.
type work struct {
	Driver string
	Args   []string
	Each   int
	Pause  time.Duration
	Rate   float64 // per second
	OneCPU bool
}

// driveMain is the worker.
func driveMain() error {
	var w work
	if err := json.NewDecoder(os.Stdin).Decode(&w); err != nil {
		return fmt.Errorf("read its work: %w", err)
	}
	prepare := drivers[w.Driver]
	if prepare == nil {
		return fmt.Errorf("no driver %q", w.Driver)
	}
	if w.OneCPU {
		if err := stayOnFirstCPU(); err != nil {
			return err
		}
	}
	// A collection is work that no event has asked for: as few as there can be.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(32 << 20)
	once, err := prepare(w.Args)
	if err != nil {
		return err
	}
	began := time.Now()
	for i := 0; i < w.Each || w.Each == 0; i++ {
		if w.Rate > 0 {
			sleep(time.Duration(float64(i)/w.Rate*1e9) - time.Since(began))
		}
		if err := once(); err != nil {
			return err
		}
		sleep(w.Pause)
	}
	// What the end of the process takes is no event of the load.
	return setName("bench")
}

// sleep keeps the thread: with time.Sleep another one would wake it up. What
// comes late is made up for at once, as a rate asks for.
func sleep(d time.Duration) {
	if d > 0 {
		ts := unix.NsecToTimespec(int64(d))
		unix.Nanosleep(&ts, nil)
	}
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
