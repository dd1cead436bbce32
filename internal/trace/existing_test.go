package trace

import (
	"errors"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
)

// TestExisting: what was there before is printed first, kept or not like
// everything else, and the account adds up.
func TestExisting(t *testing.T) {
	for _, test := range []struct {
		what   string
		count  int
		want   []string
		stop   error
		stderr string
	}{
		{what: "all", want: []string{"old", "older", "new"}, stderr: "notes: 5 seen = 3 printed + 2 filtered + 0 lost\n"},
		{what: "as many as --count says", count: 1, want: []string{"old"}, stop: events.ErrStop,
			stderr: "notes: 5 seen = 1 printed + 0 filtered + 0 lost + 4 unread\n"},
	} {
		b := newBench(t, command.Common{Count: test.count})
		b.kernel = events.Counters{Seen: 2}
		existing := []*note{{text: "old"}, {text: "-"}, {text: "older"}}
		b.existing = uint64(len(existing))
		err := b.begin(existing)
		qt.Check(t, qt.Equals(err, test.stop), qt.Commentf("%s", test.what))
		if err == nil {
			qt.Assert(t, qt.IsNil(b.Record([]byte("new"))))
			qt.Assert(t, qt.IsNil(b.Record([]byte("-"))))
		}
		qt.Assert(t, qt.IsNil(b.finish(nil)))
		qt.Check(t, qt.DeepEquals(b.writer.out, test.want), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(b.stderr.String(), test.stderr), qt.Commentf("%s", test.what))
	}
}

// TestEnded: the command's own answer comes when all is told, and after a loss
// that is an error.
func TestEnded(t *testing.T) {
	answer := errors.New("found something")
	b := newBench(t, command.Common{FailOnLoss: true})
	b.tool.Ended = func() error {
		qt.Check(t, qt.StringContains(b.stderr.String(), " seen = "))
		return answer
	}
	qt.Check(t, qt.Equals(b.finish(nil), answer))
	b.kernel.Lost = 1
	qt.Check(t, qt.Equals(b.finish(nil), errLoss))
}
