package main

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
)

// TestAccount has the last line: what was seen is what became of it.
func TestAccount(t *testing.T) {
	a := account{Counters: gen.Counters{Seen: 100, Counted: 60, Filtered: 20, Fault: 1, Divide: 2, NoEntry: 3, Full: 4, NoStack: 10}}
	qt.Check(t, qt.Equals(a.String(), "100 seen = 60 counted + 20 filtered + 20 lost"))
	qt.Check(t, qt.IsFalse(a.complete()))
	a.Seen, a.NoRoom = 103, 7
	qt.Check(t, qt.Equals(a.String(), "103 seen = 60 counted + 20 filtered + 20 lost + 3 under way; 7 calls could not be remembered until they return"))
	a.Seen, a.Counted = 100, 61 // another processor has counted on meanwhile
	qt.Check(t, qt.StringContains(a.String(), "20 lost + -1 under way;"))

	qt.Check(t, qt.IsTrue((&account{Counters: gen.Counters{Seen: 5, Counted: 3, Filtered: 2}}).complete()))
	skipped, missed := account{skipped: 11}, account{missed: 13}
	qt.Check(t, qt.IsFalse(skipped.complete() || missed.complete()))
	const none = "0 seen = 0 counted + 0 filtered + 0 lost; "
	qt.Check(t, qt.Equals(skipped.String(), none+"11 runs of our programs were skipped by the kernel, perhaps with an event"))
	qt.Check(t, qt.Equals(missed.String(), none+"13 calls or returns were missed by the kernel's probes, perhaps with an event"))
}

// TestLossSince tells what is new, each reason by its name.
func TestLossSince(t *testing.T) {
	before := account{Counters: gen.Counters{Fault: 1, Divide: 1, NoEntry: 1, Full: 1, NoStack: 1}, skipped: 1, missed: 1}
	now := account{Counters: gen.Counters{Fault: 3, Divide: 4, NoEntry: 6, Full: 8, NoStack: 12}, skipped: 14, missed: 18}
	counts, words := now.lossSince(&before)
	qt.Check(t, qt.DeepEquals(counts, []output.Count{{Name: "lost", N: 28}, {Name: "lost_fault", N: 2}, {Name: "lost_division", N: 3}, {Name: "lost_entry", N: 5},
		{Name: "lost_full", N: 7}, {Name: "lost_stack", N: 11}, {Name: "skipped", N: 13}, {Name: "missed", N: 17}}))
	qt.Check(t, qt.Equals(words, "lost 28 events: 2 whose memory could not be read, 3 that divided by zero, 5 whose entry was not seen, "+
		"7 for whose key there was no room (--keys takes more), 11 whose stack could not be taken"))
	_, words = now.lossSince(&now)
	qt.Check(t, qt.Equals(words, ""))
	_, words = (&account{Counters: gen.Counters{Full: 1, Seen: 9}}).lossSince(&account{})
	qt.Check(t, qt.Equals(words, "lost 1 events: 1 for whose key there was no room (--keys takes more)"))
}
