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

	external *btf.Spec      // from --btf, or nil
	slim     *slimbtf.Types // what Fit took from the kernel's, or nil
	tried    sync.Map       // what was tried -> error
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

// Fit takes from the running kernel's type information what an object needs, so that
// most commands never read all of it: the types that the object names, those of
// the tracepoints, and the functions that its programs may go to. Where that
// fails, all of it is read after all.
func (k *Kernel) Fit(object *btf.Spec, tracepoints, functions []string) error {
	names, err := slimbtf.Names(object)
	if err != nil {
		return fmt.Errorf("list types of BPF object: %w", err)
	}
	file, err := os.Open("/sys/kernel/btf/vmlinux")
	if err != nil {
		return nil // Types tells
	}
	defer file.Close()
	for _, t := range tracepoints {
		names = append(names, tracepointType(t))
	}
	names = append(names, memlockAccount, helperIDs)
	for _, h := range helpers {
		names = append(names, h.value())
	}
	if k.slim, err = slimbtf.Extract(file, names, functions); err != nil {
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
	if k.external == nil && k.slim != nil {
		return k.slim.Spec, nil
	}
	return k.Types()
}

// Relocations returns the types to fit programs to, nil for all of the
// kernel's.
func (k *Kernel) Relocations() *btf.Spec {
	switch {
	case k.external != nil:
		return k.external
	case k.slim != nil:
		return k.slim.Spec
	}
	return nil
}

// HasFunction reports whether the kernel's type information knows a function
// of that name.
func (k *Kernel) HasFunction(name string) bool {
	return len(k.functions(name)) > 0
}

// functions are those of that name. Whether a program can go to one depends on
// the running kernel's own type information; a file stands in where it has none.
func (k *Kernel) functions(name string) []slimbtf.Function {
	if k.slim != nil {
		if fns, asked := k.slim.Functions[name]; asked {
			return fns
		}
	}
	spec, err := k.Types()
	if err != nil {
		return nil
	}
	return slimbtf.FunctionsOf(spec, name)
}

// Function returns the id of the only function of that name in the running
// kernel's type information, by which programs attach to it.
func (k *Kernel) Function(name string) (btf.TypeID, error) {
	if err := k.Traceable(name); err != nil {
		return 0, err
	}
	if k.external != nil && k.slim == nil {
		return 0, fmt.Errorf("this kernel has no type information of its own, which programs attach by")
	}
	return k.functions(name)[0].ID, nil
}

// Traceable says why the function's type information does not do for fentry, or
// nil.
func (k *Kernel) Traceable(name string) error {
	return slimbtf.Traceable(name, k.functions(name))
}

// Parameters returns the names of a function's parameters, or nil where the
// kernel's type information does not have the function.
func (k *Kernel) Parameters(function string) []string {
	fns := k.functions(function)
	if len(fns) == 0 {
		return nil
	}
	var names []string
	for _, p := range fns[0].Params {
		names = append(names, p.Name)
	}
	return names
}

// tracepointType is the name of the type by which a raw tracepoint is known.
func tracepointType(name string) string { return "btf_trace_" + name }

// HasTracepoint reports whether the kernel has the raw tracepoint, which must
// have been given to Fit.
func (k *Kernel) HasTracepoint(name string) bool {
	spec, err := k.fitted()
	if err != nil {
		return false
	}
	var td *btf.Typedef
	return spec.TypeByName(tracepointType(name), &td) == nil
}

// Helper is a function that the kernel has for BPF programs, as bpf-helpers(7) calls it
// without bpf_.
type Helper string

// The helpers that somebody asks for; Fit takes their numbers.
const (
	KtimeGetBootNS  Helper = "ktime_get_boot_ns" // 5.8
	GetAttachCookie Helper = "get_attach_cookie" // 5.15
	Loop            Helper = "loop"              // 5.17
)

var helpers = []Helper{KtimeGetBootNS, GetAttachCookie, Loop}

// helperIDs is the enum of helpers' numbers.
const helperIDs = "bpf_func_id"

func (h Helper) value() string { return "BPF_FUNC_" + string(h) }

// HasHelper reports whether the kernel knows the BPF helper, by the enum of
// helper numbers in its own type information.
func (k *Kernel) HasHelper(h Helper) bool {
	spec, err := k.fitted()
	if err != nil {
		return false
	}
	var e *btf.Enum
	if err := spec.TypeByName(helperIDs, &e); err != nil {
		return false
	}
	for _, v := range e.Values {
		if v.Name == h.value() {
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
