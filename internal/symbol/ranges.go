package symbol

import "bytes"

// Range is where a function lies: from Start up to and without End.
type Range struct{ Start, End uint64 }

// Ranges returns where the functions of that name lie, in the order of their addresses. There can be several: a static
// function in each file of the kernel, and the pieces into which the compiler took one apart.
func (k *Kernel) Ranges(name string) []Range {
	var out []Range
	if name == "" {
		return nil
	}
	for i, s := range k.syms {
		if !bytes.HasPrefix(k.names[s.name:], []byte(name)) || !isPart(k.name(s)[len(name):]) {
			continue
		}
		r := Range{s.addr, s.addr + min(maxKernelFunction, ^uint64(0)-s.addr)}
		for _, next := range k.syms[i+1:] {
			if next.addr > s.addr {
				r.End = min(r.End, next.addr)
				break
			}
		}
		if len(out) == 0 || out[len(out)-1] != r {
			out = append(out, r)
		}
	}
	return out
}

// isPart reports whether what follows a function's name makes it a piece or a variant of that function: nothing, or
// suffixes such as .isra.0, .constprop.3.cold, .llvm.1234.
func isPart(suffix []byte) bool {
	numbered := false // the word before may have a number
	for len(suffix) > 0 {
		if suffix[0] != '.' {
			return false
		}
		word, _, _ := bytes.Cut(suffix[1:], []byte("."))
		suffix = suffix[1+len(word):]
		switch string(word) {
		case "isra", "constprop", "part", "cold", "llvm":
			numbered = true
		default:
			if !numbered || !isNumber(word) {
				return false
			}
			numbered = false
		}
	}
	return true
}

func isNumber(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
