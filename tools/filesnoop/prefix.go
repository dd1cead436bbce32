package main

import (
	"encoding/binary"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
)

// Limits of what the kernel compares (filesnoop.h): texts, and bytes of each.
const (
	prefixesMax  = 8
	prefixMax    = 255
	prefixSets   = 2
	bytesPerWord = 8
)

// setPrefixes writes the texts of --path and --not-path into the object. Where they
// are too many or too long, the kernel has none of that set: user space has them all.
func setPrefixes(spec *ebpf.CollectionSpec, sets ...[]string) error {
	var count [prefixSets]uint32
	var all [prefixSets * prefixesMax]bpfPrefix
	for i, set := range sets {
		if !fits(set) {
			continue
		}
		count[i] = uint32(len(set))
		for k, text := range set {
			all[i*prefixesMax+k] = prefixOf(text)
		}
	}
	if err := loader.SetConstant(spec, "filter_prefixes", count); err != nil {
		return err
	}
	return loader.SetConstant(spec, "prefixes", all)
}

func fits(set []string) bool {
	for _, text := range set {
		if len(strings.TrimRight(text, "/")) > prefixMax {
			return false
		}
	}
	return len(set) <= prefixesMax
}

// prefixOf is a text as words, with ones where it has bytes.
func prefixOf(text string) bpfPrefix {
	text = strings.TrimRight(text, "/")
	p := bpfPrefix{Len: uint32(len(text))}
	var bytes, mask [len(p.Text) * bytesPerWord]byte
	copy(bytes[:], text)
	for i := range text {
		mask[i] = 0xff
	}
	for w := range p.Text {
		p.Text[w] = binary.NativeEndian.Uint64(bytes[w*bytesPerWord:])
		p.Mask[w] = binary.NativeEndian.Uint64(mask[w*bytesPerWord:])
	}
	return p
}
