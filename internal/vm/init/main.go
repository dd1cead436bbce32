//go:build linux

// Init is PID 1 of the guest: it makes the machine look like an ordinary
// Debian system (mounts, loopback, users, modules), runs the jobs of /jobs one
// after the other and switches the machine off.
//
// It must never import cilium/ebpf: that library looks for mounts in /proc
// before main has mounted it and remembers the failure for the life of the
// process.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: not PID 1: this program only runs as the init of a test machine")
		os.Exit(2)
	}
	start := time.Now()
	status, problem := run()
	status.Seconds = time.Since(start).Seconds()
	if problem != nil {
		status.Exit, status.Problem = job.ExitNoStatus, problem.Error()
		fmt.Println("init:", problem) // the console, which the host keeps
	}
	if err := report(status); err != nil {
		fmt.Println("init:", err)
	}
	unix.Sync()
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Println("init: power off:", err)
	select {} // a PID 1 that returns is a kernel panic
}

// statusDevice is known only once the plan is read.
var statusDevice string

func run() (job.Status, error) {
	var st job.Status
	if err := mountAll(); err != nil {
		return st, err
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return st, fmt.Errorf("uname: %w", err)
	}
	st.Release = unix.ByteSliceToString(uts.Release[:])

	f, err := os.Open(job.PlanPath)
	if err != nil {
		return st, fmt.Errorf("open plan: %w", err)
	}
	plan, err := job.Decode(f)
	f.Close()
	if err != nil {
		return st, err
	}
	statusDevice = plan.Status
	if err := loadModules(plan.Modules); err != nil {
		return st, err
	}
	if plan.Disk != "" {
		if err := enterDisk(plan.Disk); err != nil {
			return st, err
		}
	}
	if err := setUp(plan); err != nil {
		return st, err
	}
	out, err := openSerial(plan.Output)
	if err != nil {
		return st, err
	}
	defer out.Close()
	go answerReads()
	for _, j := range plan.Jobs {
		r := runJob(out, j, plan.Env)
		if st.Exit == 0 {
			st.Exit = r.Exit
		}
	}
	return st, drain(out)
}

func report(st job.Status) error {
	if statusDevice == "" {
		return fmt.Errorf("report status: no plan, so no status device")
	}
	f, err := openSerial(statusDevice)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(st.Line()); err != nil {
		return fmt.Errorf("report status: %w", err)
	}
	return drain(f)
}
