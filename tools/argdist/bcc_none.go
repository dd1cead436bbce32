//go:build !bcc

package main

import (
	"errors"

	"github.com/ringside-tools/ringside/internal/command"
)

// canDrop says whether a process can drop capabilities on all of its threads.
const canDrop = true

// prepareBCC says how to build a command that can.
func (s *session) prepareBCC() error {
	return &command.UsageError{Err: errors.New("--backend bcc: this argdist was built without libbcc: " +
		"apt-get install libbpfcc-dev, and build it with CGO_ENABLED=1 go build -tags bcc ./tools/argdist")}
}
