package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSamplesLeaveTheGuest(t *testing.T) {
	r := measured()
	var wire, people bytes.Buffer
	wire.WriteString("bench: x\n")
	qt.Assert(t, qt.IsNil(send(&wire, r.name, r.save())))
	wire.WriteString("bench: y\n")

	all := make(map[string]saved)
	in := &receiver{people: &people, keep: func(name string, s saved) error { all[name] = s; return nil }}
	for b := range strings.SplitSeq(wire.String(), "e") { // lines come in pieces
		in.Write([]byte(b))
		in.Write([]byte("e"))
	}
	qt.Assert(t, qt.IsNil(in.err))
	qt.Assert(t, qt.Equals(people.String(), "bench: x\nbench: y\n"))
	back, ok := all[r.name].result(r.metric)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.DeepEquals(back.save(), r.save()))
}

func TestSamplesThatAreNone(t *testing.T) {
	in := &receiver{people: &bytes.Buffer{}, keep: func(string, saved) error { return nil }}
	in.Write([]byte(marker + "{\n"))
	qt.Assert(t, qt.ErrorMatches(in.err, "read samples from the guest: .*"))
}
