// Package tooltest has the tests that are the same for every command and need
// nothing but Go. It knows none of them.
package tooltest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// ManPage checks that the manual in a file knows every flag. flags is what
// --describe flags prints: a line for each, its name and its letter if it has one.
func ManPage(t *testing.T, file, flags string) {
	t.Helper()
	page, err := os.ReadFile(file)
	qt.Assert(t, qt.IsNil(err))
	// Roff writes - as \-, and fonts as \fB and the like.
	text := regexp.MustCompile(`\\f.`).ReplaceAllString(strings.ReplaceAll(string(page), `\-`, "-"), "")
	qt.Assert(t, qt.Not(qt.Equals(flags, "")))
	for line := range strings.Lines(flags) {
		name, letter, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		qt.Check(t, qt.IsTrue(Mentions(text, "--"+name)), qt.Commentf("the manual lacks --%s", name))
		if letter != "" {
			qt.Check(t, qt.IsTrue(Mentions(text, "-"+letter)), qt.Commentf("the manual lacks -%s", letter))
		}
	}
}

// Mentions reports whether text has the flag, not only a longer one.
func Mentions(text, flag string) bool {
	return regexp.MustCompile(`(^|[^-\w])` + regexp.QuoteMeta(flag) + `($|[^-\w])`).MatchString(text)
}
