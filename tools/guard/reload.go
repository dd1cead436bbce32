package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
)

// reloadConfig is what the flags of guard reload say.
type reloadConfig struct {
	pinDir string
	pins   pins
}

func reloadCommand() *command.Command {
	return reloadCommandOf(&reloadConfig{pins: thisMachine().pins})
}

func reloadCommandOf(cfg *reloadConfig) *command.Command {
	return &command.Command{
		Name:    "reload",
		Summary: "have a guard run --persist read its files again",
		Description: `As SIGHUP does, also where --self-protect keeps other signals from it. Whether the new
policies are right, the guard that runs tells.`,
		Common:    []string{},
		Flags:     []command.Flag{pinDirFlag(&cfg.pinDir)},
		ExitCodes: "0 it was told to, 1 none runs, or it could not be told, 4 a privilege is missing",
		Examples: []command.Example{
			{Line: "guard reload", What: "after a policy was edited"},
		},
		Run: cfg.run,
	}
}

func (cfg *reloadConfig) run(context.Context, *command.Env) error {
	dir := pinDir(cfg.pinDir)
	if err := cfg.pins.may(looking()); err != nil {
		return err
	}
	pid, err := cfg.pins.running(dir)
	switch {
	case err != nil:
		return fmt.Errorf("reload: %w", err)
	case pid == 0:
		return answer{exitNothing, "no guard runs for what is pinned at " + dir + ": guard run --persist takes it over"}
	}
	if err := cfg.pins.signal(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("reload: signal process %d: %w", pid, err)
	}
	return nil
}

// running is the process of the guard that is in charge of a directory; 0 for none.
func (p *pins) running(dir string) (pid int, err error) {
	s, err := p.status(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("find out what is pinned at %s: %w", dir, err)
	case s == nil || s.Manager == nil:
		return 0, nil
	case s.Manager.PID == 0:
		return 0, fmt.Errorf("the guard that runs is in another pid namespace: do it from there")
	}
	return s.Manager.PID, nil
}

// stopTime is how long a guard may take to end.
const stopTime = 30 * time.Second

// stop ends the guard that is in charge of a directory, if one runs.
func (p *pins) stop(dir string) error {
	pid, err := p.running(dir)
	if err != nil || pid == 0 {
		return err
	}
	if err := p.signal(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	for deadline := time.Now().Add(stopTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		now, err := p.running(dir)
		if err != nil {
			continue // it went as we looked
		}
		if now != pid {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", pid)
}
