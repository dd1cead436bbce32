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
// still whole.
const savedFile = "bench/samples.json"

// saved is a measured metric in that file.
type saved struct {
	Measured string         `json:"measured"` // when, and which version of ours
	Machine  string         `json:"machine"`
	Subjects []string       `json:"subjects"`
	Figures  []string       `json:"figures"`
	Samples  [][][]*float64 `json:"samples"` // as in result; null for none
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
	s := saved{Measured: r.measured, Machine: r.machine}
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

// result is what was saved of m; not ok if m has changed since.
func (s saved) result(m metric) (r result, ok bool) {
	r = result{metric: m, measured: s.Measured, machine: s.Machine}
	subjects, figures := r.names()
	if !slices.Equal(subjects, s.Subjects) || !slices.Equal(figures, s.Figures) || len(s.Samples) != len(subjects) {
		return r, false
	}
	for _, of := range s.Samples {
		if len(of) != len(figures) {
			return r, false
		}
		var out [][]float64
		for _, runs := range of {
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
		r.samples = append(r.samples, out)
	}
	return r, true
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
