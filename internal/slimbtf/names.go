package slimbtf

import (
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Names returns the names of all types, fields and enum values in an object's
// own type information: those that it may ask of the kernel. A ___suffix,
// which tells the shapes of different kernels apart, is not part of a name.
func Names(spec *btf.Spec) ([]string, error) {
	seen := make(map[string]bool)
	var out []string
	add := func(name string) {
		name, _, _ = strings.Cut(name, "___")
		if name != "" && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	members := func(list []btf.Member) {
		for _, m := range list {
			add(m.Name)
		}
	}
	for t, err := range spec.All() {
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case *btf.Struct:
			add(t.Name)
			members(t.Members)
		case *btf.Union:
			add(t.Name)
			members(t.Members)
		case *btf.Enum:
			add(t.Name)
			for _, v := range t.Values {
				add(v.Name)
			}
		case *btf.Typedef:
			add(t.Name)
		}
	}
	return out, nil
}
