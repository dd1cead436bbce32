package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// guestBin is where the guest finds our binaries.
const guestBin = "/usr/local/bin"

// marker begins a line of the guest's output that is a measured metric; all
// others are for people.
const marker = "@measured "

// sent is such a line.
type sent struct {
	Name  string `json:"name"`
	Saved saved  `json:"saved"`
}

// send writes what was measured as one line.
func send(w io.Writer, name string, s saved) error {
	b, err := json.Marshal(sent{name, s})
	if err != nil {
		return fmt.Errorf("send samples: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", marker, b)
	return err
}

// receiver takes the guest's output apart.
type receiver struct {
	people io.Writer
	keep   func(name string, s saved) error
	rest   []byte
	err    error // the first one; the rest of the output is still shown
}

func (r *receiver) Write(p []byte) (int, error) {
	r.rest = append(r.rest, p...)
	for {
		line, rest, whole := bytes.Cut(r.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		if err := r.take(line); err != nil && r.err == nil {
			r.err = err
		}
		r.rest = rest
	}
}

func (r *receiver) take(line []byte) error {
	text, ok := bytes.CutPrefix(line, []byte(marker))
	if !ok {
		_, err := fmt.Fprintf(r.people, "%s\n", line)
		return err
	}
	var s sent
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read samples from the guest: %w", err)
	}
	return r.keep(s.Name, s.Saved)
}
