package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// answer is an error with an exit code of its own.
type answer int

func (a answer) Error() string { return fmt.Sprintf("found %d", int(a)) }
func (a answer) ExitCode() int { return int(a) }

func TestExitCodes(t *testing.T) {
	missing := &preflight.MissingCapability{
		Command: "testsnoop",
		Missing: []preflight.Need{{Cap: preflight.Perfmon, Why: "attach"}},
		Set:     []preflight.Need{{Cap: preflight.BPF, Why: "load"}, {Cap: preflight.Perfmon, Why: "attach"}},
	}
	for _, test := range []struct {
		err    error
		code   int
		stderr string // a regular expression
	}{
		{nil, ExitOK, ""},
		{syscall.EPIPE, ExitOK, ""},
		{fmt.Errorf("write output: %w", &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}), ExitOK, ""},
		{errors.New("read records: broken"), ExitFailure, "testsnoop: read records: broken\n"},
		{io.ErrUnexpectedEOF, ExitFailure, "testsnoop: unexpected EOF\n"},
		{Usagef("--pid: no process %d", 7), ExitUsage, "testsnoop: --pid: no process 7\n"},
		{fmt.Errorf("outer: %w", &UsageError{errors.New("inner")}), ExitUsage, "testsnoop: outer: inner\n"},
		{&UsageError{missing}, ExitUsage, "(?s)testsnoop: missing capability: .*"},
		{missing, ExitPrivileges, `testsnoop: missing capability: CAP_PERFMON \(to attach\)\ntestsnoop: remedy: run as root, or: setcap cap_bpf,cap_perfmon=ep \S+, or in a container: --cap-add BPF --cap-add PERFMON\n`},
		{fmt.Errorf("start: %w", missing), ExitPrivileges, "testsnoop: start: missing capability: .*\ntestsnoop: remedy: .*\n"},
		{&preflight.MissingFeature{Feature: "ring buffers", Fix: "use 5.8"}, ExitKernel,
			"testsnoop: this kernel lacks ring buffers\ntestsnoop: remedy: use 5.8\n"},
		{&preflight.MissingFeature{Feature: "ring buffers", Err: syscall.EINVAL}, ExitKernel,
			"testsnoop: this kernel lacks ring buffers: invalid argument\n"},
		{fmt.Errorf("compare: %w", answer(7)), 7, "testsnoop: compare: found 7\n"},
		{&preflight.LockedDown{Mode: "confidentiality", Err: syscall.EPERM}, ExitKernel,
			"testsnoop: this kernel is locked down \\(confidentiality\\) .*: operation not permitted\ntestsnoop: remedy: boot with lockdown=integrity, .*\n"},
	} {
		r := execute(t, func(context.Context, *Env) error { return test.err })
		comment := qt.Commentf("%v", test.err)
		qt.Check(t, qt.Equals(r.code, test.code), comment)
		qt.Check(t, qt.Equals(r.stdout, ""), comment)
		qt.Check(t, qt.Matches(r.stderr, test.stderr), comment)
		qt.Check(t, qt.Equals(ExitCode(test.err), test.code), comment)
	}
}

// TestHostileErrors checks that names in errors stay on their line.
func TestHostileErrors(t *testing.T) {
	const evil = "/tmp/\x1b[2J\ntestsnoop: all is well\r\x9b\u202e\xff"
	r := execute(t, func(context.Context, *Env) error {
		return &preflight.MissingFeature{Feature: evil, Fix: evil, Err: &os.PathError{Op: "open", Path: evil, Err: os.ErrNotExist}}
	})
	qt.Assert(t, qt.Equals(r.code, ExitKernel))
	error, remedy, ok := bytes.Cut([]byte(r.stderr), []byte("\n"))
	qt.Assert(t, qt.IsTrue(ok))
	checkOneLine(t, string(remedy))
	checkPrintable(t, string(error))
	checkPrintable(t, string(remedy))
	qt.Check(t, qt.Matches(string(remedy), `testsnoop: remedy: /tmp/\\x1b\[2J\\ntestsnoop: .*\n`))
}

// brokenPipe is stdout after its reader left.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}

// full is stdout on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestClosedPipe(t *testing.T) {
	for _, arg := range []string{"--help", "--version", "--describe=schema", "--describe=flags"} {
		var stderr bytes.Buffer
		c := testCommand(new(ownFlags))
		qt.Check(t, qt.Equals(c.Execute(t.Context(), []string{arg}, brokenPipe{}, &stderr), ExitOK), qt.Commentf("%s", arg))
		qt.Check(t, qt.Equals(stderr.String(), ""), qt.Commentf("%s", arg))

		qt.Check(t, qt.Equals(c.Execute(t.Context(), []string{arg}, full{}, &stderr), ExitFailure), qt.Commentf("%s", arg))
		qt.Check(t, qt.Equals(stderr.String(), "testsnoop: no space left on device\n"), qt.Commentf("%s", arg))
	}
}
