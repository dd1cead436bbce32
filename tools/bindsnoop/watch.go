package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
)

// watch compares listeners with a baseline, and writes one.
type watch struct {
	expected *baseline // nil unless --baseline
	found    uint64    // not expected
	file     *os.File  // nil unless --save-baseline
	lines    map[string]bool
}

// newWatch opens the files. What is to be written is opened before privileges are
// dropped, and before half an hour of tracing turns out to be in vain; only for a
// real run, since that makes a file.
func newWatch(cfg *config, real bool) (*watch, error) {
	w := &watch{lines: make(map[string]bool)}
	var err error
	if cfg.baseline != "" {
		if w.expected, err = openBaseline(cfg.baseline); err != nil {
			return nil, &command.UsageError{Err: err}
		}
	}
	if cfg.saveBaseline != "" && real {
		if w.file, err = os.OpenFile(cfg.saveBaseline, os.O_WRONLY|os.O_CREATE, 0o644); err != nil {
			return nil, &command.UsageError{Err: fmt.Errorf("--save-baseline: %w", err)}
		}
	}
	return w, nil
}

// keep says whether a listener is to be printed.
func (w *watch) keep(e *event) bool {
	at := place{e.protocol(), e.addr, e.Port}
	if w.file != nil {
		w.lines[baselineLine(at, e.exe)] = true
	}
	if w.expected == nil {
		return true
	}
	if w.expected.has(at, e.exe) {
		return false
	}
	w.found++
	return true
}

// ended writes the list, and says whether something was not expected.
func (w *watch) ended() error {
	if w.file != nil {
		if err := w.write(); err != nil {
			return fmt.Errorf("write baseline: %w", err)
		}
	}
	if w.found > 0 {
		return unexpected(w.found)
	}
	return nil
}

func (w *watch) write() error {
	var b strings.Builder
	b.WriteString("# Expected listeners: protocol address port executable. See bindsnoop(8).\n")
	for _, line := range slices.Sorted(maps.Keys(w.lines)) {
		b.WriteString(line + "\n")
	}
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	if _, err := io.WriteString(w.file, b.String()); err != nil {
		return err
	}
	return w.file.Close()
}
