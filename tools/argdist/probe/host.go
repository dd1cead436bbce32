package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/slimbtf"
	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/kernel"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
)

// Host is the machine: its kernel, with what of it is costly to read and therefore
// read when it is first needed, and once.
type Host struct {
	BTF  string // a file with the kernel's type information; "" for the kernel's own
	Rung string // the kind of hook to take, "" for the best

	btfDir   string // where the kernel shows its type information and that of modules
	kallsyms string
	types    *kernel.Types
	modules  map[string]*kernel.Types
	tracefs  *Tracefs
	errs     map[string]error
}

// NewHost returns the machine that we run on.
func NewHost() *Host {
	return &Host{
		btfDir: "/sys/kernel/btf", kallsyms: "/proc/kallsyms",
		modules: make(map[string]*kernel.Types), errs: make(map[string]error),
	}
}

// Close frees what was opened.
func (h *Host) Close() {
	if h.tracefs != nil {
		h.tracefs.Close()
	}
}

// Types are those of the kernel.
func (h *Host) Types() (*kernel.Types, error) {
	if h.types == nil && h.errs["types"] == nil {
		h.types, h.errs["types"] = h.readTypes()
	}
	return h.types, h.errs["types"]
}

func (h *Host) readTypes() (*kernel.Types, error) {
	path := h.BTF
	if path == "" {
		path = filepath.Join(h.btfDir, "vmlinux")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &preflight.MissingFeature{
			Feature: "type information (BTF)", Err: err,
			Fix: "use a kernel with CONFIG_DEBUG_INFO_BTF, or give its BTF with --btf FILE (btfhub has many)",
		}
	}
	defer f.Close()
	file, err := slimbtf.Load(f)
	if err != nil {
		return nil, fmt.Errorf("read type information %s: %w", path, err)
	}
	return kernel.New(file), nil
}

// MountNamespace is the way from a task to the number of its mount namespace: the
// offset of each pointer, and that of the number.
func (h *Host) MountNamespace() ([]int, error) {
	types, err := h.Types()
	if err != nil {
		return nil, err
	}
	return types.Offsets("task_struct", "nsproxy", "mnt_ns", "ns.inum")
}

// TaskOffsets are where the kernel has what tells who is a child of whom.
func (h *Host) TaskOffsets() (o gen.TaskOffsets, err error) {
	types, err := h.Types()
	if err != nil {
		return o, err
	}
	for _, one := range []struct {
		to           *int
		name, member string
	}{{&o.TGID, "task_struct", "tgid"}, {&o.Signal, "task_struct", "signal"}, {&o.Live, "signal_struct", "live"}} {
		path, err := types.Offsets(one.name, one.member)
		if err != nil {
			return o, err
		}
		*one.to = path[0]
	}
	return o, nil
}

// Tracefs is the file system of tracepoints.
func (h *Host) Tracefs() (*Tracefs, error) {
	if h.tracefs == nil && h.errs["tracefs"] == nil {
		h.tracefs, h.errs["tracefs"] = OpenTracefs()
	}
	return h.tracefs, h.errs["tracefs"]
}

// lazy looks into the kernel's types when the places before it did not help.
type lazy struct{ h *Host }

func (l lazy) Named(name string) (ctype.Type, bool) {
	if t, err := l.h.Types(); err == nil {
		return t.Named(name)
	}
	return nil, false
}

func (l lazy) Tagged(tag, name string) (ctype.Type, bool) {
	if t, err := l.h.Types(); err == nil {
		return t.Tagged(tag, name)
	}
	return nil, false
}

func (l lazy) Constant(name string) (int64, ctype.Type, bool) {
	if t, err := l.h.Types(); err == nil {
		return t.Constant(name)
	}
	return 0, nil, false
}

// constants are those of another place, without its types.
type constants struct{ check.Types }

func (constants) Named(string) (ctype.Type, bool)          { return nil, false }
func (constants) Tagged(string, string) (ctype.Type, bool) { return nil, false }

// InKernel are the types that a specifier of a kernel function or tracepoint means.
func (h *Host) InKernel() check.Types { return h.inKernel(lazy{h}) }

// inKernel are these where the kernel's own are those given.
func (h *Host) inKernel(own check.Types) check.Types {
	bit := func(name string) (int64, bool) {
		v, _, ok := own.Constant(name)
		return v, ok
	}
	gfp := libc.GFP{Bit: bit, HasAtomic: before63()}
	return check.Chain{libc.Basic{}, constants{libc.Table{}}, gfp, own, libc.Table{}}
}

// Names are the types by which a specifier is read, before it is known what it
// probes. The kernel is asked last: reading its types takes longest.
func (h *Host) Names() check.Types { return check.Chain{libc.Table{}, lazy{h}} }

// before63 reports whether the kernel is older than 6.3. Nothing in it says whether
// a macro has a bit more.
func before63() bool {
	var major, minor int
	if n, _ := fmt.Sscanf(preflight.Release(), "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major < 6 || major == 6 && minor < 3
}

// Matcher returns a function that reports whether a name matches a pattern with *
// and ?.
func Matcher(pattern string) func(string) bool {
	return func(name string) bool { return matches(pattern, name) }
}

func matches(pattern, name string) bool {
	// What a star has matched grows when what follows does not fit; only the last
	// star needs to be tried again.
	star, from := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
