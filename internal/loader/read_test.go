package loader

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// objects are the files of all commands' objects.
func objects(t *testing.T) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, pattern := range []string{"../../tools/*/*_bpfel.o", "../../tools/*/*/*_bpfel.o"} {
		paths, err := filepath.Glob(pattern)
		qt.Assert(t, qt.IsNil(err))
		for _, path := range paths {
			found[path], err = os.ReadFile(path)
			qt.Assert(t, qt.IsNil(err))
		}
	}
	qt.Assert(t, qt.HasLen(found, 14)) // of seven commands, for two architectures
	return found
}

// TestTargets: the sections name what the programs attach to, in every object.
func TestTargets(t *testing.T) {
	for path, object := range objects(t) {
		tracepoints, functions, err := targets(object, nil)
		qt.Assert(t, qt.IsNil(err))
		spec := readSpec(t, object)
		wantTracepoints, wantFunctions := make(map[string]bool), make(map[string]bool)
		for _, p := range spec.Programs {
			switch {
			case p.Type == ebpf.LSM:
				wantFunctions["bpf_lsm_"+p.AttachTo] = true
			case p.Type == ebpf.Tracing && p.AttachType == ebpf.AttachTraceIter:
				wantFunctions["bpf_iter_"+p.AttachTo] = true
			case p.Type == ebpf.Tracing, p.Type == ebpf.Kprobe && p.AttachTo != "":
				wantFunctions[p.AttachTo] = true
			case p.Type == ebpf.RawTracepoint:
				wantTracepoints[p.AttachTo] = true
			}
		}
		qt.Check(t, qt.DeepEquals(sorted(tracepoints), slices.Sorted(maps.Keys(wantTracepoints))), qt.Commentf("%s", path))
		qt.Check(t, qt.DeepEquals(sorted(functions), slices.Sorted(maps.Keys(wantFunctions))), qt.Commentf("%s", path))
	}
}

// TestTargetsOfLadders: what the ladders name counts as well.
func TestTargetsOfLadders(t *testing.T) {
	object := objects(t)["../../tools/execsnoop/bpf_x86_bpfel.o"]
	tracepoints, functions, err := targets(object, []Hook{{Rungs: []Rung{
		{Attach: []Attachment{{Program: "exit", To: "compat_execve"}, {Program: "exit"}}},
		{Attach: []Attachment{{Program: "tp", To: "sys_other"}}},
	}}})
	qt.Assert(t, qt.IsNil(err))
	for _, name := range []string{"compat_execve", "sys_other"} {
		qt.Check(t, qt.SliceContains(tracepoints, name))
		qt.Check(t, qt.SliceContains(functions, name))
	}
}

// TestRead: the object is what the library reads, and the kernel is fitted to it.
func TestRead(t *testing.T) {
	for path, object := range objects(t) {
		k, err := preflight.Inspect("")
		qt.Assert(t, qt.IsNil(err))
		spec, err := Read(k, object, nil)
		qt.Assert(t, qt.IsNil(err))
		want := readSpec(t, object)
		qt.Check(t, qt.DeepEquals(slices.Sorted(maps.Keys(spec.Programs)), slices.Sorted(maps.Keys(want.Programs))), qt.Commentf("%s", path))
		if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
			continue // a kernel without type information
		}
		types := k.Relocations()
		qt.Assert(t, qt.IsNotNil(types), qt.Commentf("%s", path))
		var task *btf.Struct
		qt.Check(t, qt.IsNil(types.TypeByName("task_struct", &task)), qt.Commentf("%s", path))
	}
}

func TestReadNothing(t *testing.T) {
	k, err := preflight.Inspect("")
	qt.Assert(t, qt.IsNil(err))
	for _, object := range [][]byte{nil, []byte("no ELF"), make([]byte, 4096)} {
		_, err := Read(k, object, nil)
		qt.Check(t, qt.ErrorMatches(err, "read types of BPF object: .*"))
	}
}

func readSpec(t *testing.T, object []byte) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	qt.Assert(t, qt.IsNil(err))
	return spec
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
