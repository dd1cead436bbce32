package main

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
)

// TestReload: SIGHUP reads the files again. What is wrong with them is told, and leaves
// the old policies.
func TestReload(t *testing.T) {
	name := file(t, head+shadow)
	r := start(t, newFake(), "--json", "--mode", "audit", name)
	step := func(text, told string) {
		t.Helper()
		write(t, name, text)
		before := len(r.stdout.String())
		r.reload <- syscall.SIGHUP
		eventually(t, told, func() bool {
			return strings.Contains(r.stderr.String(), told) && strings.HasSuffix(r.stdout.String()[before:], "\n")
		})
	}
	step(head+shadow+group, "guard: new policies: auditing 2 rules of 1 policy\n")
	step("rules: [", "guard: the new policies are refused, and the old ones stay: policies are not enforced: "+name+":1:8: not YAML")
	step(head+group+group, `the rule "group" is there already`)
	qt.Check(t, qt.IsNil(os.Remove(name)))
	before := len(r.stdout.String())
	r.reload <- syscall.SIGHUP
	eventually(t, "a file that is gone", func() bool { return len(r.stdout.String()) > before })
	r.fake.mu.Lock()
	r.setErr = errors.New("no memory")
	r.fake.mu.Unlock()
	step(head+group, "guard: the new policies are refused, and the old ones stay: no memory\n")
	r.fake.mu.Lock()
	r.setErr = nil
	r.fake.mu.Unlock()
	step(head+group, "guard: new policies: auditing 1 rule of 1 policy\n")
	r.send(alert(nil))
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitOK))
	qt.Check(t, qt.DeepEquals(r.sets, []string{"test audit 1 rule", "test audit 2 rules", "test audit 1 rule", ""}))

	var status []string
	s := compiled(t)
	for line := range strings.Lines(r.stdout.String()) {
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", line))
		var e struct {
			Type, Status, Error string
			Rules               *int
		}
		qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &e)))
		if e.Type != "policy" {
			continue
		}
		qt.Check(t, qt.Equals(e.Error != "", e.Status == "refused"))
		status = append(status, e.Status)
	}
	qt.Check(t, qt.DeepEquals(status, []string{"loaded", "loaded", "refused", "refused", "refused", "refused", "loaded"}))
}
