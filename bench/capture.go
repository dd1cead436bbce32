package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// capture follows a file that a tool writes to, and counts lines.
type capture struct {
	*os.File
	mark  []byte
	lines int // whole lines so far
	marks int // those with the mark
	told  int // those of ours that are no event but tell a loss, in JSON
	rest  []byte
	buf   []byte
	pos   int64
}

// toldMark is in such a line. No text of an event has it: JSON escapes quotes.
var toldMark = []byte(`,"type":"lost",`)

func (b *bench) newCapture(mark string) (*capture, error) {
	f, err := os.CreateTemp(b.dir, "stdout-")
	if err != nil {
		return nil, fmt.Errorf("make a file for stdout: %w", err)
	}
	return &capture{File: f, mark: []byte(mark), buf: make([]byte, 1<<20)}, nil
}

func (c *capture) remove() {
	c.Close()
	os.Remove(c.Name())
}

// read counts what is new.
func (c *capture) read() error {
	for {
		n, err := c.ReadAt(c.buf, c.pos)
		c.pos += int64(n)
		c.count(c.buf[:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read output: %w", err)
		}
	}
}

func (c *capture) count(b []byte) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			c.rest = append(c.rest, b...)
			return
		}
		line := b[:i]
		if len(c.rest) > 0 {
			line = append(c.rest, line...)
		}
		c.lines++
		if bytes.Contains(line, c.mark) {
			c.marks++
		}
		if bytes.Contains(line, toldMark) {
			c.told++
		}
		c.rest, b = c.rest[:0], b[i+1:]
	}
}

// size is cheaper than read, to look often.
func (c *capture) size() int64 {
	st, err := c.Stat()
	if err != nil {
		return 0
	}
	return st.Size()
}

// neverQuiet is after how long a tool is taken to find something to print for ever.
const neverQuiet = 2 * time.Minute

// quiet waits until the file has not grown for that long, and returns when it
// last grew.
func (c *capture) quiet(long time.Duration) time.Time {
	began := time.Now()
	last, size := began, c.size()
	for time.Since(last) < long && time.Since(began) < neverQuiet {
		time.Sleep(200 * time.Microsecond)
		if now := c.size(); now != size {
			last, size = time.Now(), now
		}
	}
	return last
}

// text is all of it.
func (c *capture) text() (string, error) {
	data, err := os.ReadFile(c.Name())
	if err != nil {
		return "", fmt.Errorf("read output: %w", err)
	}
	return string(data), nil
}
