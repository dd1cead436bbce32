package preflight

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

func TestParseLockdown(t *testing.T) {
	for text, want := range map[string]string{
		"[none] integrity confidentiality\n": "none",
		"none [integrity] confidentiality\n": "integrity",
		"none integrity [confidentiality]\n": "confidentiality",
		"[none]":                             "none",
		"none integrity":                     "",
		"":                                   "",
	} {
		qt.Check(t, qt.Equals(parseLockdown(text), want), qt.Commentf("%q", text))
	}
	qt.Check(t, qt.SliceContains([]string{"", "none", "integrity", "confidentiality"}, Lockdown()))
}

func TestCause(t *testing.T) {
	wrapped := fmt.Errorf("load (the library's guess): %w", fmt.Errorf("more: %w", unix.EPERM))
	qt.Check(t, qt.Equals(cause(wrapped), error(unix.EPERM)))
	other := errors.New("no errno in it")
	qt.Check(t, qt.Equals(cause(other), other))
}

func TestRelease(t *testing.T) {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(Release(), strings.TrimSpace(string(b))))
}

// kernel is a Kernel whose type information has just these types.
func kernel(t *testing.T, types ...btf.Type) *Kernel {
	t.Helper()
	b, err := btf.NewBuilder(types, nil)
	qt.Assert(t, qt.IsNil(err))
	raw, err := b.Marshal(nil, &btf.MarshalOptions{Order: binary.NativeEndian})
	qt.Assert(t, qt.IsNil(err))
	file := filepath.Join(t.TempDir(), "btf")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, raw, 0o600)))
	k, err := Inspect(file)
	qt.Assert(t, qt.IsNil(err))
	return k
}

var (
	long    = &btf.Int{Name: "long int", Size: 8, Encoding: btf.Signed}
	taskPtr = &btf.Pointer{Target: &btf.Struct{Name: "task_struct", Size: 8, Members: []btf.Member{{Name: "pid", Type: long}}}}
	fwdPtr  = &btf.Pointer{Target: &btf.Const{Type: &btf.Fwd{Name: "user_arg_ptr", Kind: btf.FwdStruct}}}
)

func function(name string, params ...btf.Type) *btf.Func {
	proto := &btf.FuncProto{Return: long}
	for i, p := range params {
		proto.Params = append(proto.Params, btf.FuncParam{Name: fmt.Sprintf("a%d", i), Type: p})
	}
	return &btf.Func{Name: name, Type: proto, Linkage: btf.StaticFunc}
}

func TestFunctions(t *testing.T) {
	k := kernel(t, function("plain"), function("execve", taskPtr, long), function("twice", long), function("twice", taskPtr),
		function("vague", long, fwdPtr), &btf.Typedef{Name: "typedef", Type: long})
	for _, test := range []struct {
		name  string
		known bool
		trace string // why it cannot be traced; "" if it can
	}{
		{"plain", true, ""},
		{"execve", true, ""},
		{"twice", true, "the kernel's type information has twice 2 times"},
		{"vague", true, "argument a1 of vague points to struct user_arg_ptr, which .* does not define"},
		{"typedef", false, "no function typedef in the kernel's type information"},
		{"none", false, "no function none in the kernel's type information"},
		{"", false, "no function .*"},
	} {
		qt.Check(t, qt.Equals(k.HasFunction(test.name), test.known), qt.Commentf("%s", test.name))
		err := k.Traceable(test.name)
		if test.trace == "" {
			qt.Check(t, qt.IsNil(err), qt.Commentf("%s", test.name))
			continue
		}
		qt.Check(t, qt.ErrorMatches(err, test.trace))
		// Not even tried, and remembered.
		for range 2 {
			qt.Check(t, qt.ErrorMatches(k.CanTrace(test.name), test.trace))
		}
	}
}

