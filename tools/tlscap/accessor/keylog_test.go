package accessor

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

const (
	textAt  = 0x10000 // address of the first byte of the file
	headEnd = 64 + 56
)

// image is an ELF file of one segment, with code behind its headers.
func image(machine elf.Machine, code []byte) []byte {
	le := binary.LittleEndian
	b := append([]byte(elf.ELFMAG), byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1)
	b = append(b, make([]byte, 9)...)
	b = le.AppendUint16(b, uint16(elf.ET_DYN))
	b = le.AppendUint16(b, uint16(machine))
	b = le.AppendUint32(b, 1)
	for _, v := range []uint64{0, 64, 0} { // entry, segments, sections
		b = le.AppendUint64(b, v)
	}
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{64, 56, 1, 64, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, uint32(elf.PT_LOAD))
	b = le.AppendUint32(b, uint32(elf.PF_R|elf.PF_X))
	size := uint64(headEnd + len(code))
	for _, v := range []uint64{0, textAt, textAt, size, size, 0x1000} {
		b = le.AppendUint64(b, v)
	}
	return append(b, code...)
}

// caller is code that takes the address of each label and then calls a function, which begins at an offset of the code.
func caller(machine elf.Machine, labels []string, targets []int) []byte {
	le := binary.LittleEndian
	const unit = 32
	code := make([]byte, unit*len(labels))
	for i, label := range labels {
		at := len(code)
		code = append(append(code, label...), 0)
		u := code[unit*i:]
		if machine == elf.EM_X86_64 {
			copy(u, []byte{0x48, 0x8d, 0x35}) // lea rsi
			le.PutUint32(u[3:], uint32(at-unit*i-7))
			copy(u[7:], []byte{0x48, 0x89, 0xdf, 0xe8}) // mov rdi, rbx; call
			le.PutUint32(u[11:], uint32(targets[i]-unit*i-15))
			u[15] = 0xc3
			continue
		}
		le.PutUint32(u, 0x90000001)                                                 // adrp x1, this page
		le.PutUint32(u[4:], 0xaa1303e0)                                             // mov x0, x19
		le.PutUint32(u[8:], 0x91000021|uint32(headEnd+at)<<10)                      // add x1, x1
		le.PutUint32(u[12:], 0x94000000|uint32((targets[i]-unit*i-12)/4)&0x3ffffff) // bl
		le.PutUint32(u[16:], 0xd65f03c0)
	}
	return append(code, make([]byte, 64)...)
}

// TestFindLogSecret: the first two labels must lead to one function, or any two, and no two to another one.
func TestFindLogSecret(t *testing.T) {
	for _, machine := range machines {
		find := func(labels []string, targets ...int) (LogSecret, error) {
			b := image(machine, caller(machine, labels, targets))
			return FindLogSecret(bytes.NewReader(b), int64(len(b)))
		}
		got, err := find([]string{"CLIENT_RANDOM", "EARLY_EXPORTER_SECRET"}, 96, 96)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%v", machine))
		qt.Check(t, qt.Equals(got, LogSecret{headEnd + 96, "code"}))
		_, err = find([]string{"CLIENT_RANDOM", "EARLY_EXPORTER_SECRET"}, 96, 92)
		qt.Check(t, qt.ErrorIs(err, errNoLogSecret))
		_, err = find([]string{"CLIENT_RANDOM", "CLIENT_RANDOM"}, 96, 96)
		qt.Check(t, qt.ErrorIs(err, errNoLogSecret))
		_, err = find([]string{"CLIENT_RANDOM", "EARLY_EXPORTER_SECRET"}, 1<<20, 1<<20)
		qt.Check(t, qt.ErrorIs(err, errNoLogSecret))
		got, err = find([]string{"CLIENT_RANDOM", "EXPORTER_SECRET", "CLIENT_TRAFFIC_SECRET_0"}, 96, 96, 64)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%v", machine))
		qt.Check(t, qt.Equals(got, LogSecret{headEnd + 96, "code"}))
		_, err = find([]string{"CLIENT_RANDOM", "EXPORTER_SECRET", "CLIENT_TRAFFIC_SECRET_0", "EARLY_EXPORTER_SECRET"}, 96, 96, 64, 64)
		qt.Check(t, qt.ErrorIs(err, errNoLogSecret))
		got, err = find([]string{"CLIENT_RANDOM", "EARLY_EXPORTER_SECRET", "CLIENT_TRAFFIC_SECRET_0", "EXPORTER_SECRET"}, 96, 96, 64, 64)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%v", machine))
		qt.Check(t, qt.Equals(got.Offset, headEnd+96))
		_, err = find(nil)
		qt.Check(t, qt.ErrorIs(err, errNoLogSecret))
	}
	paths, _ := filepath.Glob("/usr/lib/*/libssl.so.*")
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		qt.Assert(t, qt.IsNil(err))
		got, err := FindLogSecret(bytes.NewReader(raw), int64(len(raw)))
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(got.Offset > 0 && got.Offset < uint64(len(raw))))
	}
}

// FuzzFindLogSecret: no file does harm.
func FuzzFindLogSecret(f *testing.F) {
	for _, machine := range machines {
		f.Add(image(machine, caller(machine, logLabels[:2], []int{96, 96})))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := FindLogSecret(bytes.NewReader(b), int64(len(b))); err == nil {
			qt.Assert(t, qt.IsTrue(got.Offset < uint64(len(b))))
		}
	})
}
