package layouttest

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// Objects are the types of a command's objects, by name: of the one that is embedded in
// it, which load returns, and of those of all architectures in the test's directory.
// It checks that there is no chance in their order.
func Objects(t testing.TB, load func() (*ebpf.CollectionSpec, error)) map[string]*btf.Spec {
	t.Helper()
	embedded, err := load()
	qt.Assert(t, qt.IsNil(err))
	objects := map[string]*btf.Spec{"embedded": embedded.Types}
	for _, file := range []string{"bpf_x86_bpfel.o", "bpf_arm64_bpfel.o"} {
		spec, err := ebpf.LoadCollectionSpec(file)
		qt.Assert(t, qt.IsNil(err))
		objects[file] = spec.Types
		qt.Check(t, qt.DeepEquals(unordered(t, spec.Types), nil), qt.Commentf(
			"%s: clang orders these types by chance, name them in unused_pointed_to (internal/bpf/kernel.h)", file))
	}
	return objects
}

// unordered are the structs that an object only points to, so that clang writes them in
// the order of its own addresses; without those that kernel.h names for their order.
func unordered(t testing.TB, types *btf.Spec) (names []string) {
	t.Helper()
	ordered := make(map[string]bool)
	var list *btf.Var
	qt.Assert(t, qt.IsNil(types.TypeByName("unused_pointed_to", &list)))
	function, ok := btf.UnderlyingType(list.Type).(*btf.Pointer)
	qt.Assert(t, qt.IsTrue(ok))
	proto, ok := function.Target.(*btf.FuncProto)
	qt.Assert(t, qt.IsTrue(ok))
	for _, p := range proto.Params {
		if pointer, ok := p.Type.(*btf.Pointer); ok {
			ordered[pointer.Target.TypeName()] = true
		}
	}
	for typ, err := range types.All() {
		qt.Assert(t, qt.IsNil(err))
		if fwd, ok := typ.(*btf.Fwd); ok && !ordered[fwd.Name] {
			names = append(names, fwd.Name)
		}
	}
	return names
}

// DataOffset is where the data of a struct buffer begins that is a member of a struct:
// the offset in bytes from member from of that struct, its beginning if from is "".
func DataOffset(t testing.TB, types *btf.Spec, name, from, buffer string) int {
	t.Helper()
	var outer, inner *btf.Struct
	qt.Assert(t, qt.IsNil(types.TypeByName(name, &outer)))
	qt.Assert(t, qt.IsNil(types.TypeByName("buffer", &inner)))
	return offset(t, outer, buffer) + offset(t, inner, "data") - offset(t, outer, from)
}

func offset(t testing.TB, s *btf.Struct, member string) int {
	t.Helper()
	if member == "" {
		return 0
	}
	for _, m := range s.Members {
		if m.Name == member {
			return int(m.Offset.Bytes())
		}
	}
	t.Fatalf("struct %s has no member %s", s.Name, member)
	return 0
}
