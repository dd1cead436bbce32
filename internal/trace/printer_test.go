package trace

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
)

func TestRecord(t *testing.T) {
	b := newBench(t, command.Common{})
	for _, raw := range []string{"a", "-b", "c", "-d", "-e"} {
		qt.Assert(t, qt.IsNil(b.Record([]byte(raw))))
	}
	qt.Check(t, qt.DeepEquals(b.writer.pending, []string{"a", "c"}))
	qt.Check(t, qt.HasLen(b.writer.out, 0), qt.Commentf("written before the buffers were drained"))
	qt.Check(t, qt.Equals(b.printed, 2))
	qt.Check(t, qt.Equals(b.dropped, 3))

	qt.Check(t, qt.ErrorIs(b.Record([]byte("!")), errDecode))
	qt.Check(t, qt.Equals(b.printed, 2))

	qt.Assert(t, qt.IsNil(b.Idle()))
	qt.Check(t, qt.DeepEquals(b.writer.out, []string{"a", "c"}))

	b.tool.Keep = nil
	qt.Assert(t, qt.IsNil(b.Record([]byte("-f"))))
	qt.Check(t, qt.Equals(b.printed, 3))

	b.writer.err = syscall.ENOSPC
	qt.Check(t, qt.ErrorIs(b.Record([]byte("g")), error(syscall.ENOSPC)))
	qt.Check(t, qt.Equals(b.printed, 3))
	qt.Check(t, qt.ErrorIs(b.Idle(), error(syscall.ENOSPC)))
}

// TestCount checks that --count counts what was printed, to the unit.
func TestCount(t *testing.T) {
	b := newBench(t, command.Common{Count: 3})
	for _, step := range []struct {
		raw  string
		stop bool
	}{{"a", false}, {"-", false}, {"b", false}, {"-", false}, {"c", true}} {
		err := b.Record([]byte(step.raw))
		qt.Check(t, qt.Equals(errors.Is(err, events.ErrStop), step.stop), qt.Commentf("%s: %v", step.raw, err))
	}
	qt.Check(t, qt.Equals(b.printed, 3))

	b = newBench(t, command.Common{})
	for range 1000 {
		qt.Assert(t, qt.IsNil(b.Record([]byte("a"))))
	}
}

// TestFinish closes the account in all the ways that a run can end.
func TestFinish(t *testing.T) {
	for _, test := range []struct {
		what    string
		common  command.Common
		kernel  events.Counters
		records []string
		end     error // why reading ended
		want    string
		stderr  string
	}{
		{what: "nothing happened", stderr: "notes: 0 seen = 0 printed + 0 filtered + 0 lost\n"},
		{what: "filters here and there add up", kernel: events.Counters{Seen: 10, Filtered: 4}, records: []string{"a", "b", "c", "-", "-", "d"},
			stderr: "notes: 10 seen = 4 printed + 6 filtered + 0 lost\n"},
		{what: "stopped by --count", kernel: events.Counters{Seen: 10, Filtered: 4}, records: []string{"a", "b"},
			stderr: "notes: 10 seen = 2 printed + 4 filtered + 0 lost + 4 unread\n"},
		{what: "truncated and unreadable", kernel: events.Counters{Seen: 3, Truncated: 2, Unreadable: 1}, records: []string{"a", "b", "c"},
			stderr: "notes: 3 seen = 3 printed + 0 filtered + 0 lost; 2 truncated; 1 with unreadable memory\n"},
		{what: "skipped programs are told, and are no loss", common: command.Common{FailOnLoss: true}, kernel: events.Counters{Seen: 1, Rescued: 5, Skipped: 2}, records: []string{"a"},
			stderr: "notes: 1 seen = 1 printed + 0 filtered + 0 lost; 2 runs of our programs were skipped by the kernel, perhaps with an event\n"},
		{what: "quiet", common: command.Common{Quiet: true}, kernel: events.Counters{Seen: 1, Truncated: 1}, records: []string{"a"}, stderr: ""},
		{what: "loss", common: command.Common{Format: "table", Buffer: 65536}, kernel: events.Counters{Seen: 5, Lost: 4}, records: []string{"a"},
			stderr: "notes: lost 4 events (4 so far): --buffer takes a larger size than 65536\nnotes: 5 seen = 1 printed + 0 filtered + 4 lost\n"},
		{what: "loss is told in spite of --quiet", common: command.Common{Quiet: true, Format: "csv", Buffer: 65536}, kernel: events.Counters{Seen: 1, Lost: 1},
			stderr: "notes: lost 1 events (1 so far): --buffer takes a larger size than 65536\nnotes: 1 seen = 0 printed + 0 filtered + 1 lost\n"},
		{what: "loss in JSON has its line", common: command.Common{Format: "json"}, kernel: events.Counters{Seen: 1, Lost: 1},
			stderr: "notes: 1 seen = 0 printed + 0 filtered + 1 lost\n"},
		{what: "--fail-on-loss", common: command.Common{FailOnLoss: true, Format: "json"}, kernel: events.Counters{Seen: 2, Lost: 1}, records: []string{"a"},
			want: `events were lost \(--fail-on-loss\)`, stderr: "notes: 2 seen = 1 printed + 0 filtered + 1 lost\n"},
		{what: "--fail-on-loss without loss", common: command.Common{FailOnLoss: true}, kernel: events.Counters{Seen: 2, Filtered: 1}, records: []string{"a"},
			stderr: "notes: 2 seen = 1 printed + 1 filtered + 0 lost\n"},
		{what: "the reader left", kernel: events.Counters{Seen: 7}, records: []string{"a"}, end: fmt.Errorf("write output: %w", syscall.EPIPE),
			stderr: "notes: 7 seen = 1 printed + 0 filtered + 0 lost + 6 unread\n"},
		{what: "the reader left, but nothing excuses loss", common: command.Common{FailOnLoss: true}, kernel: events.Counters{Seen: 7, Lost: 6}, records: []string{"a"}, end: syscall.EPIPE,
			want: `events were lost .*`, stderr: "notes: 7 seen = 1 printed + 0 filtered + 6 lost\n"},
		{what: "reading failed", kernel: events.Counters{Seen: 7}, records: []string{"a"}, end: os.ErrClosed,
			want: "file already closed", stderr: ""},
	} {
		b := newBench(t, test.common)
		b.kernel = test.kernel
		var kept []string
		for _, raw := range test.records {
			qt.Assert(t, qt.IsNil(b.Record([]byte(raw))))
			if raw[0] != '-' {
				kept = append(kept, raw)
			}
		}
		err := b.finish(test.end)
		comment := qt.Commentf("%s", test.what)
		if test.want == "" {
			qt.Check(t, qt.IsNil(err), comment)
		} else {
			qt.Check(t, qt.ErrorMatches(err, test.want), comment)
			qt.Check(t, qt.Equals(command.ExitCode(err), command.ExitFailure), comment)
		}
		qt.Check(t, qt.Equals(b.stderr.String(), test.stderr), comment)
		if !errors.Is(test.end, syscall.EPIPE) {
			qt.Check(t, qt.DeepEquals(b.writer.out, kept), comment)
		}
	}
}

