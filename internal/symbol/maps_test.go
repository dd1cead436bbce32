package symbol

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-quicktest/qt"
)

const mapsText = `55dd3a366000-55dd3a368000 r--p 00000000 fe:00 247278                     /usr/bin/head
55dd3a368000-55dd3a36e000 r-xp 00002000 fe:00 247278                     /usr/bin/head
55dd3a36e000-55dd3a371000 rw-p 00008000 fe:00 247278                     /usr/bin/head
7f75a4a00000-7f75a4a01000 rwxp 00000000 00:00 0 
7f75a4aac000-7f75a4c02000 r-xp 00026000 fe:00 326269                     /tmp/with space  (deleted)
7f75a4c02000-7f75a4c03000 --xs 00180000 fe:00 326269                     /tmp/two\012lines
7f75a4c79000-7f75a4c7b000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`

func TestMaps(t *testing.T) {
	maps, err := readMaps(strings.NewReader(mapsText))
	qt.Assert(t, qt.IsNil(err))
	var got []string
	for _, m := range maps {
		got = append(got, fmt.Sprintf("%x-%x %x %q %t %t", m.start, m.end, m.offset, m.path, m.deleted, m.file()))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		`55dd3a368000-55dd3a36e000 2000 "/usr/bin/head" false true`,
		`7f75a4a00000-7f75a4a01000 0 "" false false`,
		`7f75a4aac000-7f75a4c02000 26000 "/tmp/with space " true true`,
		`7f75a4c02000-7f75a4c03000 180000 "/tmp/two\nlines" false true`,
		`7f75a4c79000-7f75a4c7b000 0 "[vdso]" false false`,
		`ffffffffff600000-ffffffffff601000 0 "[vsyscall]" false false`,
	}))
	p := &process{maps: maps}
	for addr, want := range map[uint64]int{
		0x55dd3a367fff: -1, 0x55dd3a368000: 0, 0x55dd3a36dfff: 0, 0x55dd3a36e000: -1, 0x7f75a4a00fff: 1, 0x7f75a4c01fff: 2,
		0x7f75a4c02000: 3, 0xffffffffff600fff: 5, 0xffffffffff601000: -1, 0: -1,
	} {
		i, ok := p.at(addr)
		qt.Check(t, qt.Equals(ok, want >= 0), qt.Commentf("%#x", addr))
		qt.Check(t, qt.IsTrue(!ok || i == want), qt.Commentf("%#x", addr))
	}
	broken := errors.New("broken")
	_, err = readMaps(io.MultiReader(strings.NewReader(mapsText), iotest.ErrReader(broken)))
	qt.Check(t, qt.ErrorIs(err, broken))
}

// TestMapsLines: what is no line is passed over, and what follows it is not.
func TestMapsLines(t *testing.T) {
	for _, bad := range []string{
		"", "-", "1000", "1000-", "1000-2000", "1000-2000 r-xp", "1000-2000 r-xp 0", "1000-2000 r-xp 0 fe:00", "1000-2000 r-xp 0 fe:00 1",
		"2000-1000 r-xp 0 fe:00 1 /x", "1000-1000 r-xp 0 fe:00 1 /x", "x-2000 r-xp 0 fe:00 1 /x", "1000-2000 rx 0 fe:00 1 /x",
		"1000-2000 r-xp x fe:00 1 /x", "11111111111111111-2000 r-xp 0 fe:00 1 /x",
		"1000-2000 r-xp 0 fe:00 1 /" + strings.Repeat("x", maxPath), "1000-2000 r-xp 0 fe:00 1 /" + strings.Repeat("x", 5*maxPath),
	} {
		maps, err := readMaps(strings.NewReader(bad + "\n3000-4000 r-xp 0 fe:00 1 /good"))
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.HasLen(maps, 1), qt.Commentf("%.60q", bad))
		qt.Check(t, qt.Equals(maps[0].path, "/good"))
	}
}

// TestMapsOrder: the kernel's lines are in order, and what is read while they change must not be otherwise.
func TestMapsOrder(t *testing.T) {
	maps, err := readMaps(strings.NewReader("3000-5000 r-xp 0 fe:00 1 /a\n4000-6000 r-xp 0 fe:00 1 /b\n1000-2000 r-xp 0 fe:00 1 /c\n5000-6000 r-xp 0 fe:00 1 /d\n"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(maps, 2))
	qt.Check(t, qt.Equals(maps[1].path, "/d"))
}

func TestMapsBound(t *testing.T) {
	var many, long strings.Builder
	for i := range 2 * maxMappings {
		fmt.Fprintf(&many, "%x-%x r-xp 0 fe:00 %d /x\n", 0x1000*(i+1), 0x1000*(i+2), i)
		fmt.Fprintf(&long, "%x-%x r-xp 0 fe:00 %d /%d%s\n", 0x1000*(i+1), 0x1000*(i+2), i, i, strings.Repeat("x", 1000))
	}
	maps, err := readMaps(strings.NewReader(many.String()))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(len(maps), maxMappings))
	maps, err = readMaps(strings.NewReader(long.String()))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(len(maps) > 100 && len(maps) <= maxMapsPaths/1000))
}

func FuzzMaps(f *testing.F) {
	f.Add(mapsText, uint64(0x55dd3a368000))
	f.Fuzz(func(t *testing.T, text string, addr uint64) {
		maps, err := readMaps(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range maps {
			if m.start >= m.end || i > 0 && maps[i-1].end > m.start || len(m.path) > maxPath {
				t.Fatalf("%+v", m)
			}
		}
		p := &process{maps: maps}
		if i, ok := p.at(addr); ok && (maps[i].start > addr || maps[i].end <= addr) {
			t.Fatalf("%#x in %+v", addr, maps[i])
		}
	})
}
