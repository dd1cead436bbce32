package command

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// Exit codes of every command.
const (
	ExitOK         = 0 // done; Ctrl-C, SIGTERM, --duration and --count included
	ExitFailure    = 1 // run-time failure, or loss with --fail-on-loss
	ExitUsage      = 2 // a wrong flag or value
	ExitKernel     = 3 // the kernel lacks something
	ExitPrivileges = 4 // a privilege is missing
)

// Answer is an error that answers what a command was asked, with an exit code of
// its own, above those that all commands share, or one that a subcommand gives
// another meaning. One without a text is told by its exit code alone.
type Answer interface {
	error
	ExitCode() int
}

// UsageError is a mistake on the command line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a [UsageError].
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// ExitCode returns the exit code for an error, nil included.
func ExitCode(err error) int {
	var (
		usage      *UsageError
		capability *preflight.MissingCapability
		feature    *preflight.MissingFeature
		locked     *preflight.LockedDown
		answer     Answer
	)
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &capability):
		return ExitPrivileges
	case errors.As(err, &feature), errors.As(err, &locked):
		return ExitKernel
	case errors.As(err, &answer):
		return answer.ExitCode()
	}
	return ExitFailure
}

// Remedy returns what would mend err, or "".
func Remedy(err error) string {
	var r interface{ Remedy() string }
	if errors.As(err, &r) {
		return r.Remedy()
	}
	return ""
}

// report tells an error in one line and its remedy in another, and returns
// the exit code. A closed pipe is how the reader says that it has enough.
func report(name string, stderr io.Writer, err error) int {
	code := ExitCode(err)
	if err == nil || code == ExitOK || err.Error() == "" {
		return code
	}
	// Errors quote paths and names that may be hostile.
	fmt.Fprintf(stderr, "%s: %s\n", name, output.AppendEscaped(nil, []byte(err.Error())))
	if r := Remedy(err); r != "" {
		fmt.Fprintf(stderr, "%s: remedy: %s\n", name, output.AppendEscaped(nil, []byte(r)))
	}
	return code
}
