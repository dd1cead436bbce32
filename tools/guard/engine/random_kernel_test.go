//go:build kernel

package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// world is a few files and programs that random policies are about.
type world struct {
	*rand.Rand
	dir      string
	files    []string
	programs []string // the first is nobody's subject
}

func (w *world) one(list ...string) string { return list[w.IntN(len(list))] }

func (w *world) some(list ...string) string {
	n := 1 + w.IntN(len(list))
	w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return "[" + strings.Join(list[:n], ", ") + "]"
}

// policy returns a policy with some rules and defaults.
func (w *world) policy(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nname: %s\nmode: %s\n", name, w.one("enforce", "enforce", "audit"))
	fmt.Fprintf(&b, "subjects:\n  one: {exe: %s}\n  two: {exe: %s, not: [one]}\n  user: {uid: [\"1000-1001\"]}\n  both: {exe: %s, uid: 1000}\n",
		w.programs[1], w.programs[2], w.programs[1])
	if w.IntN(2) == 0 {
		fmt.Fprintf(&b, "defaults:\n  %s: {%s: deny}\n", w.one("one", "two", "user"), w.one("write", "read"))
	}
	b.WriteString("rules:\n")
	for i := range 1 + w.IntN(5) {
		subject := w.one("all", "one", "two", "user", "both", "[one, user]", "{any: all, except: one}", "{any: [all, two], except: [user, both]}")
		fmt.Fprintf(&b, "  - {id: %s%d, subject: %s, file: {paths: %s, access: %s, owner: %s}, action: %s, mode: %s}\n", name, i, subject,
			w.some(`"`+w.one(w.files...)+`"`, w.dir+"/a/*", w.dir+"/**", w.dir+"/b/**", `"**/x"`, `"*.key"`),
			w.some("read", "write"), w.one("own", "other"), w.one("deny", "deny", "allow"), w.one("audit", "enforce"))
	}
	text := b.String()
	text = strings.ReplaceAll(text, ", mode: enforce}", "}")
	if w.IntN(2) == 0 {
		text = strings.ReplaceAll(text, ", owner: own", "")
		text = strings.ReplaceAll(text, ", owner: other", "")
	}
	return text
}

// TestRandom: what the kernel does under random policies is what they mean.
//
//vmrun:kernels 6.1
func TestRandom(t *testing.T) {
	w := &world{Rand: rand.New(rand.NewPCG(7, 11)), dir: t.TempDir()}
	for d := w.dir; d != "/tmp"; d = d[:strings.LastIndex(d, "/")] {
		qt.Assert(t, qt.IsNil(os.Chmod(d, 0o755)))
	}
	for _, name := range []string{"a/x", "a/y.key", "b/x", "b/c/z", "b/c/k.key"} {
		w.files = append(w.files, write(t, w.dir+"/"+name, "x"))
		qt.Assert(t, qt.IsNil(os.Chmod(w.dir+"/"+name, 0o666)))
	}
	for _, name := range []string{"p0", "p1", "p2"} {
		w.programs = append(w.programs, copyWorkload(t, w.dir+"/"+name))
	}
	f := start(t)
	denied, told := 0, 0
	for range 25 {
		texts := []string{w.policy("p")}
		if w.IntN(3) == 0 {
			texts = append(texts, w.policy("q"))
		}
		f.set(texts...)
		policies := parse(t, texts...)
		for range 12 {
			program, file, uid := w.one(w.programs...), w.one(w.files...), w.one("0", "1000", "1002")
			how := w.one("r", "w", "rw")
			op := policy.Operation{
				Task: policy.Task{Exe: program}, Class: policy.ClassFile, Path: file, OwnFile: uid == "0",
				Access: map[string]policy.Access{"r": policy.Read, "w": policy.Write, "rw": policy.Read | policy.Write}[how],
			}
			fmt.Sscan(uid, &op.Task.UID)
			want := policy.Explain(policies, op)
			f.drain()
			got := doAs(t, program, "as", uid+":"+uid, "open", file, how)
			comment := qt.Commentf("%s as %s opens %s %s\n%s", program, uid, file, how, strings.Join(texts, "\n"))
			if want.Action == policy.Deny {
				denied++
				qt.Assert(t, qt.Equals(got, "open: EPERM"), comment)
				for !f.alertOf(file).Denied { // one kind of access can be told and the other denied
				}
				continue
			}
			qt.Assert(t, qt.Equals(got, "open: ok"), comment)
			if want.Mode == policy.Audit {
				told++
				a := f.alertOf(file)
				qt.Assert(t, qt.IsFalse(a.Denied), comment)
			}
		}
	}
	t.Logf("%d denied, %d told", denied, told)
	qt.Check(t, qt.IsTrue(denied > 30 && told > 15))
}

// alertOf waits for an alert about a file, past those about what the runtime of the
// workload opens.
func (f *fence) alertOf(file string) Alert {
	f.t.Helper()
	for {
		if a := f.alert(); a.Object.Path == file {
			return a
		}
	}
}
