package main

import (
	"bytes"
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
	in := receiver(&people, func(name string, s saved) error { all[name] = s; return nil })
	in.Write(wire.Bytes())
	qt.Assert(t, qt.IsNil(in.Err()))
	qt.Assert(t, qt.Equals(people.String(), "bench: x\nbench: y\n"))
	back, ok := all[r.name].result(r.metric)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.DeepEquals(back.save(), r.save()))
}
