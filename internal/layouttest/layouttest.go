// Package layouttest checks in tests that a Go struct lies in memory as the C struct that the kernel fills.
//
// The C side is taken from the type information (BTF) of a command's BPF object, so that what is compared is what was
// compiled, padding included.
package layouttest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Check compares the Go struct type T with the struct of that name in types: size, and of every member its name,
// offset, size and sign. Names are the same if they differ in case and underscores only. Go fields named _ do not
// count, and neither side may have a member that the other lacks.
func Check[T any](types *btf.Spec, name string) error {
	var s *btf.Struct
	if err := types.TypeByName(name, &s); err != nil {
		return fmt.Errorf("find struct %s: %w", name, err)
	}
	return checkStruct(reflect.TypeFor[T](), s, name)
}

func checkStruct(g reflect.Type, c *btf.Struct, path string) error {
	if g.Kind() != reflect.Struct {
		return fmt.Errorf("%s: %s is no struct", path, g)
	}
	var errs []error
	if uint64(g.Size()) != uint64(c.Size) {
		errs = append(errs, fmt.Errorf("%s: %s has %d bytes, C has %d", path, g, g.Size(), c.Size))
	}
	fields := make(map[string]reflect.StructField)
	for f := range fieldsOf(g) {
		fields[plain(f.Name)] = f
	}
	for _, m := range c.Members {
		at := path + "." + m.Name
		f, ok := fields[plain(m.Name)]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: not in %s", at, g))
			continue
		}
		delete(fields, plain(m.Name))
		if m.BitfieldSize != 0 {
			errs = append(errs, fmt.Errorf("%s: Go has no bit fields", at))
			continue
		}
		if uint64(f.Offset) != uint64(m.Offset.Bytes()) {
			errs = append(errs, fmt.Errorf("%s: at %d in %s, at %d in C", at, f.Offset, g, m.Offset.Bytes()))
		}
		errs = append(errs, checkType(f.Type, m.Type, at))
	}
	for f := range fieldsOf(g) {
		if _, left := fields[plain(f.Name)]; left {
			errs = append(errs, fmt.Errorf("%s: %s.%s is not in C", path, g, f.Name))
		}
	}
	return errors.Join(errs...)
}

func checkType(g reflect.Type, c btf.Type, path string) error {
	size, err := btf.Sizeof(c)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if uint64(g.Size()) != uint64(size) {
		return fmt.Errorf("%s: %s has %d bytes, C has %d", path, g, g.Size(), size)
	}
	switch c := btf.UnderlyingType(c).(type) {
	case *btf.Struct:
		return checkStruct(g, c, path)
	case *btf.Array:
		if g.Kind() != reflect.Array || uint64(g.Len()) != uint64(c.Nelems) {
			return fmt.Errorf("%s: %s is no array of %d", path, g, c.Nelems)
		}
		return checkType(g.Elem(), c.Type, path+"[]")
	case *btf.Int:
		if g.Kind() == reflect.Bool || size == 1 { // char has the sign that the architecture gives it
			return nil
		}
		if signed := g.Kind() >= reflect.Int && g.Kind() <= reflect.Int64; !isInteger(g) || signed != (c.Encoding == btf.Signed) {
			return fmt.Errorf("%s: %s for C's %s", path, g, c.Name)
		}
		return nil
	}
	return fmt.Errorf("%s: %s for a %T is not compared", path, g, c)
}

func isInteger(g reflect.Type) bool { return g.Kind() >= reflect.Int && g.Kind() <= reflect.Uint64 }

// fieldsOf yields the fields that have a name.
func fieldsOf(g reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range g.NumField() {
			if f := g.Field(i); f.Name != "_" && !yield(f) {
				return
			}
		}
	}
}

// plain is what time_ns and TimeNs, cgroup_id and CgroupID have in common.
func plain(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}
