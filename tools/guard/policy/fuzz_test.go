package policy

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/go-quicktest/qt"
)

func seed(f *testing.F) {
	for _, name := range []string{"testdata/full.yaml"} {
		data, err := os.ReadFile(name)
		qt.Assert(f, qt.IsNil(err))
		f.Add(data)
		for doc := range strings.SplitSeq(string(data), "---\n") {
			f.Add([]byte(doc))
		}
	}
	for _, c := range errorCases(f) {
		f.Add([]byte(c.file))
	}
}

// FuzzParse checks what holds for every file: policies or errors, each in its place,
// and nothing in them that a terminal would obey.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, err := Parse("p", data)
		if err == nil {
			qt.Assert(t, qt.IsTrue(len(policies) > 0))
			return
		}
		qt.Assert(t, qt.HasLen(policies, 0))
		all, ok := err.(Errors)
		qt.Assert(t, qt.IsTrue(ok && len(all) > 0 && len(all) <= maxErrors))
		lines := strings.Split(string(data), "\n")
		for i, e := range all {
			qt.Assert(t, qt.IsFalse(strings.ContainsFunc(e.Msg, func(r rune) bool { return !unicode.IsPrint(r) })),
				qt.Commentf("%q", e.Msg))
			qt.Assert(t, qt.IsTrue(e.Pos.Line >= 1 && e.Pos.Line <= len(lines) && e.Pos.Column >= 1), qt.Commentf("%v", e))
			if i > 0 {
				before := all[i-1].Pos
				qt.Assert(t, qt.IsTrue(before.Line < e.Pos.Line || before.Line == e.Pos.Line && before.Column <= e.Pos.Column))
			}
		}
	})
}
