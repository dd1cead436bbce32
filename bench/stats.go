package main

import (
	"math"
	"slices"
)

// stats sums up the samples of one figure.
type stats struct {
	n                int
	median, min, max float64
}

// summarize leaves out NaN, which stands for a sample that there is none of.
func summarize(samples []float64) stats {
	s := slices.DeleteFunc(slices.Clone(samples), math.IsNaN)
	if len(s) == 0 {
		return stats{median: math.NaN(), min: math.NaN(), max: math.NaN()}
	}
	slices.Sort(s)
	mid := s[len(s)/2]
	if len(s)%2 == 0 {
		mid = (s[len(s)/2-1] + mid) / 2
	}
	return stats{n: len(s), median: mid, min: s[0], max: s[len(s)-1]}
}

// ratios sums up a[i]/b[i]: samples of the same round met the same machine.
func ratios(a, b []float64) stats {
	var all []float64
	for i := range min(len(a), len(b)) {
		if r := a[i] / b[i]; !math.IsInf(r, 0) {
			all = append(all, r)
		}
	}
	return summarize(all)
}

// pairRatio is the median of ratios. NaN if no pair has one.
func pairRatio(a, b []float64) float64 { return ratios(a, b).median }
