package main

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestWorse(t *testing.T) {
	mine, other := subject{tool: ours}, subject{tool: "bcc"}
	of := func(subjects []subject, samples ...[]float64) *result {
		r := &result{metric: metric{subjects: subjects, figures: []figure{{"time", number(0, "ns")}}}}
		for _, s := range samples {
			r.samples = append(r.samples, [][]float64{s})
		}
		return r
	}
	both := []subject{mine, other}
	old := of(both, []float64{50, 52, 54}, []float64{100, 100, 100})
	for name, test := range map[string]struct {
		now   *result
		worse []string
	}{
		"the same":                {of(both, []float64{50}, []float64{100}), nil},
		"better":                  {of(both, []float64{10}, []float64{100}), nil},
		"a machine half as fast":  {of(both, []float64{104}, []float64{200}), nil},
		"as much as the spread":   {of(both, []float64{57}, []float64{100}), nil},
		"one run was disturbed":   {of(both, []float64{52, 900, 52}, []float64{700, 100, 100}), nil},
		"worse":                   {of(both, []float64{60}, []float64{100}), []string{"ringside is 0.60 of bcc, and was 0.52 (at most 0.58)"}},
		"a peer that got better":  {of(both, []float64{52}, []float64{50}), []string{"ringside is 1.04 of bcc, and was 0.52 (at most 0.58)"}},
		"a peer that did not run": {of(both, []float64{80}, nil), []string{"ringside is 80\u00a0ns, and was 52\u00a0ns (at most 58\u00a0ns)"}},
	} {
		compared, worse := test.now.worseThan(old)
		qt.Check(t, qt.DeepEquals(worse, test.worse), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(compared, 1), qt.Commentf("%s", name))
	}
	compared, _ := of(both, nil, nil).worseThan(old)
	qt.Check(t, qt.Equals(compared, 0))
}

func TestChecker(t *testing.T) {
	c := newChecker(nil)
	qt.Check(t, qt.ErrorMatches(c.verdict(), "nothing was compared.*"))
	qt.Check(t, qt.ErrorMatches(c.take("execsnoop/dance", saved{}), ".*no such metric"))
	qt.Check(t, qt.Equals(metricOf("vm-6.12/execsnoop/start"), "execsnoop/start"))
	qt.Check(t, qt.Equals(metricOf("execsnoop/start"), "execsnoop/start"))
	checked := 0
	for _, m := range c.metrics {
		if m.checked {
			checked++
		}
	}
	qt.Check(t, qt.IsTrue(checked > 20), qt.Commentf("%d metrics", checked))
}
