package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestAlgCalls: Go and C have the same numbers, and every call has one on this
// architecture.
func TestAlgCalls(t *testing.T) {
	header, err := os.ReadFile("alg.h")
	qt.Assert(t, qt.IsNil(err))
	_, list, _ := strings.Cut(string(header), "enum alg_call {")
	list, _, _ = strings.Cut(list, "};")
	inC := regexp.MustCompile(`(?m)^\tALG_(\w+),`).FindAllStringSubmatch(list, -1)
	qt.Assert(t, qt.Equals(len(inC), len(algNames)))
	have := make(map[uint8]bool)
	for _, n := range algCalls() {
		have[n] = true
	}
	for i, m := range inC {
		qt.Check(t, qt.Equals(algNames[i].name, m[1]))
		qt.Check(t, qt.IsTrue(have[uint8(i)]), qt.Commentf("%s", m[1]))
	}
}
