package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// story feeds events to an engine, a millisecond apart.
type story struct {
	e      *Engine
	now    int64
	step   time.Duration
	pid    uint32
	ppid   uint32
	start  uint64
	alerts []*Alert
	minor  []string // rules
	last   Verdict
}

func begin(edit func(*Config)) *story {
	c := Default()
	if edit != nil {
		edit(&c)
	}
	return &story{e: New(c), now: 1_000_000_000_000, step: time.Millisecond, pid: 100, ppid: 50}
}

func (s *story) do(op string, paths ...string) *story {
	ev := Event{Time: s.now, PID: s.pid, PPID: s.ppid, Start: s.start, Exe: "/bin/x", Op: op, Path: paths[0]}
	if len(paths) > 1 {
		ev.Path2 = paths[1]
	}
	if op == "overwrite" {
		ev.Op, ev.Writing = "open", true
	}
	s.now += int64(s.step)
	s.last = s.e.Judge(&ev)
	if s.last.Alert != nil {
		s.alerts = append(s.alerts, s.last.Alert)
	}
	if s.last.Severity == Minor && s.last.Rule != "" && !slices.Contains(s.minor, s.last.Rule) {
		s.minor = append(s.minor, s.last.Rule)
	}
	return s
}

// file is one of 40 directories' documents.
func file(i int) string { return fmt.Sprintf("/home/d%d/doc%d.txt", i%40, i) }

// many does something with n documents.
func (s *story) many(n int, do func(f string)) *story {
	for i := range n {
		do(file(i))
	}
	return s
}

// rules are those that raised an alert.
func (s *story) rules() string {
	var out []string
	for _, a := range s.alerts {
		out = append(out, a.Rule)
	}
	return strings.Join(out, " ")
}

// TestAttacks: what encrypts files, in the ways that there are, and how many files it
// had done when it was noticed.
func TestAttacks(t *testing.T) {
	for _, test := range []struct {
		what string
		do   func(s *story, n int)
		want string
		most int // files at the first alarm
	}{
		{"copy and delete", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("create", f+".aes").do("delete", f) })
		}, "replace", 20},
		{"delete, then copy", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("delete", f).do("create", f+".aes") })
		}, "replace", 20},
		{"made before anything is read", func(s *story, n int) {
			s.many(n, func(f string) { s.do("create", f+".aes").do("open", f).do("delete", f) })
		}, "replace", 20},
		{"files of its own", func(s *story, n int) {
			s.many(n, func(f string) { s.do("create", f) })
			s.many(n, func(f string) { s.do("open", f).do("create", f+".aes").do("delete", f) })
		}, "replace", 20},
		{"a suffix of two", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("create", f+".id-7.locked").do("delete", f) })
		}, "replace", 20},
		{"in place and rename", func(s *story, n int) {
			s.many(n, func(f string) { s.do("overwrite", f).do("rename", f, f+".locked") })
		}, "rename overwrite", 20},
		{"rename, then in place", func(s *story, n int) {
			s.many(n, func(f string) { s.do("rename", f, f+".locked").do("overwrite", f+".locked") })
		}, "rename overwrite", 20},
		{"in place only", func(s *story, n int) { s.many(n, func(f string) { s.do("overwrite", f) }) }, "overwrite", 50},
		{"a process for each", func(s *story, n int) {
			s.many(n, func(f string) {
				s.pid += 2
				s.do("open", f).do("create", f+".enc")
				s.pid++
				s.do("delete", f)
			})
		}, "replace", 20},
		{"a shell in a process for each", func(s *story, n int) {
			s.many(n, func(f string) {
				s.pid, s.ppid = s.pid+3, 50
				s.do("open", "/lib/x")
				s.pid, s.ppid = s.pid+1, s.pid
				s.do("open", f).do("create", f+".enc")
				s.pid++
				s.do("delete", f)
			})
		}, "replace", 20},
		{"note", func(s *story, n int) {
			for i := range 40 {
				s.do("create", fmt.Sprintf("/home/d%d/HOW_TO.txt", i))
			}
		}, "note", 20},
	} {
		s := begin(nil)
		test.do(s, 400)
		qt.Assert(t, qt.Equals(s.rules(), test.want), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(s.alerts[0].Files, test.most), qt.Commentf("%s", test.what))
		qt.Check(t, qt.IsTrue(len(s.alerts[0].Evidence) > 0 && len(s.alerts[0].Evidence) <= evidenceMax))

		// One file fewer than the limit is none.
		s = begin(nil)
		test.do(s, test.most-1)
		if test.what != "note" {
			qt.Check(t, qt.Equals(s.rules(), ""), qt.Commentf("%s", test.what))
		}
	}
}

