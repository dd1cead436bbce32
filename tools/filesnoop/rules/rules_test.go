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

// do is an event. The ops overwrite, empty and touch are opens for writing, and
// random and plain are writes of such content.
func (s *story) do(op string, paths ...string) *story {
	ev := Event{Time: s.now, PID: s.pid, PPID: s.ppid, Start: s.start, Exe: "/bin/x", Op: op, Path: paths[0]}
	if len(paths) > 1 {
		ev.Path2 = paths[1]
	}
	switch op {
	case "overwrite", "empty", "touch":
		ev.Op, ev.Writing, ev.Emptied, ev.MayMake = "open", true, op == "empty", op != "overwrite"
	case "random", "plain":
		ev.Op, ev.Content = "write", map[string]Content{"random": Random, "plain": Plain}[op]
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
		{"in place only", func(s *story, n int) { s.many(n, func(f string) { s.do("overwrite", f) }) }, "overwrite", 25},
		{"another ending", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("create", strings.TrimSuffix(f, ".txt")+".crypt").do("delete", f) })
		}, "replace", 20},
		{"another name", func(s *story, n int) {
			i := 0
			s.many(n, func(f string) {
				i++
				s.do("open", f).do("create", fmt.Sprintf("%s/%d.vault", f[:strings.LastIndex(f, "/")], i*7919)).do("delete", f)
			})
		}, "replace", 20},
		{"another name, deleted first", func(s *story, n int) {
			i := 0
			s.many(n, func(f string) {
				i++
				s.do("open", f).do("delete", f).do("create", fmt.Sprintf("%s/%d.vault", f[:strings.LastIndex(f, "/")], i*7919))
			})
		}, "replace", 20},
		{"a suffix without a point", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("create", f+"-enc").do("delete", f) })
		}, "replace", 20},
		{"renamed away before it is removed", func(s *story, n int) {
			s.many(n, func(f string) {
				s.do("open", f).do("create", f+".gpg").do("rename", f, f[:strings.LastIndex(f, "/")]+"/000").do("delete", f[:strings.LastIndex(f, "/")]+"/000")
			})
		}, "replace", 20},
		{"an archive", func(s *story, n int) {
			s.do("create", "/home/all.7z")
			s.many(n, func(f string) { s.do("open", f) })
			s.many(n, func(f string) { s.do("delete", f) })
		}, "remove", 25},
		{"emptied, random", func(s *story, n int) { s.many(n, func(f string) { s.do("empty", f).do("random", f) }) }, "rewrite", 20},
		{"a temporary file, random", func(s *story, n int) {
			s.many(n, func(f string) {
				s.do("open", f).do("create", f+".tmp").do("random", f+".tmp").do("rename", f+".tmp", f)
			})
		}, "rewrite", 20},
		{"deleted and made anew, random", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("delete", f).do("create", f).do("random", f) })
		}, "rewrite", 20},
		{"a compressor's suffix, random", func(s *story, n int) {
			s.many(n, func(f string) { s.do("open", f).do("create", f+".gz").do("random", f+".gz").do("delete", f) })
		}, "replace", 20},
		{"documents that another process of the tree made", func(s *story, n int) {
			s.many(n+justMade, func(f string) { s.do("create", f) })
			s.pid++
			s.many(n, func(f string) { s.do("overwrite", f) })
		}, "overwrite", 25},
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
		{"touch", func(s *story) { s.many(400, func(f string) { s.do("touch", f).do("rename", f, f+".done") }) }, ""},
		{"cp over files", func(s *story) { s.many(400, func(f string) { s.do("empty", f) }) }, ""},
		{"an editor that saves, old style", func(s *story) {
			s.many(400, func(f string) {
				s.do("open", f).do("create", f+"-1").do("rename", f, f+"~").do("rename", f+"-1", f)
			})
		}, ""},
		{"written anew as text", func(s *story) { s.many(400, func(f string) { s.do("empty", f).do("plain", f) }) }, ""},
		{"random, and new", func(s *story) { s.many(400, func(f string) { s.do("create", f).do("random", f) }) }, ""},
		{"converters", func(s *story) {
			s.many(400, func(f string) { s.do("open", f).do("create", strings.TrimSuffix(f, ".txt")+".pdf").do("delete", f) })
		}, "remove"},
		{"moved to another file system", func(s *story) {
			s.many(400, func(f string) { s.do("open", f).do("create", "/mnt"+f).do("delete", f) })
		}, "remove"},
		{"read by one, removed by another", func(s *story) {
			s.do("create", "/home/all.tar")
			s.many(400, func(f string) { s.do("open", f) })
			s.pid++
			s.do("create", "/home/log")
			s.many(400, func(f string) { s.do("delete", f) })
		}, "remove"},
		{"objects that are changed where they were made", func(s *story) {
			s.many(400, func(f string) { s.pid++; s.do("create", f+".o"); s.pid++; s.do("overwrite", f+".o") })
		}, ""},
		{"makefiles", func(s *story) {
			for i := range 100 {
				s.do("create", fmt.Sprintf("/src/d%d/Makefile", i))
			}
		}, ""},
		{"a file in two minutes", func(s *story) {
			s.step = 40 * time.Second
			s.many(400, func(f string) { s.do("open", f).do("create", f+".aes").do("delete", f) })
		}, ""},
	} {
		s := begin(nil)
		test.do(s)
		qt.Check(t, qt.Equals(s.rules(), ""), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(strings.Join(s.minor, " "), test.minor), qt.Commentf("%s", test.what))
	}
}

// TestSpecial: what has no content is not overwritten.
func TestSpecial(t *testing.T) {
	s := begin(nil)
	for i := range 100 {
		s.last = s.e.Judge(&Event{Time: s.now, PID: 1, Op: "open", Path: file(i), Writing: true, Special: true})
		qt.Assert(t, qt.IsNil(s.last.Alert))
	}
}

// TestAlertsAgain: an alarm is raised once, and again after a pause, with counts that
// begin anew.
func TestAlertsAgain(t *testing.T) {
	s := begin(nil)
	s.many(100, func(f string) { s.do("open", f).do("create", f+".aes").do("delete", f) })
	qt.Check(t, qt.Equals(s.rules(), "replace"))
	s.now += int64(11 * time.Second)
	s.many(20, func(f string) { s.do("open", "/other"+f).do("create", "/other"+f+".aes").do("delete", "/other"+f) })
	qt.Check(t, qt.Equals(s.rules(), "replace"))
	s.do("open", "/z").do("create", "/z.aes").do("delete", "/z")
	qt.Check(t, qt.Equals(s.rules(), "replace replace"))
	qt.Check(t, qt.Equals(s.alerts[1].Files, 20))
}

// TestEncrypt: libraries of cryptography are evidence, and no reason.
func TestEncrypt(t *testing.T) {
	s := begin(nil)
	for range 100 {
		s.e.Judge(&Event{Time: s.now, PID: s.pid, PPID: s.ppid, Op: "encrypt", Path: "/lib/libcrypto.so.3", Bytes: 1000})
	}
	qt.Check(t, qt.Equals(s.rules(), ""))
	s.many(20, func(f string) { s.do("open", f).do("create", f+".aes").do("delete", f) })
	qt.Assert(t, qt.Equals(s.rules(), "replace"))
	lines := s.alerts[0].Evidence
	qt.Check(t, qt.StringContains(lines[len(lines)-1], "encrypt 100000 bytes"))
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
