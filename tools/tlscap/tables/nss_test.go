package tables

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"
)

// What a disassembler shows to be stored into the table, for three releases of Debian.
var knownNSS = map[string]NSS{
	"bullseye-amd64": {0x2eb10, 0x2eb80, 0x2ec30, 0x2ece0, 0x2ed90},
	"bookworm-amd64": {0x340d0, 0x34140, 0x341e0, 0x34280, 0x34330},
	"bookworm-arm64": {0x31e80, 0x31f10, 0x31ff0, 0x320d0, 0x321d0},
	"trixie-amd64":   {0x36ab0, 0x36bc0, 0x36b20, 0x36d10, 0x36c60},
	"trixie-arm64":   {0x368e0, 0x36a60, 0x36980, 0x36c20, 0x36b40},
}

func TestNSS(t *testing.T) {
	for release, want := range knownNSS {
		got, err := readTestdata(t, "nss-"+release).findNSS()
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", release))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", release))
	}
}

// Whatever is missing or is something else, nothing is found, and nothing else than what is right.
func TestUnknownNSS(t *testing.T) {
	for release, want := range knownNSS {
		for name, change := range map[string]func(im *image){
			"no name":             func(im *image) { clear(im.relocated) },
			"other names":         func(im *image) { rename(im, "PR_EmulateSomething") },
			"names the other way": func(im *image) { rename(im, "") },
			"no code at methods":  func(im *image) { im.segments[0].bytes = im.segments[0].bytes[:want.Read] },
			"one does not begin":  func(im *image) { im.functions = slices.DeleteFunc(im.functions, at(want.Recv)) },
			"a second table":      addTable,
		} {
			im := readTestdata(t, "nss-"+release)
			change(im)
			_, err := im.findNSS()
			qt.Check(t, qt.IsTrue(errors.Is(err, ErrLayout)), qt.Commentf("%s: %s: %v", release, name, err))
		}
	}
}

// A bit of the code that is another one leads to nothing, or to what is right but for one function: each word of the table
// is looked at by itself.
func TestBits(t *testing.T) {
	for release, want := range knownNSS {
		im := readTestdata(t, "nss-"+release)
		f := im.functions[slices.IndexFunc(im.functions, func(f function) bool { return f.size > 1 })]
		refused := 0
		for bit := range f.size * 8 {
			b := &im.segments[0].bytes[f.addr+bit/8]
			*b ^= 1 << (bit % 8)
			got, err := im.findNSS()
			*b ^= 1 << (bit % 8)
			if err != nil {
				refused++
				continue
			}
			wrong := 0
			for _, same := range []bool{got.Close == want.Close, got.Read == want.Read, got.Write == want.Write, got.Recv == want.Recv, got.Send == want.Send} {
				if !same {
					wrong++
				}
			}
			qt.Check(t, qt.IsTrue(wrong < 2), qt.Commentf("%s: bit %d: %x", release, bit, got))
		}
		qt.Check(t, qt.IsTrue(refused > int(f.size)*4), qt.Commentf("%s: %d of %d", release, refused, f.size*8))
	}
}

func at(addr uint64) func(function) bool { return func(f function) bool { return f.addr == addr } }

func rename(im *image, to string) {
	for at, v := range im.relocated {
		switch {
		case v.name == "":
		case to != "":
			im.relocated[at] = value{known: true, name: to}
		case v.name == acceptRead:
			im.relocated[at] = value{known: true, name: sendFile}
		default:
			im.relocated[at] = value{known: true, name: acceptRead}
		}
	}
}

// addTable adds a table as compilers leave it among data, with other functions.
func addTable(im *image) {
	const table, first = 1 << 20, 1 << 12
	data := segment{addr: table, bytes: make([]byte, 64*word)}
	binary.LittleEndian.PutUint32(data.bytes, layered)
	im.segments = append(im.segments, data)
	for n := uint64(1); n <= slotLast; n++ {
		im.relocated[table+n*word] = number(first + n*16)
		im.functions = append(im.functions, function{addr: first + n*16, size: 1})
	}
	im.relocated[table+slotAcceptRead*word] = value{known: true, name: acceptRead}
	im.relocated[table+slotSendFile*word] = value{known: true, name: sendFile}
	slices.SortFunc(im.functions, func(a, b function) int { return cmp.Compare(a.addr, b.addr) })
}

// A table among data is found as well, also where all of NSPR is in the same file.
func TestTable(t *testing.T) {
	const first = 1 << 12
	want := NSS{Close: first + 16, Read: first + 32, Write: first + 48, Recv: first + 17*16, Send: first + 18*16}
	im := &image{machine: elf.EM_X86_64, segments: []segment{{bytes: make([]byte, 1<<13), executable: true}}, relocated: make(map[uint64]value)}
	addTable(im)
	got, err := im.findNSS()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, want))

	im.exported = map[string]uint64{acceptRead: first, sendFile: first + 8}
	_, err = im.findNSS()
	qt.Check(t, qt.IsTrue(errors.Is(err, ErrLayout)))
	for at, v := range im.relocated {
		if own, ok := im.exported[v.name]; ok {
			im.relocated[at] = number(own)
		}
	}
	got, err = im.findNSS()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, want))

	// Packed relocations leave the addresses in the words themselves.
	for at, v := range im.relocated {
		binary.LittleEndian.PutUint64(im.segments[1].bytes[at-im.segments[1].addr:], v.n)
	}
	clear(im.relocated)
	got, err = im.findNSS()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, want))
}

// TestOwn: what is no such library is told as such.
func TestOwn(t *testing.T) {
	own, err := os.ReadFile("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	_, err = FindNSS(bytes.NewReader(own), int64(len(own)))
	qt.Check(t, qt.IsNotNil(err))
	_, err = FindNSS(bytes.NewReader(nil), 0)
	qt.Check(t, qt.ErrorMatches(err, "find methods of NSS: .*"))
}

func FuzzFind(f *testing.F) {
	own, err := os.ReadFile("/proc/self/exe")
	qt.Assert(f, qt.IsNil(err))
	f.Add(own[:4096])
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := FindNSS(bytes.NewReader(data), int64(len(data))); err == nil {
			qt.Assert(t, qt.IsTrue(max(m.Close, m.Read, m.Write, m.Recv, m.Send) < uint64(len(data))))
		}
		if b, err := FindBIO(bytes.NewReader(data), int64(len(data))); err == nil {
			qt.Assert(t, qt.IsTrue(max(b.Read, b.Write, b.Destroy) < uint64(len(data))))
		}
	})
}

func FuzzRun(f *testing.F) {
	for _, name := range []string{"nss-bookworm-amd64", "nss-bookworm-arm64"} {
		im := readTestdata(f, name)
		for _, fn := range im.functions {
			f.Add(im.code(fn), im.machine == elf.EM_AARCH64)
		}
	}
	f.Fuzz(func(t *testing.T, code []byte, arm bool) {
		im := &image{machine: elf.EM_X86_64}
		if arm {
			im.machine = elf.EM_AARCH64
		}
		im.run(code, 1<<20)
		im.segments = []segment{{bytes: code, addr: 1 << 20, executable: true}}
		im.functions = []function{{1 << 20, uint64(len(code))}, {1<<20 + 64, 64}}
		im.calls(1 << 20)
	})
}
