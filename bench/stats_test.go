package main

import (
	"math"
	"testing"

	"github.com/go-quicktest/qt"
)

var nan = math.NaN()

func TestSummarize(t *testing.T) {
	for name, test := range map[string]struct {
		samples []float64
		want    stats
	}{
		"odd":          {[]float64{5, 1, 3}, stats{3, 3, 1, 5}},
		"even":         {[]float64{4, 1, 3, 2}, stats{4, 2.5, 1, 4}},
		"one":          {[]float64{7}, stats{1, 7, 7, 7}},
		"some missing": {[]float64{nan, 2, nan}, stats{1, 2, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			qt.Assert(t, qt.Equals(summarize(test.samples), test.want))
		})
	}
}

func TestSummarizeNothing(t *testing.T) {
	got := summarize([]float64{nan})
	qt.Assert(t, qt.Equals(got.n, 0))
	qt.Assert(t, qt.IsTrue(math.IsNaN(got.median)))
}

func TestSummarizeLeavesItsArgument(t *testing.T) {
	samples := []float64{3, 1, 2}
	summarize(samples)
	qt.Assert(t, qt.DeepEquals(samples, []float64{3, 1, 2}))
}

func TestPairRatio(t *testing.T) {
	// The ratio of the medians would be 1: rounds differ, tools do not.
	qt.Assert(t, qt.Equals(pairRatio([]float64{1, 10, 100}, []float64{2, 20, 200}), 0.5))
	qt.Assert(t, qt.Equals(pairRatio([]float64{1, nan, 9}, []float64{2, 1, 10}), 0.7))
	qt.Assert(t, qt.Equals(pairRatio([]float64{1, 4}, []float64{0, 2}), 2.0), qt.Commentf("a peer's zero is no ratio"))
	qt.Assert(t, qt.IsTrue(math.IsNaN(pairRatio(nil, nil))))
}
