package symbol

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// at returns what lies at an offset of the text: "name+offset", or "".
func at(s sample, offset uint64, caller bool) string {
	raw := s.build()
	im, err := readImage(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return err.Error()
	}
	f := &file{segments: im.segments, loaded: true, tables: allTables(im, "")}
	name, into, ok := newFiles().find(f, textOffset+offset, caller)
	if !ok {
		return ""
	}
	return string(Frame{Name: name, Offset: into}.Append(nil))
}

func TestFind(t *testing.T) {
	s := sample{symtab: []sampleSymbol{
		function("outer", 0x100, 0x80),
		function("inner", 0x120, 0x10), // and outer goes on behind it
		function("assembly", 0x200, 0),
		function("next", 0x240, 0x10),
		{"chosen_when_run", textAddr + 0x300, 0x10, elf.STT_GNU_IFUNC, 1},
		{"a_variable", textAddr + 0x310, 0x10, elf.STT_OBJECT, 1},
		{"elsewhere", textAddr + 0x320, 0x10, elf.STT_FUNC, elf.SHN_UNDEF},
		function("", 0x330, 0x10),
		function(strings.Repeat("n", maxName+1), 0x340, 0x10),
		function(strings.Repeat("n", 200), 0x350, 0x10),
		function("versioned@@LIB_1.0", 0x360, 0x10),
		function("huge", 0x400, 1<<63),
		function("last", 0x800, 0),
	}}
	for _, narrow := range []bool{false, true} {
		s.narrow = narrow
		if narrow {
			s.symtab[len(s.symtab)-2].size = 1<<32 - 1
		}
		for offset, want := range map[uint64]string{
			0:      "",
			0x100:  "outer+0x0",
			0x11f:  "outer+0x1f",
			0x120:  "inner+0x0",
			0x12f:  "inner+0xf",
			0x130:  "outer+0x30",
			0x17f:  "outer+0x7f",
			0x180:  "",
			0x200:  "assembly+0x0",
			0x23f:  "assembly+0x3f",
			0x24f:  "next+0xf",
			0x250:  "",
			0x305:  "chosen_when_run+0x5",
			0x315:  "",
			0x325:  "",
			0x335:  "",
			0x345:  "",
			0x355:  strings.Repeat("n", 200) + "+0x5",
			0x365:  "versioned+0x5",
			0x7ff:  "huge+0x3ff",
			0xfff:  "last+0x7ff", // up to the end of the section
			0x1000: "",           // behind the segment
		} {
			qt.Check(t, qt.Equals(at(s, offset, false), want), qt.Commentf("%#x, 32-bit: %t", offset, narrow))
		}
	}
	// Where a call returns to.
	for offset, want := range map[uint64]string{
		0x100: "outer+0x0", 0x101: "outer+0x1", 0x120: "outer+0x20", 0x180: "outer+0x80", 0x181: "", 0x240: "assembly+0x40",
	} {
		qt.Check(t, qt.Equals(at(s, offset, true), want), qt.Commentf("%#x", offset))
	}
}

// TestBetter: of several names of one function, that which programmers know.
func TestBetter(t *testing.T) {
	for want, others := range map[string][]string{
		"read":        {"__read", "__libc_read", "__GI___libc_read", "read.localalias"},
		"setuid":      {"__setuid"},
		"_exit":       {"__GI__exit", "_Exit_group_long"},
		"alpha":       {"gamma", "omega"},
		"main.(*T).x": {"main.(*T).x.func1"},
	} {
		list := []sampleSymbol{function(want, 0x10, 8)}
		for _, name := range others {
			list = append(list, function(name, 0x10, 4))
		}
		for range list {
			list = append(list[1:], list[0])
			qt.Check(t, qt.Equals(at(sample{symtab: list}, 0x17, false), want+"+0x7")) // and the larger size
		}
	}
	// A size that is told is better than one that is not.
	for _, list := range [][]sampleSymbol{
		{function("a", 0x10, 0), function("b", 0x10, 8)}, {function("b", 0x10, 8), function("a", 0x10, 0)},
	} {
		qt.Check(t, qt.Equals(at(sample{symtab: list}, 0x17, false), "a+0x7"))
		qt.Check(t, qt.Equals(at(sample{symtab: list}, 0x18, false), ""))
	}
}

// TestTables: .dynsym knows what .symtab does not, and serves alone in a stripped file.
func TestTables(t *testing.T) {
	static, dynamic := []sampleSymbol{function("static_name", 0x10, 8)}, []sampleSymbol{function("d", 0x10, 8), function("other", 0x20, 8)}
	qt.Check(t, qt.Equals(at(sample{symtab: static, dynsym: dynamic}, 0x11, false), "static_name+0x1"))
	qt.Check(t, qt.Equals(at(sample{symtab: static, dynsym: dynamic}, 0x21, false), "other+0x1"))
	qt.Check(t, qt.Equals(at(sample{dynsym: dynamic}, 0x11, false), "d+0x1"))
	qt.Check(t, qt.Equals(at(sample{}, 0x11, false), ""))
}

// TestTooLarge: what a file says of sizes is not believed. Files with holes can be as large as they like.
func TestTooLarge(t *testing.T) {
	im := imageOf(t, sample{symtab: []sampleSymbol{function("f", 0, 8)}})
	im.size = 1 << 50
	for i := range im.sections {
		switch s := &im.sections[i]; elf.SectionType(s.kind) {
		case elf.SHT_SYMTAB:
			s.size = 24 * (maxSymbols + 1)
			_, err := readTable(im, elf.SHT_SYMTAB)
			qt.Check(t, qt.ErrorMatches(err, "SHT_SYMTAB of .*: too large"))
			s.size = 24
		case elf.SHT_STRTAB:
			size := s.size
			s.size = maxNames + 1
			_, err := readTable(im, elf.SHT_SYMTAB)
			qt.Check(t, qt.ErrorMatches(err, "SHT_SYMTAB of .*: too large"))
			s.size = size
			return
		}
	}
	t.Fatal("no section of strings")
}

// TestDebugFile: names come from a debug file if it has the same build id.
func TestDebugFile(t *testing.T) {
	id, other := id20(1), id20(2)
	stripped := imageOf(t, sample{id: id[:], dynsym: []sampleSymbol{function("d", 0x20, 8)}})
	debug := write(t, "x.debug", sample{id: id[:], symtab: []sampleSymbol{function("inner_name", 0x10, 8)}}.build())
	wrong := write(t, "y.debug", sample{id: other[:], symtab: []sampleSymbol{function("wrong", 0x10, 8)}}.build())
	tables := allTables(stripped, debug)
	qt.Assert(t, qt.HasLen(tables, 2))
	name, _, _ := tables[0].find(textAddr + 0x10)
	qt.Check(t, qt.Equals(string(name), "inner_name"))
	qt.Check(t, qt.HasLen(allTables(stripped, wrong), 1))
	qt.Check(t, qt.HasLen(allTables(stripped, debug+"x"), 1))
	qt.Check(t, qt.Equals(debugFile(id), "/usr/lib/debug/.build-id/01/000102030405060708090a0b0c0d0e0f101112.debug"))
	qt.Check(t, qt.Equals(debugFile(BuildID{}), ""))
}
