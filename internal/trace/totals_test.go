package trace

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
)

// tally is a row of totals.
type tally struct {
	name string
	n    uint64
}

func tallies(rows []tally, events uint64, err error) *Rows[tally] {
	return &Rows[tally]{
		Fields: append(TotalFields[tally]("notes"),
			output.Field[tally]{Name: "name", Type: output.TypeText, Doc: "Whose.", Get: func(r *tally) output.Value { return output.Text(r.name) }},
			output.Field[tally]{Name: "n", Type: output.TypeUint, Doc: "How many.", Get: func(r *tally) output.Value { return output.Uint(r.n) }}),
		Columns: []output.Column[tally]{{Head: "NAME", Width: 6, Field: "name"}, {Head: "N", Field: "n"}},
		Collect: func(*Host, map[string]*ebpf.Map) ([]tally, uint64, error) { return rows, events, err },
	}
}

// TestRows prints totals in each format, in the order in which they come.
func TestRows(t *testing.T) {
	rows := []tally{{"b", 7}, {"a\n\x1b", 1<<64 - 1}, {"b", 5}}
	const stamp = `2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z`
	for format, want := range map[string]string{
		"table": regexp.QuoteMeta("NAME   N\nb      7\n" + `a\n\x1b 18446744073709551615` + "\nb      5\n"),
		"json": `\{"time":"` + stamp + `","tool":"notes","type":"total","name":"b","n":7,"cut":\[\]\}` + "\n" +
			`\{"time":"` + stamp + `","tool":"notes","type":"total","name":"a\\n\\u001b","n":18446744073709551615,"cut":\[\]\}` + "\n" +
			`\{"time":"` + stamp + `","tool":"notes","type":"total","name":"b","n":5,"cut":\[\]\}` + "\n",
		"csv": "time,tool,type,name,n\n" + stamp + ",notes,total,b,7\n" + stamp + `,notes,total,a\\n\\x1b,18446744073709551615` + "\n" + stamp + ",notes,total,b,5\n",
	} {
		b := newBench(t, command.Common{Format: format})
		n, err := tallies(rows, 12, nil).Print(b.env, b.host, nil)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(n, 12))
		qt.Check(t, qt.Matches(stdout(b), want), qt.Commentf("%s", format))
	}
	qt.Check(t, qt.IsNil(output.CheckFields(tallies(nil, 0, nil).Fields)))

	b := newBench(t, command.Common{Format: "table"})
	_, err := tallies(nil, 0, nil).Print(b.env, b.host, nil)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(stdout(b), "NAME   N\n")) // that there is nothing is told, too

	b = newBench(t, command.Common{Format: "table"})
	_, err = tallies(rows, 12, errors.New("read counts: broken")).Print(b.env, b.host, nil)
	qt.Check(t, qt.ErrorMatches(err, "read counts: broken"))
	qt.Check(t, qt.Equals(stdout(b), ""))
}

// TestTotals: the account tells what totals stand for, as counted.
func TestTotals(t *testing.T) {
	for _, test := range []struct {
		what   string
		kernel events.Counters
		end    error
		fail   error
		stdout string
		stderr string
		want   string
	}{
		{what: "all was counted", kernel: events.Counters{Seen: 17, Filtered: 5}, stdout: "NAME   N\na      12\n",
			stderr: "notes: 17 seen = 12 counted + 5 filtered + 0 lost\n"},
		{what: "loss", kernel: events.Counters{Seen: 15, Lost: 3}, stdout: "NAME   N\na      12\n",
			stderr: "notes: lost 3 events (3 so far): --buffer takes a larger size than 65536\nnotes: 15 seen = 12 counted + 0 filtered + 3 lost\n"},
		{what: "the reader left", kernel: events.Counters{Seen: 12}, end: syscall.EPIPE,
			stderr: "notes: 12 seen = 0 counted + 0 filtered + 0 lost + 12 unread\n"},
		{what: "broken", kernel: events.Counters{Seen: 12}, fail: errors.New("read counts: broken"), want: "print totals: read counts: broken"},
	} {
		b := newBench(t, command.Common{Format: "table", Buffer: 65536})
		b.kernel = test.kernel
		b.loaded.Collection = new(ebpf.Collection)
		b.tool.Totals = tallies([]tally{{"a", 12}}, 12, test.fail)
		err := b.finish(test.end)
		comment := qt.Commentf("%s", test.what)
		if test.want == "" {
			qt.Check(t, qt.IsNil(err), comment)
		} else {
			qt.Check(t, qt.ErrorMatches(err, test.want), comment)
		}
		qt.Check(t, qt.Equals(stdout(b), test.stdout), comment)
		qt.Check(t, qt.Equals(b.stderr.String(), test.stderr), comment)
	}
}

// TestTotalsHaveNoCount: --count would never be reached.
func TestTotalsHaveNoCount(t *testing.T) {
	b := newBench(t, command.Common{Format: "table", Count: 1})
	b.tool.Totals = tallies(nil, 0, nil)
	err := b.tool.Run(t.Context(), b.env) // which has no object to read
	qt.Check(t, qt.ErrorMatches(err, "--count: there are no events .*"))
	qt.Check(t, qt.Equals(command.ExitCode(err), command.ExitUsage))
}

// TestNoEvent: a record that only tells something is not printed, and is no loss.
func TestNoEvent(t *testing.T) {
	b := newBench(t, command.Common{Count: 1})
	decode := b.tool.Decode
	b.tool.Decode = func(h *Host, raw []byte, n *note) error {
		if raw[0] == '.' {
			return ErrNoEvent
		}
		return decode(h, raw, n)
	}
	for _, raw := range []string{".", ".a"} {
		qt.Check(t, qt.IsNil(b.Record([]byte(raw))))
	}
	qt.Check(t, qt.Equals(b.printed, 0))
	qt.Check(t, qt.Equals(b.dropped, 0))
	qt.Check(t, qt.ErrorIs(b.Record([]byte("a")), events.ErrStop))
}

// TestBelow: the writer of a table is given what stands below its rows; other
// formats have no such place.
func TestBelow(t *testing.T) {
	for format, lines := range map[string]int{"table": 3, "json": 1, "csv": 2} {
		b := newBench(t, command.Common{Format: format})
		b.tool.Below = func(c *output.Cell, n *note) {
			c.Text("  below " + n.text)
			c.EndLine()
		}
		w, err := b.session.writer()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(w.Header()))
		qt.Assert(t, qt.IsNil(w.Event(&note{text: "a"})))
		qt.Assert(t, qt.IsNil(w.Flush()))
		text := b.env.Stdout.(*bytes.Buffer).String()
		qt.Check(t, qt.Equals(strings.Count(text, "\n"), lines), qt.Commentf("%s", text))
		qt.Check(t, qt.Equals(strings.HasSuffix(text, "a\n  below a\n"), format == "table"))
	}
}
