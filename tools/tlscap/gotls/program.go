package gotls

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// The functions to probe. Arguments, in the order of [Program.Registers]:
//
//	Read, Write   *tls.Conn, pointer to the bytes, their number, capacity; return the number of bytes, then the error
//	Close         *tls.Conn
//	KeyLog        *tls.Config, label (pointer, length), client random (pointer, length, capacity), secret (the same)
const (
	Read   = "crypto/tls.(*Conn).Read"
	Write  = "crypto/tls.(*Conn).Write"
	Close  = "crypto/tls.(*Conn).Close"
	KeyLog = "crypto/tls.(*Config).writeKeyLog"
)

// Names are all functions that are looked for.
func Names() []string { return []string{Read, Write, Close, KeyLog} }

// Program is what a Go executable is like.
type Program struct {
	Version   string // "go1.26.8"
	Module    string // path of the main package
	Arch      string // GOARCH: amd64 or arm64
	PIE       bool
	Functions map[string]Function
	// Missing says why functions are not in there, by name: those that the linker dropped as unused, and those whose
	// code is not what is expected.
	Missing map[string]error
	// Registers says that arguments and results are in registers: amd64 since Go 1.17, arm64 since Go 1.18. On amd64
	// these are RAX, RBX, RCX, RDI, RSI, R8, R9, R10, R11, and the goroutine is in R14; on arm64 they are X0 to X15, and
	// the goroutine is in X28. Otherwise arguments and then results are on the stack, from 8 bytes above SP at entry.
	Registers bool
	Conn      Conn
}

// Function is one of them. Offsets are in the file, as uprobes take them.
type Function struct {
	Offset  uint64
	Size    uint64
	Returns []uint64 // of the instructions that return
	Table   string   // where the name was found
}

// ErrNoTLS says that a Go program has nothing of crypto/tls in it.
var ErrNoTLS = errors.New("does not use crypto/tls")

// maxFunction bounds what is disassembled of one function. They have some 2 KiB.
const maxFunction = 256 << 10

// Inspect looks at an executable. An error wraps [ErrNoTLS] if it is a Go program without TLS.
func Inspect(file io.ReaderAt, size int64) (*Program, error) {
	var head [20]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("read ELF header: %w", err)
	}
	if string(head[:4]) != elf.ELFMAG || head[elf.EI_CLASS] != byte(elf.ELFCLASS64) || head[elf.EI_DATA] != byte(elf.ELFDATA2LSB) {
		return nil, errors.New("not a 64-bit ELF file")
	}
	p := &Program{PIE: elf.Type(binary.LittleEndian.Uint16(head[16:])) == elf.ET_DYN}
	switch machine := elf.Machine(binary.LittleEndian.Uint16(head[18:])); machine {
	case elf.EM_X86_64:
		p.Arch = "amd64"
	case elf.EM_AARCH64:
		p.Arch = "arm64"
	default:
		return nil, fmt.Errorf("instructions of %v are not known", machine)
	}
	if err := p.readBuildInfo(file); err != nil {
		return nil, err
	}
	return p, p.findFunctions(file, size)
}

func (p *Program) readBuildInfo(file io.ReaderAt) (err error) {
	defer func() {
		if r := recover(); r != nil { // the standard library reads files that it trusts
			err = fmt.Errorf("read build information: %v", r)
		}
	}()
	info, err := buildinfo.Read(file)
	if err != nil {
		return fmt.Errorf("read build information: %w", err)
	}
	p.Version, p.Module = info.GoVersion, info.Path
	minor, ok := Minor(info.GoVersion)
	if !ok { // built from a development tree, and so newer than what is old
		minor = 1 << 20
	}
	since := map[string]int{"amd64": 17, "arm64": 18}
	p.Registers = minor >= since[p.Arch]
	p.Conn = knownConn
	return nil
}

// Minor returns the N of a version "go1.N…", as in "go1.26.8" or "go1.26rc1 X:exp".
func Minor(version string) (int, bool) {
	_, rest, ok := strings.Cut(version, "go1.")
	if !ok {
		return 0, false
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(rest[:end])
	return n, err == nil
}

func (p *Program) findFunctions(file io.ReaderAt, size int64) error {
	found, err := symbol.Locate(file, size, Names()...)
	if err != nil {
		return fmt.Errorf("find functions of crypto/tls: %w", err)
	}
	p.Functions, p.Missing = make(map[string]Function), make(map[string]error)
	for _, name := range Names() {
		f, ok := found[name]
		if !ok {
			p.Missing[name] = errors.New("not in the program")
			continue
		}
		fn, err := p.disassemble(file, f)
		if err != nil {
			p.Missing[name] = err
			continue
		}
		p.Functions[name] = fn
	}
	if len(found) == 0 {
		return fmt.Errorf("program of %s: %w", p.Version, ErrNoTLS)
	}
	return nil
}

func (p *Program) disassemble(file io.ReaderAt, f symbol.Function) (Function, error) {
	if f.Size == 0 || f.Size > maxFunction {
		return Function{}, fmt.Errorf("code of %d bytes", f.Size)
	}
	code := make([]byte, f.Size)
	if _, err := file.ReadAt(code, int64(f.Offset)); err != nil {
		return Function{}, fmt.Errorf("read code: %w", err)
	}
	scan := scanAMD64
	if p.Arch == "arm64" {
		scan = scanARM64
	}
	returns, err := scan(code, p.Registers)
	if err != nil {
		return Function{}, err
	}
	out := Function{Offset: f.Offset, Size: f.Size, Table: f.Table}
	for _, at := range returns {
		out.Returns = append(out.Returns, f.Offset+uint64(at))
	}
	return out, nil
}
