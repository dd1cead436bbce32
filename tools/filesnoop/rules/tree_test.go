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
