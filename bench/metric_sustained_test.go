package main

import (
	"errors"
	"math"
	"testing"

	"github.com/go-quicktest/qt"
)

// fakeTool loses what comes faster than its limit, from a driver that makes most
// events a second.
func fakeTool(limit, most float64, tries *int) func(float64) (outcome, error) {
	return func(rate float64) (outcome, error) {
		*tries++
		rate = min(rate, most)
		o := outcome{made: max(int(rate*100), 1), rate: rate}
		o.printed = o.made
		if rate > limit {
			o.printed = min(int(limit*100), o.made-1)
		}
		return o, nil
	}
}

func TestFindSustained(t *testing.T) {
	for name, test := range map[string]struct {
		limit, most       float64
		least, missing    float64 // of the rate and, about, of what is missing
		tries             int
		fastestIsTheLimit bool
	}{
		"the driver's own limit":  {1e6, 8000, 8000, 0, 1, true},
		"just below it":           {7000, 8000, 6400, 0.125, 5, false},
		"twice cannot be made":    {5000, 8000, 4500, 0.375, 5, false},
		"twice can":               {1200, 8000, 1090, 0.45, 8, false},
		"never":                   {0, 8000, 0, math.NaN(), 11, false},
		"at the least that tried": {9, 8000, 8, 0.46, 15, false},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			s, err := findSustained(fakeTool(test.limit, test.most, &tries))
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.IsTrue(s.rate >= test.least && s.rate <= max(test.limit, 0)), qt.Commentf("%v", s))
			qt.Check(t, qt.Equals(s.most, test.most))
			qt.Check(t, qt.Equals(s.rate == s.most, test.fastestIsTheLimit))
			qt.Check(t, qt.IsTrue(tries <= test.tries), qt.Commentf("%d tries", tries))
			if math.IsNaN(test.missing) {
				qt.Check(t, qt.IsTrue(math.IsNaN(s.missing)))
				return
			}
			qt.Check(t, qt.IsTrue(math.Abs(s.missing-test.missing) < 0.06), qt.Commentf("%v", s))
		})
	}
}

func TestFindSustainedFails(t *testing.T) {
	for after := range 3 { // tries that succeed
		tries := 0
		fake := fakeTool(7000, 8000, &tries)
		_, err := findSustained(func(rate float64) (outcome, error) {
			if tries == after {
				return outcome{}, errors.New("broken")
			}
			return fake(rate)
		})
		qt.Check(t, qt.ErrorMatches(err, "broken"))
	}
}