// TestLate: what is decided later leaves what was read, and the account adds up.
func TestLate(t *testing.T) {
	b := newBench(t, command.Common{})
	b.kernel = events.Counters{Seen: 9, Filtered: 1}
	b.tool.Expand = func(*note, func(*note) error) error { return nil }
	b.tool.Late = func() (filtered, unread uint64) { return 3, 2 }
	for range 8 {
		qt.Assert(t, qt.IsNil(b.Record([]byte("a"))))
	}
	qt.Assert(t, qt.IsNil(b.finish(nil)))
	qt.Check(t, qt.Equals(b.stderr.String(), "notes: 9 seen = 3 read + 4 filtered + 0 lost + 2 unread; 0 printed\n"))
}

// TestFinishErrors: an account that cannot be closed is an error.
func TestFinishErrors(t *testing.T) {
	b := newBench(t, command.Common{})
	b.counting = errors.New("read counters: broken")
	qt.Check(t, qt.ErrorMatches(b.finish(nil), "read counters: broken"))
	qt.Check(t, qt.ErrorMatches(b.finish(syscall.EPIPE), "read counters: broken"))
	qt.Check(t, qt.ErrorMatches(b.Idle(), "read counters: broken"))

	b = newBench(t, command.Common{})
	b.writer.err = syscall.ENOSPC
	qt.Check(t, qt.ErrorIs(b.finish(nil), error(syscall.ENOSPC)))
	qt.Check(t, qt.Equals(b.stderr.String(), ""))
}

// TestLossIsTold checks that each loss is told once, at most once a second.
func TestLossIsTold(t *testing.T) {
	b := newBench(t, command.Common{Format: "json"})
	idle := func(seconds time.Duration, lost uint64) {
		b.kernel.Lost = lost
		b.nextLook = b.nextLook.Add(-seconds * time.Second)
		qt.Assert(t, qt.IsNil(b.Idle()))
	}
	idle(0, 0)
	idle(0, 5) // the second has not passed
	qt.Check(t, qt.HasLen(b.writer.losses, 0))
	idle(2, 5)
	idle(2, 5)
	idle(2, 7)
	qt.Assert(t, qt.IsNil(b.finish(nil)))
	b.kernel.Lost = 10
	qt.Assert(t, qt.IsNil(b.finish(nil)))

	var counts [][]output.Count
	for _, l := range b.writer.losses {
		counts = append(counts, l.Counts)
		qt.Check(t, qt.IsTrue(time.Since(time.Unix(0, l.Time)) < time.Minute))
	}
	qt.Check(t, qt.DeepEquals(counts, [][]output.Count{
		{{Name: "lost", N: 5}, {Name: "lost_total", N: 5}},
		{{Name: "lost", N: 2}, {Name: "lost_total", N: 7}},
		{{Name: "lost", N: 3}, {Name: "lost_total", N: 10}},
	}))
}

// TestReaderGone has the ends of a pipe, a file and something else.
func TestReaderGone(t *testing.T) {
	r, w, err := os.Pipe()
	qt.Assert(t, qt.IsNil(err))
	defer w.Close()
	qt.Check(t, qt.IsFalse(output.ReaderGone(w)))
	qt.Check(t, qt.IsNil(r.Close()))
	qt.Check(t, qt.IsTrue(output.ReaderGone(w)))

	file, err := os.CreateTemp(t.TempDir(), "")
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	qt.Check(t, qt.IsFalse(output.ReaderGone(file)))
	qt.Check(t, qt.IsFalse(output.ReaderGone(new(fakeWriter))))

	b := newBench(t, command.Common{})
	b.env.Stdout = w
	qt.Check(t, qt.ErrorIs(b.Idle(), error(syscall.EPIPE)))
}
