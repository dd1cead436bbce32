package main

import (
	"io"

	"github.com/ringside-tools/ringside/internal/vm/wire"
)

// sent is what a guest sends of a metric that was measured.
type sent struct {
	Name  string `json:"name"`
	Saved saved  `json:"saved"`
}

func send(w io.Writer, name string, s saved) error { return wire.Send(w, sent{name, s}) }

// receiver takes the guest's output apart.
func receiver(people io.Writer, keep func(name string, s saved) error) *wire.Receiver[sent] {
	return &wire.Receiver[sent]{People: people, Use: func(s sent) error { return keep(s.Name, s.Saved) }}
}
