package main

import (
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSavedComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples.json")
	empty, err := loadSaved(path)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(empty, 0))

	r := measured()
	r.measured, r.machine = "2026-01-02, v1", "kernel 6.1, 2 CPUs"
	qt.Assert(t, qt.IsNil(storeSaved(path, map[string]saved{r.name: r.save()})))
	all, err := loadSaved(path)
	qt.Assert(t, qt.IsNil(err))
	back, ok := all[r.name].result(r.metric)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.Equals(render(nil, []result{back}), render(nil, []result{r})), qt.Commentf("missing samples included"))
}

func TestSavedOfAnotherShape(t *testing.T) {
	r := measured()
	s := r.save()
	r.figures = r.figures[:1]
	_, ok := s.result(r.metric)
	qt.Assert(t, qt.IsFalse(ok))
}
