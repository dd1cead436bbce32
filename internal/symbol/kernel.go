package symbol

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
)

// ErrHidden says that the kernel shows the names of its functions without their addresses. With
// kernel.kptr_restrict=1 it takes CAP_SYSLOG to see them; with 2 nobody does.
var ErrHidden = errors.New("addresses of kernel functions are hidden (kernel.kptr_restrict, or CAP_SYSLOG is missing)")

var errNoSymbols = errors.New("no functions in it")

// Kernel knows the functions of the kernel and of its modules, in some four megabytes.
type Kernel struct {
	syms    []kernelSymbol // by address; those of one address in the order of the file
	names   []byte         // each with a newline behind it
	modules [][]byte       // the first is the kernel itself: nil
}

type kernelSymbol struct {
	addr   uint64
	name   uint32 // where it begins in names
	module uint16
}

// Bounds. The largest kernels have a quarter of the symbols, and names of at most 512 bytes.
const (
	maxKernelSymbols = 1 << 20
	maxKernelNames   = 64 << 20
	maxModules       = 1 << 16
	maxKernelName    = 512
	// What is farther from a symbol than any function is long lies in memory that no symbol speaks of, such as a BPF
	// program that is not listed.
	maxKernelFunction = 1 << 20
)

// ReadKernel reads /proc/kallsyms.
func ReadKernel() (*Kernel, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	defer f.Close()
	// Enough for most kernels, so that nothing is copied; pages that are not touched cost nothing.
	k := &Kernel{syms: make([]kernelSymbol, 0, 1<<18), names: make([]byte, 0, 8<<20)}
	if err := k.read(f); err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	return k, nil
}

// read reads text of the format of /proc/kallsyms.
func (k *Kernel) read(r io.Reader) error {
	k.modules = [][]byte{nil}
	modules := make(map[string]uint16)
	hidden, sorted := false, true
	in := bufio.NewReaderSize(r, 64<<10)
	for len(k.syms) < maxKernelSymbols && len(k.names) < maxKernelNames {
		line, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull { // no line is so long; what it is the end of is no line either
			for err == bufio.ErrBufferFull {
				_, err = in.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		if addr, name, module, ok := parseKernelSymbol(line); ok {
			if addr == 0 {
				hidden = true
			} else {
				sorted = sorted && (len(k.syms) == 0 || k.syms[len(k.syms)-1].addr <= addr)
				k.syms = append(k.syms, kernelSymbol{addr, uint32(len(k.names)), k.module(modules, module)})
				k.names = append(append(k.names, name...), '\n')
			}
		}
		if err == io.EOF {
			break
		}
	}
	switch {
	case len(k.syms) == 0 && hidden:
		return ErrHidden
	case len(k.syms) == 0:
		return errNoSymbols
	case !sorted: // the kernel's own symbols are; modules follow in the order in which they were loaded
		slices.SortFunc(k.syms, func(a, b kernelSymbol) int {
			return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.name, b.name))
		})
	}
	return nil
}

// module returns the number of a module, which is new the first time it is seen.
func (k *Kernel) module(known map[string]uint16, name []byte) uint16 {
	if len(name) == 0 {
		return 0
	}
	n, ok := known[string(name)]
	if !ok && len(k.modules) < maxModules {
		n = uint16(len(k.modules))
		k.modules = append(k.modules, bytes.Clone(name))
		known[string(name)] = n
	}
	return n
}

// parseKernelSymbol takes a line apart: ADDRESS TYPE NAME, and for a module a tab and its name in brackets. It returns
// functions only; those have type t or T, or w or W if they are weak.
func parseKernelSymbol(line []byte) (addr uint64, name, module []byte, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	addr, rest, ok := cutHex(line, ' ')
	if !ok || len(rest) < 3 || rest[1] != ' ' {
		return 0, nil, nil, false
	}
	switch rest[0] {
	case 't', 'T', 'w', 'W':
	default:
		return 0, nil, nil, false
	}
	name, module, _ = bytes.Cut(rest[2:], []byte("\t"))
	if len(module) > 1 && module[0] == '[' && module[len(module)-1] == ']' {
		module = module[1 : len(module)-1]
	}
	if len(name) == 0 || len(name) > maxKernelName || len(module) > maxKernelName {
		return 0, nil, nil, false
	}
	return addr, name, module, true
}

// cutHex reads a hexadecimal number of 1 to 16 digits and the byte behind it.
func cutHex(b []byte, end byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		switch {
		case c == end && i > 0:
			return n, b[i+1:], true
		case i == 16:
			return 0, nil, false
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, nil, false
		}
	}
	return 0, nil, false
}

// Frame returns the function at an address. If several begin at the same place, it is the one that the kernel lists
// first, which is the one that it prints itself.
func (k *Kernel) Frame(addr uint64) Frame {
	i := sort.Search(len(k.syms), func(i int) bool { return k.syms[i].addr > addr })
	if i == 0 || addr-k.syms[i-1].addr >= maxKernelFunction {
		return Frame{Offset: addr}
	}
	start := k.syms[i-1].addr
	i = sort.Search(i, func(i int) bool { return k.syms[i].addr >= start })
	return Frame{Name: k.name(k.syms[i]), Offset: addr - start, Module: k.modules[k.syms[i].module]}
}

// Caller returns the function of a return address: of all frames of a stack but the innermost. A function that ends in
// a call which never returns has its return address behind itself, at the start of the next one.
func (k *Kernel) Caller(addr uint64) Frame {
	f := k.Frame(addr)
	if f.Name == nil || f.Offset > 0 {
		return f
	}
	before := k.Frame(addr - 1)
	if before.Name == nil || !bytes.Equal(before.Module, f.Module) {
		return f
	}
	before.Offset++
	return before
}

func (k *Kernel) name(s kernelSymbol) []byte {
	b := k.names[s.name:]
	n := bytes.IndexByte(b, '\n')
	return b[:n:n]
}
