//go:build kernel

package engine

import (
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestMapHeld: writing through a mapping of what was opened before is up to open_before;
// a mapping that was there before is nobody's to ask about.
func TestMapHeld(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "secret: ")
	f := start(t)
	for _, test := range []struct{ mode, before, printed string }{
		{"enforce", "deny", "held-mmap-write: EPERM\nheld-mmap-read: ok\nheld-write: EPERM"},
		{"enforce", "report", "held-mmap-write: ok\nheld-mmap-read: ok\nheld-write: ok 9"},
		{"audit", "deny", "held-mmap-write: ok\nheld-mmap-read: ok\nheld-write: ok 9"},
	} {
		t.Run(test.mode+" "+test.before, func(t *testing.T) {
			g := &fence{f.Manager, t}
			g.set()
			w := hold(t, "held", secret, "mmap-write", "mmap-read", "write")
			lines := fmt.Sprintf("rules:\n  - {id: r, subject: all, file: {paths: [%s], access: write, open_before: %s}, action: deny}\n", secret, test.before)
			if test.mode == "audit" {
				g.set(audit(lines))
			} else {
				g.set(enforce(lines))
			}
			qt.Check(t, qt.Equals(w.finish(), test.printed))
			hooks := []Hook{"mmap_file", "file_permission"}
			if test.before == "report" {
				hooks = nil // nothing is looked at
			}
			for _, hook := range hooks {
				a, ok := g.next()
				if !ok {
					t.Errorf("no alert of %s", hook)
					continue
				}
				qt.Check(t, qt.Equals(a.Hook, hook))
				qt.Check(t, qt.Equals(a.Kind, "write"))
				qt.Check(t, qt.Equals(a.Denied, test.mode == "enforce"))
			}
			g.silent()
		})
	}
}

// TestExecFromParent: a program that only another one may start, itself and not by what
// it starts; and by those too.
func TestExecFromParent(t *testing.T) {
	dir := t.TempDir()
	tool, parent := program(t, dir+"/tool"), program(t, dir+"/parent")
	between := lookWorkload(t)
	for _, test := range []struct{ descendants, between string }{{"false", "EPERM"}, {"true", "ok 0"}} {
		lines := fmt.Sprintf(`
subjects: {parent: {exe: %s, descendants: %s}}
rules:
  - {id: tool, subject: {any: all, except: parent}, exec: {paths: [%s], loader: false}, action: deny}
`, parent, test.descendants, tool)
		f := start(t)
		for _, mode := range []string{"enforce", "audit"} {
			g := &fence{f.Manager, t}
			denied, between1 := "EPERM", test.between
			if mode == "audit" {
				g.set(audit(lines))
				denied, between1 = "ok 0", "ok 0"
			} else {
				g.set(enforce(lines))
			}
			qt.Check(t, qt.Equals(lastLine(doAs(t, parent, "exec", tool, "id")), "exec: ok 0"))
			g.silent()
			qt.Check(t, qt.Equals(lastLine(do(t, "exec", tool, "id")), "exec: "+denied))
			qt.Check(t, qt.Equals(about(g.alert()), "bprm_check_security tool "+tool))
			out := lastLine(doAs(t, parent, "exec-then", between, "exec", tool, "id"))
			qt.Check(t, qt.Equals(out, "exec: "+between1))
			if test.descendants == "false" {
				qt.Check(t, qt.Equals(g.alert().Rule, "tool"))
			}
			g.silent()
		}
		qt.Assert(t, qt.IsNil(f.Set()))
	}
}

func lastLine(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '\n' {
			return s[i+1:]
		}
	}
	return s
}

// TestExecCopy: a copy of a program is another file, which a rule that denies the program
// is not about, and one that allows it neither.
func TestExecCopy(t *testing.T) {
	dir := t.TempDir()
	tool := program(t, dir+"/bin/tool")
	elsewhere := dir + "/elsewhere"
	write(t, elsewhere+"/keep", "")
	user := program(t, dir+"/user")
	f := start(t)
	f.trialsAs(user, `
rules:
  - {id: tool, subject: all, exec: {paths: [`+tool+`]}, action: deny}
`,
		trial{do: "exec " + tool + " id", denied: "exec: EPERM", happens: "id: *\nexec: ok 0", alerts: []string{"bprm_check_security tool " + tool}},
		trial{do: "exec-copy " + tool + " " + elsewhere + " id", happens: "id: *\nexec-copy: ok 0"})
	f.trialsAs(user, `
subjects: {user: {exe: `+user+`}}
defaults: {user: {exec: deny}}
rules:
  - {id: tool, subject: user, exec: {paths: [`+tool+`]}, action: allow}
`,
		trial{do: "exec " + tool + " id", happens: "id: *\nexec: ok 0"},
		trial{do: "exec-copy " + tool + " " + elsewhere + " id", denied: "exec-copy: EPERM", happens: "id: *\nexec-copy: ok 0",
			alerts: []string{"bprm_check_security default " + elsewhere + "/*"}})
}
