package rules

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

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

// TestMemory: what a tree did is forgotten when its memory is over; what harmless programs do
// as well, sooner.
func TestMemory(t *testing.T) {
	for pause, want := range map[time.Duration]string{20 * time.Second: RuleReplace, 4 * time.Minute: RuleReplace, 11 * time.Minute: ""} {
		s := begin(nil)
		s.many(19, func(f string) { s.do("open", f).do("create", f+".x").do("delete", f) })
		s.now += int64(pause)
		s.do("open", "/last").do("create", "/last.x").do("delete", "/last")
		qt.Check(t, qt.Equals(s.rules(), want), qt.Commentf("%v", pause))
	}
	for pause, want := range map[time.Duration]string{20 * time.Second: RuleOverwrite, 2 * time.Minute: ""} {
		s := begin(nil)
		s.many(24, func(f string) { s.do("overwrite", f) })
		s.now += int64(pause)
		s.do("overwrite", "/last")
		qt.Check(t, qt.Equals(s.rules(), want), qt.Commentf("%v", pause))
	}
}

// TestSlowArchive: who reads many files for minutes, and then removes them all.
func TestSlowArchive(t *testing.T) {
	s := begin(nil)
	s.do("create", "/home/all.7z")
	s.step = 700 * time.Millisecond
	s.many(400, func(f string) { s.do("open", f) })
	s.step = time.Millisecond
	s.many(400, func(f string) { s.do("delete", f) })
	qt.Check(t, qt.Equals(s.rules(), RuleRemove))
}

// TestManyTrees: a tree that is at work is not forgotten for others that were there for a moment.
func TestManyTrees(t *testing.T) {
	s := begin(nil)
	s.many(20, func(f string) {
		s.pid, s.ppid = 100, 50
		s.do("open", f).do("create", f+".x").do("delete", f)
		for range treesMax / 10 {
			s.start++
			s.pid, s.ppid = uint32(1000+s.start), 1
			s.do("open", "/etc/hosts")
		}
	})
	qt.Check(t, qt.Equals(s.rules(), RuleReplace))
	qt.Check(t, qt.IsTrue(len(s.e.trees) <= treesMax))
}

// TestTally: a name counts once, in whichever half it is.
func TestTally(t *testing.T) {
	s := newTally()
	qt.Check(t, qt.Equals(s.add("a"), 1))
	qt.Check(t, qt.Equals(s.add("a"), 1))
	s.turn()
	qt.Check(t, qt.Equals(s.add("a"), 1))
	qt.Check(t, qt.Equals(s.add("b"), 2))
	s.drop("a")
	s.drop("a")
	qt.Check(t, qt.Equals(s.add("b"), 1))
	s.turn()
	s.turn()
	qt.Check(t, qt.Equals(s.n, 0))
	groups := make(tallies)
	groups.add("x", "a")
	groups.drop("y", "a")
	groups.turn()
	qt.Check(t, qt.Equals(groups.add("x", "b"), 2))
	groups.turn()
	groups.turn()
	qt.Check(t, qt.HasLen(groups, 0))
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
	tree := s.e.of[s.pid].tree
	qt.Check(t, qt.IsTrue(len(tree.now.files)+len(tree.old.files) <= 2*filesMax))
	qt.Check(t, qt.IsTrue(len(tree.files.progress) <= progressMax+1))
}
