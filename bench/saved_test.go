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
	qt.Assert(t, qt.Equals(render([]part{{results: []result{back}}}), render([]part{{results: []result{r}}})), qt.Commentf("missing samples, failures and packages included"))
}

func TestSavedOfAnotherShape(t *testing.T) {
	r := measured()
	s := r.save()
	r.figures = r.figures[:1]
	_, ok := s.result(r.metric)
	qt.Assert(t, qt.IsFalse(ok))
}

func TestSavedBeforeASubjectWasAdded(t *testing.T) {
	r := measured()
	s := r.save()
	r.subjects = append(r.subjects[:1:1], append([]subject{{tool: "new"}}, r.subjects[1:]...)...)
	back, ok := s.result(r.metric)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.DeepEquals(back.failures, []string{"", "not measured yet", "", "", "", "does not run: no kprobes"}))
	qt.Assert(t, qt.DeepEquals(back.samples[2], r.samples[1]))
	qt.Assert(t, qt.StringContains(render([]part{{results: []result{back}}}), "| new | not measured yet | – |"))
}
