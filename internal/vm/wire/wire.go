// Package wire carries values out of a guest among the lines that it prints for people.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// marker begins a line that is a value in JSON; all others are for people.
const marker = "@value "

// Send writes a value as one line.
func Send(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("send a value: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", marker, b)
	return err
}

// Receiver takes the output of a guest apart.
type Receiver[T any] struct {
	People io.Writer     // gets the lines for people
	Use    func(T) error // gets each value

	rest []byte
	err  error
}

// Err is the first error of a value or of its use; the rest of the output was still shown.
func (r *Receiver[T]) Err() error { return r.err }

// Write takes a piece of the output. It does not fail.
func (r *Receiver[T]) Write(p []byte) (int, error) {
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

func (r *Receiver[T]) take(line []byte) error {
	text, ok := bytes.CutPrefix(line, []byte(marker))
	if !ok {
		_, err := fmt.Fprintf(r.People, "%s\n", line)
		return err
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("read a value from the guest: %w", err)
	}
	return r.Use(v)
}
