package engine

import (
	"reflect"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// TestLayout: the types of layout.go lie in memory as clang has laid out those of the
// programs, field by field in their order. What is unused has no name in Go.
func TestLayout(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	for name, typ := range map[string]reflect.Type{
		"control_block": reflect.TypeFor[controlBlock](), "generation": reflect.TypeFor[generation](),
		"exception": reflect.TypeFor[exception](), "special": reflect.TypeFor[special](),
		"path_key": reflect.TypeFor[pathKey](), "path_ids": reflect.TypeFor[pathIDs](),
		"inode_key": reflect.TypeFor[inodeKey](), "inode_ids": reflect.TypeFor[inodeIDs](),
		"effect": reflect.TypeFor[effect](), "address_key": reflect.TypeFor[addressKey](),
		"network_key": reflect.TypeFor[networkKey](), "port_classes": reflect.TypeFor[portClasses](),
		"flow_key": reflect.TypeFor[flowKey](), "user_key": reflect.TypeFor[userKey](),
		"word_key": reflect.TypeFor[wordKey](), "question": reflect.TypeFor[question](),
		"seeding": reflect.TypeFor[seeding](), "own_key": reflect.TypeFor[ownKey](),
	} {
		var c *btf.Struct
		qt.Assert(t, qt.IsNil(spec.Types.TypeByName(name, &c)), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(uint32(typ.Size()), c.Size), qt.Commentf("%s", name))
		var fields []reflect.StructField
		for _, f := range reflect.VisibleFields(typ) {
			if f.Name != "_" {
				fields = append(fields, f)
			}
		}
		at := 0
		for _, m := range c.Members {
			if m.Name == "unused" {
				continue
			}
			if !qt.Check(t, qt.IsTrue(at < len(fields)), qt.Commentf("%s.%s", name, m.Name)) {
				break
			}
			f := fields[at]
			at++
			size, err := btf.Sizeof(m.Type)
			qt.Assert(t, qt.IsNil(err))
			comment := qt.Commentf("%s.%s, %s", name, m.Name, f.Name)
			qt.Check(t, qt.Equals(uint32(f.Offset), m.Offset.Bytes()), comment)
			qt.Check(t, qt.Equals(int(f.Type.Size()), size), comment)
		}
		qt.Check(t, qt.Equals(at, len(fields)), qt.Commentf("%s", name))
	}
}

// TestNumbers: kinds, operations and hooks have the same numbers on both sides.
func TestNumbers(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	var h *btf.Enum
	qt.Assert(t, qt.IsNil(spec.Types.TypeByName("hook", &h)))
	qt.Assert(t, qt.HasLen(h.Values, len(hooks)))
	for _, v := range h.Values[1:] {
		want := "HOOK_" + upper(string(hooks[v.Value]))
		qt.Check(t, qt.Equals(v.Name, want))
	}
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
