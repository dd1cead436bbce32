package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

type value struct{ Name string }

// TestWire: values and lines for people arrive whole and apart, in whatever pieces.
func TestWire(t *testing.T) {
	var out, people bytes.Buffer
	out.WriteString("begin: x\n")
	for _, name := range []string{"one", "two\nlines"} {
		qt.Assert(t, qt.IsNil(Send(&out, value{name})))
	}
	out.WriteString("end: y\n")
	var got []string
	in := &Receiver[value]{People: &people, Use: func(v value) error { got = append(got, v.Name); return nil }}
	for piece := range strings.SplitAfterSeq(out.String(), "e") {
		n, err := in.Write([]byte(piece))
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.Equals(n, len(piece)))
	}
	qt.Check(t, qt.IsNil(in.Err()))
	qt.Check(t, qt.DeepEquals(got, []string{"one", "two\nlines"}))
	qt.Check(t, qt.Equals(people.String(), "begin: x\nend: y\n"))
}

// TestNoValue: the first error stays, and what comes after it is shown.
func TestNoValue(t *testing.T) {
	var people bytes.Buffer
	in := &Receiver[value]{People: &people, Use: func(value) error { return errors.New("later") }}
	in.Write([]byte(marker + "{\n" + marker + "{}\nstill here\n"))
	qt.Check(t, qt.ErrorMatches(in.Err(), "read a value from the guest: .*"))
	qt.Check(t, qt.Equals(people.String(), "still here\n"))
}
