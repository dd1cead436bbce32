package symbol

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"
)

// goTable is an ELF file with a table as Go 1.20 wrote it, of functions of 16 bytes each from start on.
func goTable(start uint64, names []string) []byte {
	le := binary.LittleEndian
	var strings, funcs, about []byte
	for i, name := range names {
		funcs = le.AppendUint32(funcs, uint32(16*i))
		funcs = le.AppendUint32(funcs, uint32(8*len(names)+4+len(about)))
		about = le.AppendUint32(about, uint32(16*i))
		about = le.AppendUint32(about, uint32(len(strings)))
		strings = append(append(strings, name...), 0)
	}
	funcs = append(le.AppendUint32(funcs, uint32(16*len(names))), about...)
	const head = 8 + 8*8
	table := le.AppendUint32(nil, magicGo120)
	table = append(table, 0, 0, 1, 8)
	end := uint64(head + len(strings))
	for _, v := range []uint64{uint64(len(names)), 0, start, head, end, end, end, end} {
		table = le.AppendUint64(table, v)
	}
	table = append(append(table, strings...), funcs...)
	return sample{text: append(append(table, strings...), funcs...), section: ".gopclntab"}.build()
}

func TestGoTable(t *testing.T) {
	raw := goTable(textAddr, []string{"main.a", "main.b", "", "main.(*T).d"})
	im, err := readImage(bytes.NewReader(raw), int64(len(raw)))
	qt.Assert(t, qt.IsNil(err))
	table, err := readGoTable(im)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(table.syms, 3))
	for offset, want := range map[uint64]string{0: "main.a", 15: "main.a", 16: "main.b", 48: "main.(*T).d", 63: "main.(*T).d"} {
		name, into, ok := table.find(textAddr + offset)
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(string(name), want))
		qt.Check(t, qt.Equals(into, offset%16))
	}
	for _, offset := range []uint64{32, 47, 64} {
		_, _, ok := table.find(textAddr + offset)
		qt.Check(t, qt.IsFalse(ok))
	}
}

// TestGoTableRefused: without the start of the text, or with a count that is not true, there are no names.
func TestGoTableRefused(t *testing.T) {
	good := goTable(textAddr, []string{"main.a", "main.b"})
	for what, change := range map[string]func(table []byte){
		"no start":    func(b []byte) { clear(b[24:32]) },
		"magic":       func(b []byte) { b[0] = 0xfb },
		"word":        func(b []byte) { b[7] = 4 },
		"count":       func(b []byte) { b[10] = 1 },
		"huge count":  func(b []byte) { b[15] = 0x80 },
		"names":       func(b []byte) { b[39] = 0x80 },
		"names end":   func(b []byte) { b[47] = 0x80 },
		"functions":   func(b []byte) { b[71] = 0x80 },
		"description": func(b []byte) { copy(b[8+8*8+14+4:], "\xff\xff\xff\xff"); copy(b[8+8*8+14+12:], "\xff\xff\xff\xff") },
	} {
		raw := bytes.Clone(good)
		change(raw[textOffset:])
		im, err := readImage(bytes.NewReader(raw), int64(len(raw)))
		qt.Assert(t, qt.IsNil(err))
		table, err := readGoTable(im)
		qt.Check(t, qt.IsTrue(err != nil || len(table.syms) == 0), qt.Commentf("%s", what))
	}
}

// TestGoText: the runtime's record tells where the text begins, if it is one.
func TestGoText(t *testing.T) {
	record := func(minPC, text uint64) *image {
		words := make([]byte, 8*(moduleText+1))
		binary.LittleEndian.PutUint64(words[8*moduleMinPC:], minPC)
		binary.LittleEndian.PutUint64(words[8*moduleText:], text)
		return imageOf(t, sample{section: ".go.module", text: words})
	}
	text, ok := goText(record(0x402410, 0x402400), 0x10)
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(text, 0x402400))
	for _, im := range []*image{record(0x402400, 0x402400), record(0x10, 0), record(0, 0), imageOf(t, sample{section: ".init"})} {
		_, ok = goText(im, 0x10)
		qt.Check(t, qt.IsFalse(ok))
	}
	text, ok = goText(imageOf(t, sample{}), 0x10)
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(text, textAddr))
}

// TestOwnTable compares with what the runtime says of this program.
func TestOwnTable(t *testing.T) {
	f, key, err := place{path: "/proc/self/exe"}.open()
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	im, err := readImage(f, key.size)
	qt.Assert(t, qt.IsNil(err))
	table, err := readGoTable(im)
	qt.Assert(t, qt.IsNil(err))
	for _, fn := range []any{os.Open, runtime.GC, TestOwnTable, readGoTable, landmark} {
		at := entry(fn)
		want := runtime.FuncForPC(uintptr(at)).Name()
		name, into, ok := table.find(at)
		qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s", want))
		qt.Check(t, qt.Equals(string(name), want))
		qt.Check(t, qt.Equals(into, 0))
	}
}
