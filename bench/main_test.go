package main

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args []string
		runs int
		err  string
	}{
		{nil, 5, ""},
		{[]string{"-vm", "6.12"}, 5, ""},
		{[]string{"-vm", "6.12", "-runs", "7"}, 7, ""},
		{[]string{"-runs", "7", "-quick"}, 1, ""},
		{[]string{"-runs", "-1"}, 0, "-runs -1: must not be negative"},
		{[]string{"-only", "("}, 0, "parse -only: .*"},
		{[]string{"capable"}, 0, `unexpected argument "capable"`},
	} {
		o, err := parse(test.args)
		if test.err != "" {
			qt.Check(t, qt.ErrorMatches(err, test.err))
			continue
		}
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(o.runs, test.runs))
	}
}

// TestSizes: whoever is emulated gets the small loads, and the flag wins.
func TestSizes(t *testing.T) {
	qt.Check(t, qt.Equals(sizesFor(options{}), fullSizes))
	qt.Check(t, qt.Equals(sizesFor(options{guest: true, vm: ""}), emulatedSizes))
	qt.Check(t, qt.Equals(sizesFor(options{guest: true, quick: true}), emulatedQuickSizes))
	qt.Check(t, qt.Equals(sizesFor(options{quick: true, flood: 7}).perWorker, 7))
}

func TestTimes(t *testing.T) {
	qt.Check(t, qt.Equals(execLoad("/bin/true").times(7, 10), 7))
	qt.Check(t, qt.Equals(capableLoad().times(7, 10), 70))
	qt.Check(t, qt.Equals(connectLoad().times(7, 500), 7*15))
}

// TestFloodEach: a flag is what it says at least, and small loads are not cut.
func TestFloodEach(t *testing.T) {
	full, small := &bench{sizes: fullSizes}, &bench{sizes: emulatedSizes}
	qt.Check(t, qt.Equals(full.floodEach(execLoad("/bin/true")), 10_000))
	qt.Check(t, qt.Equals(full.floodEach(capableLoad()), 100_000))
	qt.Check(t, qt.Equals(full.floodEach(connectLoad()), 30_000))
	qt.Check(t, qt.Equals(small.floodEach(connectLoad()), 530))
	flagged := &bench{sizes: sizesFor(options{flood: 50_000})}
	qt.Check(t, qt.Equals(flagged.floodEach(connectLoad()), 50_000))
}

// TestRate: a guest is asked for less, and what is asked for is what is made.
func TestRate(t *testing.T) {
	b := &bench{sizes: fullSizes}
	qt.Check(t, qt.Equals(b.rateMetric(nil, capableLoad(), 50_000, 10).load, "50\u202f000\u00a0events per second for 10 s"))
	b.sizes = emulatedSizes
	qt.Check(t, qt.Equals(b.rateMetric(nil, capableLoad(), 50_000, 10).load, "1000\u00a0events per second for 5 s"))
	qt.Check(t, qt.Equals(b.rateMetric(nil, capableLoad(), 1, 1).load, "1\u00a0events per second for 1 s"))
}
