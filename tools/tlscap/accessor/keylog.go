package accessor

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/arch/x86/x86asm"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// LogSecret is the function of libssl that is called with every secret, whether anybody wants a key log or not:
//
//	int ssl_log_secret(SSL *ssl, const char *label, const uint8_t *secret, size_t secret_len)
//
// Nothing exports it. It is the same in OpenSSL since 1.1.1 and in BoringSSL, and GnuTLS since 3.6.13 has one with the
// same arguments, but for the size, which is 32 bits wide.
type LogSecret struct {
	Offset uint64 // in the file, which is what a uprobe takes
	Source string // "symbol", or "code" if it was found by what it is called with
}

// Labels that are written right before the call of the function. Others are chosen somewhere else, and BoringSSL does not
// have all of them.
var logLabels = []string{"CLIENT_RANDOM", "EARLY_EXPORTER_SECRET", "EXPORTER_SECRET", "CLIENT_TRAFFIC_SECRET_0"}

// agreeing is how many of them have to lead to the same function.
const agreeing = 2

var errNoLogSecret = errors.New("no function that logs secrets was found")

// maxCode bounds what is searched. A browser with BoringSSL in it has some 200 MiB of code.
const maxCode = 512 << 20

// FindLogSecret finds the function in a libssl, or in a program with one in it, also in a stripped one: where the
// address of a label is taken, the next call is that of the function. The first two
// labels have to agree, or, where a library does not have both, any two, and no two on another one.
func FindLogSecret(file io.ReaderAt, size int64) (found LogSecret, err error) {
	if f, err := symbol.Locate(file, size, "ssl_log_secret"); err == nil && len(f) == 1 {
		return LogSecret{f["ssl_log_secret"].Offset, "symbol"}, nil
	}
	defer func() {
		if r := recover(); r != nil { // the standard library reads files that it trusts
			err = fmt.Errorf("find function that logs secrets: %v", r)
		}
	}()
	f, err := elf.NewFile(file)
	if err != nil {
		return found, fmt.Errorf("find function that logs secrets: %w", err)
	}
	s := search{machine: f.Machine, labels: make(map[uint64]int), votes: make(map[uint64]int)}
	var code []segment
	left := uint64(maxCode)
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		if p.Filesz > left || p.Off > uint64(size) || p.Filesz > uint64(size)-p.Off {
			return found, fmt.Errorf("find function that logs secrets: segment of %d bytes", p.Filesz)
		}
		left -= p.Filesz
		b := make([]byte, p.Filesz)
		if _, err := file.ReadAt(b, int64(p.Off)); err != nil {
			return found, fmt.Errorf("find function that logs secrets: %w", err)
		}
		seg := segment{b, p.Vaddr, p.Off}
		for i, label := range logLabels {
			s.find(seg, label, i)
		}
		if p.Flags&elf.PF_X != 0 {
			code = append(code, seg)
		}
	}
	if len(s.labels) == 0 {
		return found, errNoLogSecret
	}
	for _, seg := range code {
		s.scan(seg)
	}
	// The first two tell alone where a library has both, as OpenSSL has.
	for _, enough := range []func(votes int) bool{
		func(votes int) bool { return votes&3 == 3 },
		func(votes int) bool { return bits.OnesCount(uint(votes)) >= agreeing },
	} {
		if found, err = s.elect(code, enough); err == nil || found.Offset != 0 {
			break
		}
	}
	if err != nil {
		return LogSecret{}, err
	}
	return found, nil
}

// elect returns the function that has enough votes. With an error it has an offset if there are two.
func (s *search) elect(code []segment, enough func(votes int) bool) (found LogSecret, err error) {
	for target, votes := range s.votes {
		if !enough(votes) {
			continue
		}
		for _, seg := range code {
			if target < seg.addr || target-seg.addr >= uint64(len(seg.bytes)) {
				continue
			}
			if found.Offset != 0 {
				return found, errNoLogSecret // neither is to be trusted
			}
			found = LogSecret{seg.offset + target - seg.addr, "code"}
		}
	}
	if found.Offset == 0 {
		return found, errNoLogSecret
	}
	return found, nil
}

