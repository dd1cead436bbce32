package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
)

// savedFile keeps all samples beside the program, so that one metric can be
// measured again, or a run that was interrupted be completed, and the page is
// still whole. Those of a virtual machine have its key before their name.
const savedFile = "bench/samples.json"

// saved is a measured metric in that file.
type saved struct {
	Measured string         `json:"measured"` // when, and which version of ours
	Machine  string         `json:"machine"`
	Load     string         `json:"load,omitempty"`
	Peers    []string       `json:"peers,omitempty"` // packages with versions
	Subjects []string       `json:"subjects"`
	Figures  []string       `json:"figures"`
	Samples  [][][]*float64 `json:"samples"`            // as in result; null for none
	Failures []string       `json:"failures,omitempty"` // why a subject has none
}

func loadSaved(path string) (map[string]saved, error) {
	all := make(map[string]saved)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read samples: %s: %w", path, err)
	}
	return all, nil
}

func storeSaved(path string, all map[string]saved) error {
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("save samples: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("save samples: %w", err)
	}
	return nil
}

// save is the form of r that is kept.
func (r *result) save() saved {
	s := saved{Measured: r.measured, Machine: r.machine, Load: r.load, Peers: r.packages, Failures: r.failures}
	s.Subjects, s.Figures = r.names()
	for _, figures := range r.samples {
		var of [][]*float64
		for _, runs := range figures {
			var out []*float64
			for _, v := range runs {
				if math.IsNaN(v) {
					out = append(out, nil)
					continue
				}
				out = append(out, &v)
			}
			of = append(of, out)
		}
		s.Samples = append(s.Samples, of)
	}
	return s
}

// result is what was saved of m; not ok if m has other figures by now. A subject
// that is new has no samples yet.
func (s saved) result(m metric) (r result, ok bool) {
	m.load = s.Load
	r = result{metric: m, measured: s.Measured, machine: s.Machine, packages: s.Peers}
	subjects, figures := r.names()
	if !slices.Equal(figures, s.Figures) || len(s.Samples) != len(s.Subjects) {
		return r, false
	}
	for _, name := range subjects {
		i := slices.Index(s.Subjects, name)
		if i < 0 {
			r.samples = append(r.samples, make([][]float64, len(figures)))
			r.failures = append(r.failures, "not measured yet")
			continue
		}
		of, ok := valuesOf(s.Samples[i], len(figures))
		if !ok {
			return r, false
		}
		r.samples = append(r.samples, of)
		failure := ""
		if i < len(s.Failures) {
			failure = s.Failures[i]
		}
		r.failures = append(r.failures, failure)
	}
	return r, true
}

func valuesOf(samples [][]*float64, figures int) (out [][]float64, ok bool) {
	for _, runs := range samples {
		var values []float64
		for _, v := range runs {
			if v == nil {
				values = append(values, math.NaN())
				continue
			}
			values = append(values, *v)
		}
		out = append(out, values)
	}
	return out, len(out) == figures
}

// names tell whether samples belong to a metric as it is now.
func (r *result) names() (subjects, figures []string) {
	for _, s := range r.subjects {
		subjects = append(subjects, s.label())
	}
	for _, f := range r.figures {
		figures = append(figures, f.name)
	}
	return subjects, figures
}
