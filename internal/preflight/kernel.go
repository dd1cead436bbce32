package preflight

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/slimbtf"
)

// Kernel answers questions about the running kernel and remembers what was
// costly to find out. One is shared by all of a process, so that the kernel's
// type information is parsed once.
type Kernel struct {
	Cache *btf.Cache // for ebpf.CollectionOptions

	external *btf.Spec // from --btf, or nil
	slim     *btf.Spec // what Fit took from the kernel's, or nil
	tried    sync.Map  // what was tried -> error
}

// Inspect opens the kernel's type information, or the file btfFile instead
// of it where that is not empty.
func Inspect(btfFile string) (*Kernel, error) {
	k := &Kernel{Cache: btf.NewCache()}
	if btfFile != "" {
		spec, err := btf.LoadSpec(btfFile)
		if err != nil {
			return nil, fmt.Errorf("read type information %s: %w", btfFile, err)
		}
		k.external = spec
	}
	return k, nil
}

// Types returns the type information that programs are fitted to.
func (k *Kernel) Types() (*btf.Spec, error) {
	if k.external != nil {
		return k.external, nil
	}
	spec, err := k.Cache.Kernel()
	if err != nil {
		return nil, &MissingFeature{
			Feature: "type information (BTF)", Err: err,
			Fix: "use a kernel with CONFIG_DEBUG_INFO_BTF, or give its BTF with --btf FILE (btfhub has many)",
		}
	}
	return spec, nil
}

// Fit takes from the kernel's type information what an object needs, so that
// most commands never read all of it. extra are names of types to look for in
// addition. Where that fails, all of it is read after all.
func (k *Kernel) Fit(object *btf.Spec, extra ...string) error {
	if k.external != nil {
		return nil
	}
	names, err := slimbtf.Names(object)
	if err != nil {
		return fmt.Errorf("list types of BPF object: %w", err)
	}
	file, err := os.Open("/sys/kernel/btf/vmlinux")
	if err != nil {
		return nil // Types tells
	}
	defer file.Close()
	names = append(names, extra...)
	names = append(names, memlockAccount)
	if k.slim, err = slimbtf.Extract(file, names); err != nil {
		k.slim = nil
	}
	return nil
}

// Ready returns a [*MissingFeature] if there is no type information at all.
func (k *Kernel) Ready() error {
	_, err := k.fitted()
	return err
}

// fitted returns the types that Fit took, or else all of the kernel's.
func (k *Kernel) fitted() (*btf.Spec, error) {
	if k.slim != nil {
		return k.slim, nil
	}
	return k.Types()
}

// Relocations returns the types to fit programs to, nil for all of the
// kernel's.
func (k *Kernel) Relocations() *btf.Spec {
	if k.external != nil {
		return k.external
	}
	return k.slim
}

// HasFunction reports whether the kernel's type information knows a function
// of that name.
func (k *Kernel) HasFunction(name string) bool {
	return len(k.functions(name)) > 0
}

func (k *Kernel) functions(name string) []*btf.Func {
	spec, err := k.Types()
	if err != nil {
		return nil
	}
	types, err := spec.AnyTypesByName(name)
	if err != nil {
		return nil
	}
	var out []*btf.Func
	for _, t := range types {
		if fn, ok := t.(*btf.Func); ok {
			out = append(out, fn)
		}
	}
	return out
}

// Traceable says why the function's type information does not do for fentry,
// or nil. Debian's 6.1 lists some system calls twice, and its 5.10 some with
// arguments of a type that is declared and never defined.
func (k *Kernel) Traceable(name string) error {
	fns := k.functions(name)
	switch {
	case len(fns) == 0:
		return fmt.Errorf("no function %s in the kernel's type information", name)
	case len(fns) > 1:
		return fmt.Errorf("the kernel's type information has %s %d times", name, len(fns))
	}
	proto, ok := fns[0].Type.(*btf.FuncProto)
	if !ok {
		return fmt.Errorf("function %s has no prototype", name)
	}
	for _, p := range proto.Params {
		ptr, ok := btf.UnderlyingType(p.Type).(*btf.Pointer)
		if !ok {
			continue
		}
		if fwd, ok := btf.UnderlyingType(ptr.Target).(*btf.Fwd); ok {
			return fmt.Errorf("argument %s of %s points to struct %s, which the kernel's type information does not define", p.Name, name, fwd.Name)
		}
	}
	return nil
}

// Parameters returns the names of a function's parameters, or nil where the
// kernel's type information does not have the function.
func (k *Kernel) Parameters(function string) []string {
	var names []string
	for _, fn := range k.functions(function) {
		proto, ok := fn.Type.(*btf.FuncProto)
		if !ok {
			continue
		}
		for _, p := range proto.Params {
			names = append(names, p.Name)
		}
		break
	}
	return names
}

// TracepointType is the name of the type by which a raw tracepoint is known.
func TracepointType(name string) string { return "btf_trace_" + name }

// HasTracepoint reports whether the kernel has the raw tracepoint, whose
// [TracepointType] must have been given to Fit.
func (k *Kernel) HasTracepoint(name string) bool {
	spec, err := k.fitted()
	if err != nil {
		return false
	}
	var td *btf.Typedef
	return spec.TypeByName(TracepointType(name), &td) == nil
}

// HasHelper reports whether the kernel knows the BPF helper, by the enum of
// helper numbers in its own type information. The object must name the helper
// in an enum of its own, so that Fit has taken it.
func (k *Kernel) HasHelper(name string) bool {
	spec, err := k.fitted()
	if err != nil {
		return false
	}
	var e *btf.Enum
	if err := spec.TypeByName("bpf_func_id", &e); err != nil {
		return false
	}
	for _, v := range e.Values {
		if v.Name == "BPF_FUNC_"+name {
			return true
		}
	}
	return false
}

// HasRingBuffer reports whether maps can be ring buffers (5.8).
func (k *Kernel) HasRingBuffer() bool {
	return features.HaveMapType(ebpf.RingBuf) == nil
}

// cause returns the innermost errno of err, which is what the kernel said,
// without the library's guesses about versions.
func cause(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// Release returns the kernel's release, as uname -r prints it.
func Release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Lockdown returns the kernel's lockdown mode: "none", "integrity",
// "confidentiality", or "" where it cannot be read.
func Lockdown() string {
	b, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err != nil {
		return ""
	}
	return parseLockdown(string(b))
}

// parseLockdown returns the mode in brackets: "none [integrity] confidentiality".
func parseLockdown(text string) string {
	_, rest, ok := strings.Cut(text, "[")
	if !ok {
		return ""
	}
	mode, _, _ := strings.Cut(rest, "]")
	return mode
}
