//go:build linux

package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

// answerReads reads files for tests that must know what process 1 may do: at SIGUSR2,
// the one that [job.InitReads] names. What came of it is in [job.InitRead].
func answerReads() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGUSR2)
	for range asked {
		name, err := os.ReadFile(job.InitReads)
		if err == nil {
			_, err = os.ReadFile(strings.TrimSpace(string(name)))
		}
		answer := "ok\n"
		if err != nil {
			answer = fmt.Sprintln(err)
		}
		// In one step, for who waits for it.
		if err = os.WriteFile(job.InitRead+".new", []byte(answer), 0o644); err == nil {
			err = os.Rename(job.InitRead+".new", job.InitRead)
		}
		if err != nil {
			fmt.Println("init: answer a test:", err)
		}
	}
}
