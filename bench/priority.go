package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// measuringNice is the priority of everything that is measured: what else the
// machine does then takes a tenth of a CPU, whichever tool is running.
const measuringNice = -10

// renice sets the priority of all our threads; whatever they start inherits it.
func renice(nice int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil {
			return fmt.Errorf("set priority: %w", err)
		}
	}
	return nil
}
