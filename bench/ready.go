package main

import (
	"fmt"
	"os"
	"time"
)

// readyMark is in the lines of the events that are made to find out whether a
// tool is tracing yet.
const readyMark = "READY"

// started is a tool that traces, with its stdout in a file.
type started struct {
	*process
	out *capture
}

// startReady starts a tool and makes events until it has printed some, which
// is the one sign of life that every tool gives. One that fills a block of
// 4096 bytes before it writes to a file needs dozens of them.
func (b *bench) startReady(s subject, t tuning, l load) (*started, error) {
	out, err := b.newCapture(l.mark)
	if err != nil {
		return nil, err
	}
	p, err := b.start(s, t, out.File)
	if err != nil {
		out.remove()
		return nil, err
	}
	st := &started{p, out}
	if err := b.awaitReady(st, ready(l)); err != nil {
		st.end()
		return nil, err
	}
	return st, nil
}

// ready is the same load with another mark.
func ready(l load) load {
	args := make([]string, len(l.args))
	for i, a := range l.args {
		if a == l.mark {
			a = readyMark
		}
		args[i] = a
	}
	return load{l.driver, args, readyMark, l.cheap}
}

func (b *bench) awaitReady(st *started, l load) error {
	seen := capture{File: st.out.File, mark: []byte(l.mark), buf: make([]byte, 64<<10)}
	many := pace{each: l.times(20, 10)}
	if l.cheap == 0 {
		many.pause = time.Millisecond
	}
	for began := time.Now(); time.Since(began) < b.ready; {
		if st.exited() {
			text, _ := st.out.text()
			return st.whyEnded(text)
		}
		if err := b.drive(l, many); err != nil {
			return err
		}
		if err := seen.read(); err != nil {
			return err
		}
		if seen.marks > 0 {
			st.out.quiet(150 * time.Millisecond)
			return nil
		}
		time.Sleep(min(time.Since(began)/2, b.unready))
	}
	text, _ := os.ReadFile(st.stderr.Name())
	return fmt.Errorf("wait until it traces: no event in %v\n%s", b.ready, text)
}

// finish ends the tool with Ctrl-C and counts what it printed to the end.
func (st *started) finish() (stderr string, err error) {
	stderr, err = st.stop(stopLimit)
	if err != nil {
		return stderr, err
	}
	return stderr, st.out.read()
}

// end cleans up, whatever has happened before.
func (st *started) end() {
	st.kill()
	st.out.remove()
}
