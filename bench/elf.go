package main

import (
	"bytes"
	"encoding/binary"
	"runtime"
)

// idleProgram is the smallest static program that does nothing: exit(0). It
// makes the time of an exec that of the kernel, and nobody's C library.
func idleProgram() []byte {
	code, machine := []byte{
		0xb8, 60, 0, 0, 0, // mov eax, SYS_exit
		0x31, 0xff, //        xor edi, edi
		0x0f, 0x05, //        syscall
	}, uint16(62) // EM_X86_64
	if runtime.GOARCH == "arm64" {
		code, machine = []byte{
			0xa8, 0x0b, 0x80, 0xd2, // mov x8, SYS_exit (93)
			0x00, 0x00, 0x80, 0xd2, // mov x0, 0
			0x01, 0x00, 0x00, 0xd4, // svc 0
		}, 183 // EM_AARCH64
	}
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(code))
	var b bytes.Buffer
	// ELF header: 64-bit, little endian, version 1, System V; executable.
	b.Write([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for _, v := range []any{
		uint16(2), machine, uint32(1), // type, machine, version
		uint64(base + headers), uint64(64), uint64(0), // entry, program headers, section headers
		uint32(0), uint16(64), uint16(56), uint16(1), // flags, sizes, one program header
		uint16(0), uint16(0), uint16(0), // no section headers
		// Program header: load the whole file, readable and executable.
		uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(0x1000),
	} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	b.Write(code)
	return b.Bytes()
}
