package trace

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
)

// TestUnfinished: what was begun is printed at the end like everything else,
// unless enough was printed or nobody reads.
func TestUnfinished(t *testing.T) {
	for _, test := range []struct {
		what   string
		common command.Common
		end    error
		begun  []string
		want   []string
		stderr string
	}{
		{what: "some are not kept", begun: []string{"b", "-", "c"}, want: []string{"a", "b", "c"},
			stderr: "notes: 5 seen = 3 printed + 1 filtered + 0 lost + 1 unread\n"},
		{what: "--count is reached before", common: command.Common{Count: 1}, begun: []string{"b"}, want: []string{"a"},
			stderr: "notes: 5 seen = 1 printed + 0 filtered + 0 lost + 4 unread\n"},
		{what: "--count is reached there", common: command.Common{Count: 2}, begun: []string{"b", "c"}, want: []string{"a", "b"},
			stderr: "notes: 5 seen = 2 printed + 0 filtered + 0 lost + 3 unread\n"},
		{what: "the reader left", end: syscall.EPIPE, begun: []string{"b"},
			stderr: "notes: 5 seen = 1 printed + 0 filtered + 0 lost + 4 unread\n"},
	} {
		b := newBench(t, test.common)
		b.kernel = events.Counters{Seen: 5}
		b.loaded.Collection = new(ebpf.Collection)
		b.tool.Unfinished = func(_ map[string]*ebpf.Map, record func([]byte) error) error {
			for _, raw := range test.begun {
				if err := record([]byte(raw)); err != nil {
					return err
				}
			}
			return nil
		}
		_ = b.Record([]byte("a"))
		qt.Check(t, qt.IsNil(b.finish(test.end)), qt.Commentf("%s", test.what))
		qt.Check(t, qt.DeepEquals(b.writer.out, test.want), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(b.stderr.String(), test.stderr), qt.Commentf("%s", test.what))
	}

	b := newBench(t, command.Common{})
	b.loaded.Collection = new(ebpf.Collection)
	b.tool.Unfinished = func(map[string]*ebpf.Map, func([]byte) error) error { return errors.New("broken") }
	qt.Check(t, qt.ErrorMatches(b.finish(nil), "print what is unfinished: broken"))
}