// TestBenign: what looks like it, and is not.
func TestBenign(t *testing.T) {
	for _, test := range []struct {
		what  string
		do    func(s *story)
		minor string
	}{
		{"gzip -r", func(s *story) {
			s.many(400, func(f string) { s.do("open", f).do("create", f+".gz").do("delete", f) })
		}, "replace"},
		{"never read", func(s *story) {
			s.many(400, func(f string) { s.do("create", f+".aes").do("delete", f) })
		}, ""},
		{"reading", func(s *story) { s.many(400, func(f string) { s.do("open", f) }) }, ""},
		{"deleting", func(s *story) { s.many(400, func(f string) { s.do("delete", f) }) }, ""},
		{"reading and deleting", func(s *story) { s.many(400, func(f string) { s.do("open", f).do("delete", f) }) }, "remove"},
		{"backup by rename", func(s *story) { s.many(400, func(f string) { s.do("rename", f, f+".bak") }) }, ""},
		{"an editor that saves", func(s *story) {
			s.many(400, func(f string) { s.do("open", f).do("create", f+".tmp").do("rename", f+".tmp", f) })
		}, ""},
		{"compile", func(s *story) {
			s.many(400, func(f string) { s.do("open", f+".c").do("create", f+".o.tmp").do("rename", f+".o.tmp", f+".o") })
		}, ""},
		{"unpacking", func(s *story) {
			for i := range 100 {
				s.do("mkdir", fmt.Sprintf("/opt/p%d", i)).do("create", fmt.Sprintf("/opt/p%d/README.md", i))
			}
		}, ""},
		{"own files", func(s *story) {
			s.many(400, func(f string) {
				s.do("create", f).do("overwrite", f).do("rename", f, f+".old").do("overwrite", f+".old")
			})
		}, ""},
		{"unlike suffixes", func(s *story) {
			i := 0
			s.many(400, func(f string) { i++; s.do("open", f).do("create", f+fmt.Sprintf(".%d", i)).do("delete", f) })
		}, ""},
		{"makefiles", func(s *story) {
			for i := range 100 {
				s.do("create", fmt.Sprintf("/src/d%d/Makefile", i))
			}
		}, ""},
		{"an hour", func(s *story) {
			s.step = 9 * time.Second
			s.many(400, func(f string) { s.do("open", f).do("create", f+".aes").do("delete", f) })
		}, ""},
	} {
		s := begin(nil)
		test.do(s)
		qt.Check(t, qt.Equals(s.rules(), ""), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(strings.Join(s.minor, " "), test.minor), qt.Commentf("%s", test.what))
	}
}

// TestTreesAreApart: what two do is not what one does.
func TestTreesAreApart(t *testing.T) {
	s := begin(nil)
	s.many(38, func(f string) {
		s.pid, s.ppid = 300-s.pid, 250-s.ppid // 100 below 50, or 200 below 200
		s.do("open", f).do("create", f+".aes").do("delete", f)
	})
	qt.Check(t, qt.Equals(s.rules(), ""))
	s = begin(nil)
	s.ppid = 1 // daemons are not one tree
	s.many(38, func(f string) {
		s.pid++
		s.do("open", f).do("create", f+".aes").do("delete", f)
	})
	qt.Check(t, qt.Equals(s.rules(), ""))
}

// TestSpecial: what has no content is not overwritten.
func TestSpecial(t *testing.T) {
	s := begin(nil)
	for i := range 100 {
		s.last = s.e.Judge(&Event{Time: s.now, PID: 1, Op: "open", Path: file(i), Writing: true, Special: true})
		qt.Assert(t, qt.IsNil(s.last.Alert))
	}
}

func TestCanary(t *testing.T) {
	s := begin(func(c *Config) { c.Canaries = []string{"/home//canary"} })
	s.do("open", "/home/other")
	qt.Check(t, qt.Equals(s.rules(), ""))
	s.do("rename", "/home/x", "/home/canary") // over it
	qt.Check(t, qt.Equals(s.rules(), "canary"))
	s.do("delete", "/home/canary") // that is told once
	qt.Check(t, qt.Equals(s.rules(), "canary"))
	qt.Check(t, qt.Equals(s.last.Severity, Major))
}

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

// TestMemory: what a tree did is forgotten when its memory is over.
func TestMemory(t *testing.T) {
	for pause, want := range map[time.Duration]string{20 * time.Second: RuleReplace, 2 * time.Minute: ""} {
		s := begin(nil)
		s.many(19, func(f string) { s.do("open", f).do("create", f+".x").do("delete", f) })
		s.now += int64(pause)
		s.do("open", "/last").do("create", "/last.x").do("delete", "/last")
		qt.Check(t, qt.Equals(s.rules(), want), qt.Commentf("%v", pause))
	}
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

// TestBounds: a hundred thousand processes and files, and nothing grows for ever.
func TestBounds(t *testing.T) {
	s := begin(nil)
	for i := range 100_000 {
		s.pid, s.ppid = uint32(1000+2*i), uint32(1001+2*i)
		s.do("open", fmt.Sprintf("/x/%d", i)).do("create", fmt.Sprintf("/x/%d.y", i))
	}
	qt.Check(t, qt.IsTrue(len(s.e.trees) <= treesMax))
	qt.Check(t, qt.IsTrue(len(s.e.of) <= pidsMax))
	qt.Check(t, qt.IsTrue(len(s.e.counts) <= processesMax))
	qt.Check(t, qt.IsTrue(s.e.Forgotten > 0))
	s = begin(nil)
	for i := range 100_000 {
		s.step = 0
		s.do("open", fmt.Sprintf("/x/%d", i))
	}
	tree := s.e.of[s.pid]
	qt.Check(t, qt.IsTrue(len(tree.now.files)+len(tree.old.files) <= 2*filesMax))
	qt.Check(t, qt.IsTrue(len(tree.files.progress) <= progressMax+1))
}

func TestSuffixes(t *testing.T) {
	var got []string
	stems("/a.b/c.d.e", func(stem, suffix string) { got = append(got, stem+" "+suffix) })
	qt.Check(t, qt.DeepEquals(got, []string{"/a.b/c.d .e", "/a.b/c .d.e"}))
	got = nil
	stems("/a/.hidden", func(stem, suffix string) { got = append(got, stem) })
	qt.Check(t, qt.HasLen(got, 0))
	for name, want := range map[string]bool{"HOW_TO.txt": true, "README": true, "readme.md": true, "main.go": false, "Makefile": false, "RESTORE_FILES": true, ".gitkeep": false} {
		qt.Check(t, qt.Equals(isNote(name), want), qt.Commentf("%s", name))
	}
}
