//go:build kernel

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// TestAlike: what is not looked for in the kernel is the same there.
func TestAlike(t *testing.T) {
	h := probe.NewHost()
	defer h.Close()
	types, err := h.Types()
	qt.Assert(t, qt.IsNil(err))
	for _, name := range libc.Alike {
		ours, ok := libc.Basic{}.Named(name)
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		kernels, ok := types.Named(name)
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		a, isInt := ctype.Underlying(ours).(*ctype.Int)
		qt.Assert(t, qt.IsTrue(isInt), qt.Commentf("%s", name))
		b, isInt := ctype.Underlying(kernels).(*ctype.Int)
		qt.Assert(t, qt.IsTrue(isInt), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(a.Bytes, b.Bytes), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(ctype.IsSigned(a), ctype.IsSigned(b)), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(a.Bool, b.Bool), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(ours.String(), kernels.String()), qt.Commentf("%s", name))
	}
}

// TestVerifier loads programs for functions from everywhere in the kernel that take
// all of their arguments, what they point to, and their result: each of them must
// be loaded, or refused by us.
func TestVerifier(t *testing.T) {
	rungs := []string{"kprobe"}
	if kernelName() != "" || works("fentry") {
		rungs = append(rungs, "fentry")
	}
	_, err := preflight.RaiseMemlock()
	qt.Assert(t, qt.IsNil(err))
	h := probe.NewHost()
	defer h.Close()
	types, err := h.Types()
	qt.Assert(t, qt.IsNil(err))
	names := types.Functions(func(string) bool { return true })
	slices.Sort(names)
	r := rand.New(rand.NewPCG(3, 5))
	loaded, untraceable, refused := 0, 0, 0
	for range 40 {
		name := names[r.IntN(len(names))]
		fn, err := types.Function(name)
		if err != nil {
			continue
		}
		for _, kind := range []string{"p", "r"} {
			text := kind + "::" + name + "()::" + strings.Join(everything(fn, kind), ",")
			var stderr bytes.Buffer
			cfg := &config{size: 16, keys: 4}
			p, err := newPlan(wanted{text, report.Count}, cfg, &command.Env{Stderr: &stderr}, h)
			if err != nil {
				refused++
				t.Logf("refused: %s: %v", text, err)
				continue
			}
			for _, rung := range rungs {
				err := h.Verify(p.place, p.request, rung)
				switch {
				case err == nil:
					loaded++
				case rung == "fentry" && untraced(err):
					untraceable++ // not for its arguments
				case strings.Contains(err.Error(), "bytes of stack"):
					refused++
				default:
					t.Errorf("%s: %s by %s: %v", fn, text, rung, err)
				}
			}
		}
	}
	t.Logf("%d loaded, %d refused, %d cannot be traced", loaded, refused, untraceable)
	qt.Check(t, qt.IsTrue(loaded > 50))
	qt.Check(t, qt.IsTrue(untraceable < loaded/5), qt.Commentf("%d", untraceable))
}

// untraced reports whether it was the function that could not be traced, whatever
// the program is: the kernel's type information has it twice, or the compiler has
// given the function itself another name.
func untraced(err error) bool {
	if errors.Is(err, probe.ErrNoRung) {
		return true // by its signature
	}
	for _, part := range []string{"type information", "The address of function"} {
		if strings.Contains(err.Error(), part) {
			return true
		}
	}
	return false
}

// everything are expressions of all that a function is given.
func everything(fn *ctype.Func, kind string) []string {
	var out []string
	for i, p := range fn.Params {
		if p.Name == "" || i > 5 || len(out) > 8 {
			break
		}
		ptr, ok := ctype.Underlying(p.Type).(*ctype.Pointer)
		s, isStruct := ctype.Underlying(p.Type).(*ctype.Struct)
		switch {
		case isStruct && s.Size() > 8 || isStruct && len(s.MemberNames()) == 0:
			continue
		case isStruct:
			continue
		case ok && ctype.IsChar(ptr.Target):
			out = append(out, fmt.Sprintf("*(long *)%s", p.Name))
		default:
			out = append(out, p.Name)
		}
		if !ok {
			continue
		}
		if target, ok := ctype.Underlying(ptr.Target).(*ctype.Struct); ok {
			for _, m := range target.Members() {
				if m.Name != "" && ctype.IsScalar(m.Type) && !ctype.IsString(m.Type) {
					out = append(out, p.Name+"->"+m.Name)
					break
				}
			}
		}
	}
	if kind == "r" {
		if ctype.IsScalar(fn.Result) && !ctype.IsString(fn.Result) {
			out = append(out, "$retval")
		}
		out = append(out, "$latency")
	}
	if len(out) == 0 {
		out = []string{"$PID"}
	}
	return out
}