func TestTracepoints(t *testing.T) {
	k := kernel(t, &btf.Typedef{Name: "btf_trace_sched_process_exec", Type: &btf.Pointer{Target: &btf.FuncProto{Return: &btf.Void{}}}},
		function("btf_trace_function"), function("sched_process_fork"))
	qt.Check(t, qt.IsTrue(k.HasTracepoint("sched_process_exec")))
	qt.Check(t, qt.IsFalse(k.HasTracepoint("sched_process_fork")))
	qt.Check(t, qt.IsFalse(k.HasTracepoint("function")))
	qt.Check(t, qt.IsFalse(k.HasTracepoint("")))
}

func TestHelpers(t *testing.T) {
	ids := &btf.Enum{Name: "bpf_func_id", Size: 4, Values: []btf.EnumValue{{Name: "BPF_FUNC_unspec"}, {Name: "BPF_FUNC_loop", Value: 181}}}
	k := kernel(t, ids)
	qt.Check(t, qt.IsTrue(k.HasHelper(Loop)))
	qt.Check(t, qt.IsFalse(k.HasHelper(KtimeGetBootNS)))
	qt.Check(t, qt.IsFalse(kernel(t, long).HasHelper(Loop)))
}

func TestChargesMemlock(t *testing.T) {
	account := &btf.Struct{Name: "bpf_map_memory", Size: 8, Members: []btf.Member{{Name: "pages", Type: long}}}
	var lim unix.Rlimit
	qt.Assert(t, qt.IsNil(unix.Getrlimit(unix.RLIMIT_MEMLOCK, &lim)))

	old, now := kernel(t, account), kernel(t, long)
	if lim.Cur != unix.RLIM_INFINITY {
		qt.Check(t, qt.IsTrue(old.ChargesMemlock(lim.Cur+1)))
	}
	qt.Check(t, qt.IsFalse(old.ChargesMemlock(lim.Cur)))
	qt.Check(t, qt.IsFalse(now.ChargesMemlock(1<<63)))
}

func TestExternalTypes(t *testing.T) {
	k := kernel(t, function("only_here"))
	qt.Check(t, qt.IsNotNil(k.Relocations()))
	types, err := k.Types()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(types, k.Relocations()))

	k, err = Inspect("")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(k.Relocations()))

	dir := t.TempDir()
	_, err = Inspect(filepath.Join(dir, "none"))
	qt.Check(t, qt.ErrorMatches(err, `read type information .*/none: .*`))
	junk := filepath.Join(dir, "junk")
	qt.Assert(t, qt.IsNil(os.WriteFile(junk, []byte("not BTF"), 0o600)))
	_, err = Inspect(junk)
	qt.Check(t, qt.ErrorMatches(err, `read type information .*/junk: .*`))
}

// TestRunningKernel asks the kernel that runs the test. Where it has type
// information, what every kernel has must be found in it.
func TestRunningKernel(t *testing.T) {
	k, err := Inspect("")
	qt.Assert(t, qt.IsNil(err))
	_, err = k.Types()
	if _, statErr := os.Stat("/sys/kernel/btf/vmlinux"); statErr == nil {
		qt.Assert(t, qt.IsNil(err))
	}
	has := err == nil
	qt.Check(t, qt.Equals(k.HasFunction("vfs_read"), has))
	qt.Check(t, qt.Equals(k.HasTracepoint("sched_process_exec"), has))
	asked := func() (answers []bool) {
		for _, h := range helpers {
			answers = append(answers, k.HasHelper(h))
		}
		return answers
	}
	before := asked()
	qt.Check(t, qt.Equals(before[0], has)) // as all kernels since 5.8
	if object, err := btf.NewBuilder([]btf.Type{long}, nil); has && err == nil {
		raw, err := object.Marshal(nil, nil)
		qt.Assert(t, qt.IsNil(err))
		spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(k.Fit(spec, nil, nil))) // an object that names no helper
		qt.Check(t, qt.DeepEquals(asked(), before))
	}
	if !has {
		var missing *MissingFeature
		qt.Assert(t, qt.ErrorAs(err, &missing))
		qt.Check(t, qt.StringContains(missing.Remedy(), "--btf FILE"))
		qt.Check(t, qt.IsFalse(k.ChargesMemlock(1<<63)))
	}
}
