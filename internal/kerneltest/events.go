package kerneltest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output/schematest"
)

// Number returns a JSON number, or -1 for anything else.
func Number(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := n.Int64()
	if err != nil {
		return -1
	}
	return i
}

// Strings returns a JSON list of strings, or nil for anything else.
func Strings(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

// One asserts that there is exactly one event.
func One(t testing.TB, events []Event) Event {
	t.Helper()
	qt.Assert(t, qt.Equals(len(events), 1))
	return events[0]
}

// Of matches the events of a process.
func Of(pid int) func(Event) bool {
	return func(e Event) bool { return Number(e["pid"]) == int64(pid) }
}

// enough is of how many events the lines are checked against a schema: in a storm
// one is as another, and checking takes longer than the storm.
const enough = 211

// Validate checks the lines of a run that ended against a schema, all but events
// beyond many.
func (r *Run) Validate(schema []byte) {
	r.t.Helper()
	s, err := schematest.Compile(schema)
	qt.Assert(r.t, qt.IsNil(err))
	events := 0
	for line := range strings.Lines(r.Stdout()) {
		if strings.Contains(line, `"type":"event"`) {
			if events++; events > enough {
				continue
			}
		}
		qt.Assert(r.t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", line))
	}
}
