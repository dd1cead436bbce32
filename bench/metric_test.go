package main

import (
	"errors"
	"testing"

	"github.com/go-quicktest/qt"

	exits "github.com/ringside-tools/ringside/internal/command"
)

// TestMeasure: who is measured how often, natively and in a guest.
func TestMeasure(t *testing.T) {
	for name, test := range map[string]struct {
		guest, steady bool
		want          map[string]int
	}{
		"native":       {false, false, map[string]int{ours: 3, "fast": 3, "bcc": 3, "gone": 1}},
		"guest":        {true, false, map[string]int{ours: 3, "fast": 3, "bcc": 1, "gone": 1}},
		"steady":       {false, true, map[string]int{ours: 3, "fast": 3, "bcc": 3, "gone": 1}},
		"guest steady": {true, true, map[string]int{ours: 1, "fast": 1, "bcc": 1, "gone": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := make(map[string]int)
			b := &bench{ctx: t.Context(), options: options{runs: 3, quick: true, guest: test.guest}}
			r, err := b.measure(metric{
				long: true, steady: test.steady, figures: []figure{{"n", count}},
				subjects: []subject{{tool: ours}, {tool: "fast"}, {tool: "bcc", slow: true}, {tool: "gone"}},
				measure: func(_ *bench, s subject) ([]float64, error) {
					calls[s.tool]++
					if s.tool == "gone" {
						return nil, &notRunning{reason: "`no kprobes`"}
					}
					return []float64{float64(calls[s.tool])}, nil
				},
			})
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.DeepEquals(calls, test.want))
			qt.Assert(t, qt.DeepEquals(r.failures, []string{"", "", "", "does not run: `no kprobes`"}))
			qt.Assert(t, qt.Equals(len(r.samples[1][0]), calls["fast"]))
		})
	}
}

func TestMeasureEndsWithOurFailure(t *testing.T) {
	b := &bench{ctx: t.Context(), options: options{runs: 3, quick: true}}
	_, err := b.measure(metric{long: true, subjects: []subject{{tool: ours}},
		measure: func(*bench, subject) ([]float64, error) { return nil, errors.New("broken") }})
	qt.Assert(t, qt.ErrorMatches(err, "ringside: broken"))
}

// On this machine a command whose feature the kernel lacks is told like a peer; the virtual
// machine's kernel has all of them.
func TestMeasureTellsWhatTheKernelLacks(t *testing.T) {
	m := metric{long: true, subjects: []subject{{tool: ours}},
		measure: func(*bench, subject) ([]float64, error) {
			return nil, &notRunning{reason: "no LSM", code: exits.ExitKernel}
		}}
	r, err := (&bench{ctx: t.Context(), options: options{runs: 3, quick: true}}).measure(m)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.DeepEquals(r.failures, []string{"does not run: no LSM"}))
	_, err = (&bench{ctx: t.Context(), options: options{runs: 3, quick: true, guest: true}}).measure(m)
	qt.Assert(t, qt.ErrorMatches(err, "ringside: does not run: no LSM"))
}
