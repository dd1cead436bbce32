package slimbtf

import (
	"bytes"
	"io"

	"github.com/cilium/ebpf/btf"
)

// LoadModule reads the raw BTF of a module, which goes on where that of the kernel
// ends: ids of types and offsets of strings count from there, and it refers to the
// kernel's types by their ids. So it belongs to that very kernel.
func LoadModule(file io.ReaderAt, kernel *File) (*File, error) {
	f, err := Load(file)
	if err != nil {
		return nil, err
	}
	f.base = kernel
	return f, nil
}

// First is the id of the first type that is not the kernel's; of the kernel 1.
func (f *File) First() btf.TypeID { return btf.TypeID(f.below() + 1) }

// below is how many ids are the kernel's.
func (f *File) below() int {
	if f.base == nil {
		return 0
	}
	return f.base.Len()
}

// offsets are where a string begins that is all of a name, as types have it.
func (f *File) offsets(name string) []uint32 {
	var out []uint32
	start := 0
	if f.base != nil {
		out = f.base.offsets(name) // which a module does not have twice
		start = len(f.base.strings)
		if bytes.HasPrefix(f.strings, append([]byte(name), 0)) {
			out = append(out, uint32(start)) // no empty string comes before the first
		}
	}
	want := append(append([]byte{0}, name...), 0)
	for from := 0; ; {
		i := bytes.Index(f.strings[from:], want)
		if i < 0 {
			return out
		}
		out = append(out, uint32(start+from+i+1))
		from += i + 1
	}
}
