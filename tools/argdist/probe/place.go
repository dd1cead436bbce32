package probe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/kernel"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/names"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/usdt"
)

// Place is where a specifier's probe goes.
type Place struct {
	Scope    check.Scope
	Warnings []*spec.Error

	spec *spec.Spec
	// Function is what is probed: of the kernel, or of a program.
	Function string
	Wildcard bool
	program  *program          // of a function of a program, or a static probe
	symbols  []symbol.Function // of program that match
	static   []usdt.Location
	point    *Tracepoint
	typed    bool   // the kernel's type information has the function
	module   string // of the kernel that has the function, "" for the kernel itself
}

// Find finds what a specifier probes, and what is known of it. pid is the process
// that libraries are looked for in; 0 for none.
func (h *Host) Find(s *spec.Spec, pid uint32, textSize int) (*Place, error) {
	p := &Place{spec: s, Function: s.Name.Text, Wildcard: strings.ContainsAny(s.Name.Text, "*?")}
	p.Scope = check.Scope{TextSize: textSize, ConstantNames: libc.ConstantNames}
	var err error
	switch {
	case s.Kind == spec.Tracepoint:
		err = h.findTracepoint(p)
	case s.Kind == spec.USDT:
		err = h.findStatic(p, pid)
	case s.Library.Text == "":
		err = h.findFunction(p)
	default:
		err = h.findSymbol(p, pid)
	}
	return p, err
}

// functions that are called by another name in later kernels. What is said of a
// function that is there is never changed.
var functions = map[string]string{
	"__kmalloc":        "__kmalloc_noprof",        // 6.10
	"kmem_cache_alloc": "kmem_cache_alloc_noprof", // 6.10
	"__vfs_read":       "vfs_read",                // 5.10 has no other
	"__vfs_write":      "vfs_write",
	"do_sys_open":      "do_sys_openat2", // 5.6: it became a small function that is compiled into others
	"_do_fork":         "kernel_clone",   // 5.10
}

// findFunction finds a function of the kernel.
func (h *Host) findFunction(p *Place) error {
	m := here()
	s := p.spec
	p.Scope.Types, p.Scope.Space, p.Scope.MaxArgs = h.InKernel(), ctype.Kernel, len(m.args)
	p.Scope.Registers, p.Scope.RegisterNames = m.registers, m.names
	if p.Wildcard {
		return nil
	}
	types, err := h.Types()
	if err != nil {
		return nil // what is not known cannot be checked; the kernel will say
	}
	fn, err := types.Function(p.Function)
	if errors.Is(err, kernel.ErrUnknown) {
		if found, err := h.findInModule(p); found {
			return err
		}
		for _, other := range otherNames(p.Function) {
			if fn, err = types.Function(other); err == nil {
				p.Warnings = append(p.Warnings, s.At(s.Name.Range, "", "this kernel has no %s; %s is probed in its place", p.Function, other))
				p.Function = other
				break
			}
		}
	}
	if err != nil {
		// A static function can be there without types, by a name of the compiler's.
		if h.inKallsyms(p.Function) {
			return nil
		}
		return h.noFunction(p)
	}
	p.typed = true
	p.Scope.Func = fn
	p.Scope.Slots = slots(fn)
	return nil
}

// otherNames are by what else a function may be known.
func otherNames(name string) []string {
	var out []string
	if to, ok := functions[name]; ok {
		out = append(out, to)
	}
	// Functions of system calls have had wrappers since 4.17.
	prefix := map[string]string{"amd64": "__x64_sys_", "arm64": "__arm64_sys_"}[runtime.GOARCH]
	for _, old := range []string{"SyS_", "sys_", "__x64_sys_", "__arm64_sys_"} {
		if call, ok := strings.CutPrefix(name, old); ok && prefix+call != name {
			out = append(out, prefix+call)
		}
	}
	return append(out, name+"_noprof") // allocations, since 6.10
}

func (h *Host) noFunction(p *Place) error {
	fix := "argdist --list '" + p.Function + "*' shows what there is"
	types, err := h.Types()
	if err == nil {
		all := types.Functions(func(n string) bool { return len(n) > 2 && len(p.Function) > 2 && n[:2] == p.Function[:2] })
		fix = meant(p.Function, all, fix)
	}
	return p.spec.At(p.spec.Name.Range, fix, "this kernel has no function %s", p.Function)
}

// meant is a remedy: the known name that comes nearest, or what else to do where none
// does.
func meant(name string, known []string, otherwise string) string {
	if near := names.Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}

// slots are the places of parameters among the values that a function is given.
func slots(fn *ctype.Func) []int {
	var out []int
	at := 0
	for _, p := range fn.Params {
		out = append(out, at)
		at += max(1, (p.Type.Size()+7)/8)
	}
	return out
}

// NeedsTracefs reports whether the place is found by what tracefs has: tracepoints,
// and which functions of the kernel match a wildcard.
func (p *Place) NeedsTracefs() bool { return p.point != nil || p.Wildcard && p.program == nil }

// findTracepoint finds a tracepoint.
func (h *Host) findTracepoint(p *Place) error {
	s := p.spec
	p.Scope.Types, p.Scope.Space = h.InKernel(), ctype.Kernel
	if p.Wildcard {
		return s.At(s.Name.Range, "", "a tracepoint has no wildcards: each has a record of its own")
	}
	fs, err := h.Tracefs()
	if err != nil {
		return err
	}
	p.point, err = fs.Tracepoint(s.Library.Text, s.Name.Text)
	if errors.Is(err, os.ErrPermission) {
		return err
	}
	if err != nil {
		all, _ := fs.Tracepoints(func(string) bool { return true })
		fix := "argdist --list 't:*' shows what there is"
		if near := names.Nearest(s.Library.Text+":"+s.Name.Text, all); near != "" {
			fix = "did you mean t:" + near + "?"
		}
		return s.At(s.Library.Range.To(s.Name.Range), fix, "this kernel has no tracepoint %s:%s", s.Library.Text, s.Name.Text)
	}
	user := s.Library.Text == "syscalls"
	if user {
		p.Scope.Space = ctype.User
	}
	record, err := ParseFormat(p.point.Format, p.Scope.Types, user)
	if err != nil {
		return fmt.Errorf("tracepoint %s:%s: %w", s.Library.Text, s.Name.Text, err)
	}
	p.Scope.Fields, p.Scope.Data = record.Fields, record.Data
	return nil
}
