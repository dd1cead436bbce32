package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/uprobe"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// discovery finds the files to attach to: those that are named, or else libraries in the
// usual places, and those of all processes, now and later.
type discovery struct {
	attacher *attacher
	files    uprobe.Files
	started  chan uint32 // processes with a new image
	stop     chan struct{}
	done     sync.WaitGroup
	running  bool
}

// lookInterval is how often all processes are looked at again. A library that is loaded
// late, by dlopen, is found then.
const lookInterval = 2 * time.Second

// againAfter is when the files of a new process are looked at: its libraries are not
// mapped yet when it begins.
var againAfter = []time.Duration{0, 5 * time.Millisecond, 25 * time.Millisecond, 150 * time.Millisecond}

func newDiscovery(a *attacher) *discovery {
	return &discovery{attacher: a, started: make(chan uint32, 1024), stop: make(chan struct{})}
}

// begin attaches to what there is.
func (d *discovery) begin() error {
	cfg := d.attacher.cfg
	for _, path := range append(cfg.libs[:len(cfg.libs):len(cfg.libs)], cfg.exes...) {
		if err := d.named(path); err != nil {
			return err
		}
	}
	if len(cfg.libs)+len(cfg.exes) > 0 {
		return nil
	}
	find(cfg, d.look)
	if d.attacher.env.Check {
		return nil
	}
	d.running = true
	d.done.Add(1)
	go d.follow()
	return nil
}

// named attaches to a file of --lib or --exe, or says why it cannot.
func (d *discovery) named(path string) error {
	if path, err := filepath.Abs(path); err == nil {
		err = d.try(symbol.In(0, path))
		if errors.Is(err, library.ErrNothing) || errors.Is(err, fs.ErrNotExist) {
			err = &command.UsageError{Err: fmt.Errorf("%s: %w", path, err)}
		}
		return err
	}
	return d.try(symbol.In(0, path))
}

// libraryNames are how files begin that are looked into without being anybody's program.
// libssl3 is that of NSS; Firefox has it in a libnss3.
var libraryNames = []string{"libssl.", "libssl-", "libcrypto.", "libcrypto-", "libgnutls.", "libssl3.", "libnss3."}

// find hands over the files that are to be looked into, with the process that has one
// mapped, or 0. One file can come often.
func find(cfg *config, found func(m symbol.Mapped, pid uint32)) {
	for _, path := range append(cfg.libs[:len(cfg.libs):len(cfg.libs)], cfg.exes...) {
		found(symbol.In(0, path), 0)
	}
	if len(cfg.libs)+len(cfg.exes) > 0 {
		return
	}
	uprobe.Usual(hasLibraryName, func(m symbol.Mapped) { found(m, 0) })
	uprobe.OfProcesses(isWanted, found)
}

// isWanted reports whether a file of a process is to be looked into: its program, and what
// has the name of a library.
func isWanted(path string, program bool) bool { return program || hasLibraryName(path) }

func hasLibraryName(path string) bool {
	for _, name := range libraryNames {
		if strings.HasPrefix(filepath.Base(path), name) {
			return true
		}
	}
	return false
}

// look attaches to a file if it is new and a library. That it cannot be is told.
func (d *discovery) look(f symbol.Mapped, _ uint32) {
	err := d.try(f)
	if err == nil || errors.Is(err, library.ErrNothing) {
		return
	}
	if env := d.attacher.env; env.Verbose {
		fmt.Fprintf(env.Stderr, "%s: %s\n", env.Name, output.AppendEscaped(nil, []byte(err.Error())))
	}
}

func (d *discovery) try(m symbol.Mapped) error {
	return d.files.Once(m, func(f *os.File, size int64) error {
		lib, err := library.Inspect(f, size)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		return d.attacher.attachFile(f, m.Path, lib)
	})
}

// visit is a process to look at, and when.
type visit struct {
	pid uint32
	at  time.Time
}

// follow looks for what is new until the end.
func (d *discovery) follow() {
	defer d.done.Done()
	var due []visit // in no order; there are few
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	soon := time.NewTimer(0)
	defer soon.Stop()
	for {
		select {
		case <-d.stop:
			return
		case pid := <-d.started:
			for _, after := range againAfter {
				due = append(due, visit{pid, time.Now().Add(after)})
			}
		case <-tick.C:
			uprobe.OfProcesses(isWanted, d.look)
		case <-soon.C:
		}
		due = d.visit(due)
		if next, ok := earliest(due); ok {
			soon.Reset(time.Until(next))
		}
	}
}

// visit looks at the processes that are due, and returns the others.
func (d *discovery) visit(due []visit) []visit {
	now := time.Now()
	later := due[:0]
	for _, v := range due {
		if v.at.After(now) {
			later = append(later, v)
		} else {
			uprobe.OfProcess(v.pid, isWanted, d.look)
		}
	}
	return later
}

func earliest(visits []visit) (at time.Time, ok bool) {
	for _, v := range visits {
		if !ok || v.at.Before(at) {
			at, ok = v.at, true
		}
	}
	return at, ok
}

// execed is told of a process with a new image. It does not wait: what it cannot take is
// found with the next look at all.
func (d *discovery) execed(pid uint32) {
	select {
	case d.started <- pid:
	default:
	}
}

// end stops looking.
func (d *discovery) end() {
	if d.running {
		d.running = false
		close(d.stop)
		d.done.Wait()
	}
}
