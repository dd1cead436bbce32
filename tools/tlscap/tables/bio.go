package tables

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// BIO is where methods of BIO_f_ssl begin in a file, in bytes. The first argument of each is the BIO.
type BIO struct {
	Read    uint64 // (bio, buffer, size, &bytes) returns 1
	Write   uint64 // as Read
	Destroy uint64 // (bio)
}

// Places in BIO_METHOD since OpenSSL 1.1.1, in words. The kind is in the first, and has 32 bits.
const (
	slotBIOWrite   = 2
	slotBIORead    = 4
	slotBIOPuts    = 6
	slotBIOControl = 8
	slotBIODestroy = 10

	bioSSL = 7 | 0x0200 // BIO_TYPE_SSL
)

// empty are those that BIO_f_ssl does not have: two of before 1.1.1, and that of lines. Where a table has something there,
// as that of LibreSSL and BoringSSL, its order is another one.
var empty = []uint64{3, 5, 7}

// readers and writers are what programs call that have no BIO.
var (
	readers = []string{"SSL_read", "SSL_read_ex"}
	writers = []string{"SSL_write", "SSL_write_ex", "SSL_write_ex2"}
)

// ErrNoBIO says that there is no BIO_f_ssl whose calls the other functions do not see.
var ErrNoBIO = errors.New("no BIO_f_ssl with methods of its own")

const bioFunction = "BIO_f_ssl"

// FindBIO finds them in a libssl. size is that of the file.
func FindBIO(r io.ReaderAt, size int64) (found BIO, err error) {
	defer func() {
		if p := recover(); p != nil { // the standard library reads files that it trusts
			found, err = BIO{}, fmt.Errorf("find methods of BIO_f_ssl: %v", p)
		}
	}()
	im, err := readImage(r, size, slices.Concat([]string{bioFunction}, readers, writers)...)
	if err == nil {
		found, err = im.findBIO()
	}
	if err != nil {
		return found, fmt.Errorf("find methods of BIO_f_ssl: %w", err)
	}
	return found, nil
}

func (im *image) findBIO() (b BIO, err error) {
	f, ok := im.function(im.exported[bioFunction])
	if !ok || f.size > maxFunction {
		return b, ErrNoBIO
	}
	_, table := im.run(im.code(f), f.addr)
	slot := func(n uint64) value { return loadFrom(im, nil, table.plus(n*word)) }
	if kind := slot(0); !kind.known || kind.name != "" || uint32(kind.n) != bioSSL {
		return b, ErrNoBIO
	}
	for _, n := range empty {
		if slot(n) != number(0) {
			return b, ErrNoBIO
		}
	}
	for _, n := range []uint64{slotBIOWrite, slotBIORead, slotBIOPuts, slotBIOControl, slotBIODestroy} {
		if v := slot(n); !v.known || v.name != "" || !im.begins(v.n) {
			return b, ErrNoBIO
		}
	}
	if !im.passesBy(slot(slotBIORead).n, readers) || !im.passesBy(slot(slotBIOWrite).n, writers) {
		return b, ErrNoBIO
	}
	for n, to := range map[uint64]*uint64{slotBIORead: &b.Read, slotBIOWrite: &b.Write, slotBIODestroy: &b.Destroy} {
		if *to, ok = im.offset(slot(n).n); !ok {
			return BIO{}, ErrNoBIO
		}
	}
	return b, nil
}

// passesBy reports whether a method calls something that some exported functions call as well, and none of these
// themselves: what it carries would be seen twice.
func (im *image) passesBy(method uint64, exported []string) bool {
	own := im.calls(method)
	common := false
	for _, name := range exported {
		addr, ok := im.exported[name]
		if !ok {
			continue
		}
		if slices.Contains(own, addr) {
			return false
		}
		for _, called := range im.calls(addr) {
			common = common || slices.Contains(own, called)
		}
	}
	return common
}

// calls are the functions of the file that a function calls. Those of others, and its own that others may replace, it
// calls by stubs, which are not functions of the table that unwinding searches.
func (im *image) calls(addr uint64) (called []uint64) {
	f, ok := im.function(addr)
	if !ok || f.size > maxFunction {
		return nil
	}
	for at, code := addr, im.code(f); len(code) > 0; {
		size, target := instruction, uint64(0)
		if im.machine == elf.EM_X86_64 {
			in, err := x86asm.Decode(code, 64)
			if size = in.Len; err != nil || size == 0 { // such as endbr64
				size = 1
			} else if rel, ok := in.Args[0].(x86asm.Rel); ok && (in.Op == x86asm.CALL || in.Op == x86asm.JMP) {
				target = at + uint64(size) + uint64(int64(rel))
			}
		} else if len(code) < instruction {
			break
		} else if in := binary.LittleEndian.Uint32(code); in&0x7c000000 == 0x14000000 { // b, bl
			target = at + uint64(int64(int32(in<<6)>>6)*instruction)
		}
		if target != addr && im.begins(target) {
			called = append(called, target)
		}
		code, at = code[size:], at+uint64(size)
	}
	return called
}