type segment struct {
	bytes        []byte
	addr, offset uint64
}

// search is one for calls by what they are called with.
type search struct {
	machine elf.Machine
	labels  map[uint64]int // by address
	votes   map[uint64]int // of functions, a bit for each label
}

// find notes where a label stands. It can be the end of a longer one.
func (s *search) find(seg segment, label string, n int) {
	mark := append([]byte(label), 0)
	for at := 0; ; {
		i := bytes.Index(seg.bytes[at:], mark)
		if i < 0 || len(s.labels) > 64 {
			return
		}
		at += i
		s.labels[seg.addr+uint64(at)] = n
		at += len(mark)
	}
}

// How far behind the address of a label the call may be.
const (
	maxBetween      = 64 // bytes, on x86-64
	maxInstructions = 16 // on arm64
)

func (s *search) scan(seg segment) {
	switch s.machine {
	case elf.EM_X86_64:
		s.scanAMD64(seg)
	case elf.EM_AARCH64:
		s.scanARM64(seg)
	}
}

// scanAMD64 looks for LEA relative to RIP: a prefix for 64 bits, 8d, a byte for register and mode, four of distance.
func (s *search) scanAMD64(seg segment) {
	const size = 7
	for at := 0; at+size <= len(seg.bytes); at++ {
		i := bytes.IndexByte(seg.bytes[at+1:len(seg.bytes)-size+2], 0x8d)
		if i < 0 {
			return
		}
		at += i
		b := seg.bytes[at:]
		if b[0]&^4 != 0x48 || b[2]&0xc7 != 5 {
			continue
		}
		next := seg.addr + uint64(at) + size
		label, ok := s.labels[next+uint64(int64(int32(binary.LittleEndian.Uint32(b[3:]))))]
		if !ok {
			continue
		}
		if target, ok := nextCall(b[size:min(len(b), size+maxBetween)], next); ok {
			s.votes[target] |= 1 << label
		}
	}
}

// nextCall returns what the first call in some code calls.
func nextCall(code []byte, addr uint64) (uint64, bool) {
	for len(code) > 0 {
		in, err := x86asm.Decode(code, 64)
		if err != nil || in.Op == x86asm.RET {
			return 0, false
		}
		addr += uint64(in.Len)
		code = code[in.Len:]
		if in.Op == x86asm.CALL || in.Op == x86asm.JMP {
			rel, ok := in.Args[0].(x86asm.Rel)
			return addr + uint64(int64(rel)), ok
		}
	}
	return 0, false
}

// scanARM64 looks for ADRP, which loads the address of a page, followed by ADD.
func (s *search) scanARM64(seg segment) {
	for at := 0; at+8 <= len(seg.bytes); at += 4 {
		in := binary.LittleEndian.Uint32(seg.bytes[at:])
		if in&0x9f000000 != 0x90000000 {
			continue
		}
		pages := int64(int32(in<<8)>>13)<<2 | int64(in>>29&3)
		page := (seg.addr+uint64(at))&^0xfff + uint64(pages<<12)
		label, found := 0, false
		for i := 1; i < maxInstructions && at+4*i+4 <= len(seg.bytes); i++ {
			pc := at + 4*i
			next := binary.LittleEndian.Uint32(seg.bytes[pc:])
			if next&0xffc00000 == 0x91000000 && next>>5&31 == in&31 { // add to that register
				label, found = s.labels[page+uint64(next>>10&0xfff)]
				if !found {
					break
				}
			}
			if next>>26 == 0x25 || next>>26 == 0x05 { // bl, b
				if found {
					target := seg.addr + uint64(pc) + uint64(int64(int32(next<<6)>>6)*4)
					s.votes[target] |= 1 << label
				}
				break
			}
		}
	}
}
