package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// TestThresholds: counts are of a window, and it expires.
func TestThresholds(t *testing.T) {
	s := begin(func(c *Config) { c.Thresholds = [4]int{3, 2, 1, 1}; c.Patterns = nil })
	over := func() string { return s.last.Over }
	for range 3 {
		s.do("open", "/a")
		qt.Check(t, qt.Equals(over(), "----"))
	}
	s.do("open", "/a")
	qt.Check(t, qt.Equals(over(), "O---"))
	qt.Check(t, qt.Equals(s.last.Severity, Minor))
	s.do("delete", "/b").do("delete", "/c")
	qt.Check(t, qt.Equals(over(), "O-D-"))
	s.do("rename", "/b", "/c") // none of these kinds
	qt.Check(t, qt.Equals(over(), "----"))
	s.now += int64(11 * time.Second)
	s.do("open", "/a")
	qt.Check(t, qt.Equals(over(), "----"))
	s.pid++
	s.do("open", "/a").do("open", "/a").do("open", "/a")
	qt.Check(t, qt.Equals(over(), "----"))
	s.start++ // another process of that number
	s.do("open", "/a")
	qt.Check(t, qt.Equals(over(), "----"))
}

// TestPatterns: events about one file, whatever comes between.
func TestPatterns(t *testing.T) {
	match := func(patterns []string, events string) bool {
		s := begin(func(c *Config) { c.Patterns = patterns })
		found := false
		for _, e := range strings.Fields(events) {
			s.do(map[byte]string{'O': "open", 'C': "create", 'D': "delete"}[e[0]], e[1:])
			found = found || s.last.Match
		}
		return found
	}
	for _, test := range []struct {
		patterns, events string
		want             bool
	}{
		{"OCD", "O/a C/a.aes D/a", true},
		{"OCD", "O/a O/lib C/a.aes O/etc D/a", true},
		{"OCD", "O/a C/b D/a", false},
		{"OCD", "O/a C/a.aes D/b", false},
		{"OCD", "C/a.aes O/a D/a", false},
		{"OCD", "O/a O/a C/a.x.y D/a", true},
		{"CD", "C/a D/a", true},
		{"OD", "O/a D/a", true},
		{"OD", "D/a O/a", false},
		{"OCD,CD", "C/a D/a", true},
	} {
		qt.Check(t, qt.Equals(match(strings.Split(test.patterns, ","), test.events), test.want), qt.Commentf("%s: %s", test.patterns, test.events))
	}
}
