package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// family is an actor among processes that are a table of parents.
func family(parents map[uint32]uint32, self uint32) (*actor, *[]uint32, *bytes.Buffer) {
	var stopped []uint32
	var out bytes.Buffer
	a := &actor{freeze: true, stderr: &out, self: self,
		parent: func(pid uint32) uint32 { return parents[pid] },
		stop:   func(pid uint32) error { stopped = append(stopped, pid); return nil },
	}
	a.children = func(pids []uint32) ([]uint32, error) {
		var below []uint32
		for queue := pids; len(queue) > 0; queue = queue[1:] {
			for child, parent := range parents {
				if parent == queue[0] {
					below, queue = append(below, child), append(queue, child)
				}
			}
		}
		return below, nil
	}
	return a, &stopped, &out
}

// TestFreeze: who is stopped. 10 is a login, 20 its shell, 30 a script that starts
// 31 and 32, which has 33; 40 is filesnoop.
func TestFreeze(t *testing.T) {
	parents := map[uint32]uint32{1: 0, 10: 1, 20: 10, 30: 20, 31: 30, 32: 30, 33: 32, 40: 20, 50: 1}
	for _, test := range []struct {
		what      string
		pid, ppid uint32
		root      uint32
		self      uint32
		want      []uint32
	}{
		{"a tree", 33, 32, 30, 40, []uint32{30, 31, 32, 33}},
		{"not the shell that we are run by", 33, 32, 20, 40, []uint32{30, 31, 32, 33}},
		{"nor a login of another", 33, 32, 20, 50, []uint32{20, 30, 31, 32, 33, 40}},
		{"gone, but for its parent", 99, 32, 30, 40, []uint32{30, 31, 32, 33}},
		{"all gone", 99, 98, 97, 40, nil},
		{"not init", 50, 1, 1, 40, []uint32{50}},
		{"not ourselves", 40, 20, 20, 40, nil},
		{"root is another process by now", 33, 32, 777, 40, []uint32{30, 31, 32, 33}},
	} {
		a, stopped, out := family(parents, test.self)
		e := newEvent(opDelete, 1, test.pid)
		e.PPID = test.ppid
		a.alarm(e, &rules.Alert{Root: test.root})
		slices.Sort(*stopped)
		qt.Check(t, qt.DeepEquals(*stopped, test.want), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(strings.Count(out.String(), "\n"), 1), qt.Commentf("%s", test.what))
	}
	a, _, out := family(parents, 40)
	a.stop = func(uint32) error { return unix.EPERM }
	e := newEvent(opDelete, 1, 31)
	a.alarm(e, &rules.Alert{Root: 31})
	qt.Check(t, qt.Equals(out.String(), "filesnoop: stop process 31 (--freeze): operation not permitted\n"))
}

// TestOnAlert: the program gets what there is to know as arguments, and no shell
// sees them.
func TestOnAlert(t *testing.T) {
	dir := t.TempDir()
	told := filepath.Join(dir, "told")
	script := filepath.Join(dir, "script")
	qt.Assert(t, qt.IsNil(os.WriteFile(script, []byte("#!/bin/sh\nprintf '%s|' \"$@\" >"+told+".new; mv "+told+".new "+told+"\n"), 0o755)))
	var out bytes.Buffer
	a := newActor(&config{onAlert: script}, &out)
	a.alarm(newEvent(opDelete, 1, 2), &rules.Alert{Rule: "replace", Root: 7, RootExe: "/a b;$(touch /tmp/x)", Files: 20, First: "/x\ny"})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(told); err == nil {
			qt.Check(t, qt.Equals(string(text), "replace|7|/a b;$(touch /tmp/x)|20|/x\ny|"))
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the program was not run: %s", &out)
		}
	}
	out.Reset()
	newActor(&config{onAlert: filepath.Join(dir, "none")}, &out).alarm(newEvent(opDelete, 1, 2), &rules.Alert{})
	qt.Check(t, qt.StringContains(out.String(), "no such file"))
}

func TestParentOf(t *testing.T) {
	qt.Check(t, qt.Equals(parentOf(uint32(os.Getpid())), uint32(os.Getppid())))
	qt.Check(t, qt.Equals(parentOf(1<<30), 0))
	qt.Check(t, qt.Equals(fmt.Sprint(newActor(&config{}, nil).ancestors(1)), "[1]"))
}
