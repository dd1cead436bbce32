package main

import (
	"errors"
	"fmt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

func pinDirFlag(to *string) command.Flag {
	return command.Text("pin-dir", "", "DIR", "directory in a BPF file system for what stays ("+engine.DefaultPinDir+")", to)
}

// pinDir is the directory that a flag says, or the usual one.
func pinDir(flag string) string {
	if flag == "" {
		return engine.DefaultPinDir
	}
	return flag
}

// pins looks at the flags about what stays.
func (cfg *runConfig) pins(env *command.Env) error {
	switch {
	case !cfg.persist && cfg.pinDir != "":
		return command.Usagef("--pin-dir: only with --persist")
	case !cfg.persist && cfg.protect:
		return command.Usagef("--self-protect: only with --persist: the kernel can end a process without a signal that could be refused, as when memory is short")
	case !cfg.persist:
		return nil
	case env.Duration > 0:
		return command.Usagef("--duration: not with --persist, whose policies stay in force when the time is over; guard detach takes them away")
	}
	cfg.pinDir = pinDir(cfg.pinDir)
	return nil
}

// mayPin finds what is in the way of pinning, before any program is loaded for it.
func (cfg *runConfig) mayPin() error {
	if !cfg.persist {
		return nil
	}
	return pinError(cfg.machine.pins.free(cfg.pinDir))
}

// pinError makes a mistake in the flags of a directory where nothing can be pinned.
func pinError(err error) error {
	var wrong *engine.PinDirError
	if errors.As(err, &wrong) && wrong.Err == nil {
		return &command.UsageError{Err: fmt.Errorf("--pin-dir: %w", err)}
	}
	return err
}

// tellStay says at the end what stays.
func (cfg *runConfig) tellStay(env *command.Env) {
	if !cfg.pinned || env.Quiet {
		return
	}
	flag := pinFlag(cfg.pinDir)
	fmt.Fprintf(env.Stderr, "%s: the policies stay in force: guard status%s tells of them, guard detach%s takes them away\n", env.Name, flag, flag)
}

// pinFlag is what other commands need to find the directory.
func pinFlag(dir string) string {
	if dir == engine.DefaultPinDir {
		return ""
	}
	return " --pin-dir " + escaped(dir)
}
