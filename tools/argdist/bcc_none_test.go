//go:build !bcc

package main

import (
	"bytes"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
)

// TestWithoutBCC says how to build a command that has it.
func TestWithoutBCC(t *testing.T) {
	var out, err bytes.Buffer
	code := newCommand().Execute(t.Context(), []string{"--backend", "bcc", "-C", "p::f()"}, &out, &err)
	qt.Check(t, qt.Equals(code, command.ExitUsage))
	qt.Check(t, qt.StringContains(err.String(), "go build -tags bcc ./tools/argdist"))
}
