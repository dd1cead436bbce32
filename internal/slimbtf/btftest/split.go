// Package btftest makes type information for tests: that of a kernel, and that of a
// module, which goes on where the kernel's ends.
package btftest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// header is that of BTF: magic, version, flags, its own size, and offset and size of
// types and strings.
const (
	headerSize = 24
	atTypes    = 8
)

// Split returns the raw type information of a kernel with those types, and of a module
// with others, which may refer to them. What a type refers to must be among them.
func Split(t testing.TB, kernel, module []btf.Type) (kernelBTF, moduleBTF []byte) {
	t.Helper()
	base := marshal(t, kernel)
	both := marshal(t, append(kernel[:len(kernel):len(kernel)], module...))
	types, strings := sections(base)
	allTypes, allStrings := sections(both)
	// What the kernel has comes first, as it was added first.
	qt.Assert(t, qt.IsTrue(bytes.HasPrefix(allTypes, types) && bytes.HasPrefix(allStrings, strings)))
	return base, join(allTypes[len(types):], allStrings[len(strings):])
}

func marshal(t testing.TB, types []btf.Type) []byte {
	t.Helper()
	var b btf.Builder
	for _, one := range types {
		_, err := b.Add(one)
		qt.Assert(t, qt.IsNil(err))
	}
	raw, err := b.Marshal(nil, nil)
	qt.Assert(t, qt.IsNil(err))
	return raw
}

func sections(raw []byte) (types, strings []byte) {
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(raw[atTypes+4*i:]) }
	body := raw[headerSize:]
	return body[word(0):][:word(1)], body[word(2):][:word(3)]
}

func join(types, strings []byte) []byte {
	out := binary.NativeEndian.AppendUint16(nil, 0xeb9f)
	out = append(out, 1, 0) // version, flags
	for _, v := range []int{headerSize, 0, len(types), len(types), len(strings)} {
		out = binary.NativeEndian.AppendUint32(out, uint32(v))
	}
	return append(append(out, types...), strings...)
}
