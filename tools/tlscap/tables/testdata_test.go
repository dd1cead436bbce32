package tables

import (
	"bufio"
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// With -libraries DIR, whose folders are named after releases of Debian and have what libnss3 and libssl unpack to
// ("trixie-arm64/usr/lib/…/libssl3.so"), testdata is taken anew from them.
var libraries = flag.String("libraries", "", "take testdata from the libraries below `DIR`")

// The lines of testdata, with what follows them.
const (
	lineFunction = "function" // address, code, and its name if it is exported
	lineBegins   = "begins"   // address of another function
	lineNumber   = "word"     // address, and what is there when the library is loaded
	lineName     = "name"     // the same of what another file has
)

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// TestTake takes testdata from libraries.
func TestTake(t *testing.T) {
	if *libraries == "" {
		t.Skip("no -libraries")
	}
	for _, from := range []struct {
		pattern, prefix string
		take            func(*bytes.Buffer, *image)
	}{{"libssl3.so", "nss-", takeNSS}, {"libssl.so.*", "bio-", takeBIO}} {
		paths, err := filepath.Glob(*libraries + "/*/usr/lib/*/" + from.pattern)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsTrue(len(paths) > 0))
		for _, path := range paths {
			release, _, _ := strings.Cut(strings.TrimPrefix(path, *libraries+"/"), "/")
			raw, err := os.ReadFile(path)
			qt.Assert(t, qt.IsNil(err))
			im, err := readImage(bytes.NewReader(raw), int64(len(raw)), slices.Concat([]string{bioFunction, acceptRead, sendFile}, readers, writers)...)
			qt.Assert(t, qt.IsNil(err))
			var b bytes.Buffer
			from.take(&b, im)
			qt.Assert(t, qt.IsNil(os.WriteFile("testdata/"+from.prefix+release+".txt", b.Bytes(), 0o644)))
		}
	}
}

func takeNSS(b *bytes.Buffer, im *image) {
	for _, f := range im.functions {
		stored, _ := im.run(im.code(f), f.addr)
		for at, v := range stored {
			if _, ok := im.nss(at, f.addr, func(at uint64) value { return stored[at] }); !ok || v.n != layered {
				continue
			}
			fmt.Fprintf(b, "%s %x %x\n", lineFunction, f.addr, im.code(f))
			var begin []uint64
			for n := uint64(1); n <= slotLast; n++ {
				if n != slotAcceptRead {
					begin = append(begin, stored[at+n*word].n)
				}
			}
			for _, at := range slices.Sorted(maps.Keys(im.relocated)) {
				switch v := im.relocated[at]; {
				case v.name == acceptRead || v.name == sendFile:
					fmt.Fprintf(b, "%s %x %s\n", lineName, at, v.name)
				case v.name == "" && slices.Contains(begin, v.n):
					fmt.Fprintf(b, "%s %x %x\n", lineNumber, at, v.n)
				}
			}
			for _, addr := range slices.Sorted(slices.Values(begin)) {
				fmt.Fprintf(b, "%s %x\n", lineBegins, addr)
			}
		}
	}
}

func takeBIO(b *bytes.Buffer, im *image) {
	function := func(addr uint64, name string) {
		f, _ := im.function(addr)
		fmt.Fprintf(b, "%s %x %x %s\n", lineFunction, addr, im.code(f), name)
	}
	for _, name := range slices.Sorted(maps.Keys(im.exported)) {
		function(im.exported[name], name)
	}
	f, _ := im.function(im.exported[bioFunction])
	_, table := im.run(im.code(f), f.addr)
	for n := range uint64(slotBIODestroy + 1) {
		fmt.Fprintf(b, "%s %x %x\n", lineNumber, table.n+n*word, im.load(table.n+n*word).n)
	}
	for n := uint64(slotBIOWrite); n <= slotBIODestroy; n++ {
		switch addr := im.load(table.n + n*word).n; {
		case n == slotBIORead || n == slotBIOWrite:
			function(addr, "")
			for _, called := range im.calls(addr) {
				fmt.Fprintf(b, "%s %x\n", lineBegins, called)
			}
		case addr != 0:
			fmt.Fprintf(b, "%s %x\n", lineBegins, addr)
		}
	}
}

// readTestdata makes an image that has what testdata has. All code is at the address that it has in the file.
func readTestdata(t testing.TB, name string) *image {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".txt")
	qt.Assert(t, qt.IsNil(err))
	arch := name[strings.LastIndexByte(name, '-')+1:]
	im := &image{machine: machines[arch], relocated: make(map[uint64]value), exported: make(map[string]uint64)}
	code := segment{bytes: make([]byte, 1<<19), executable: true}
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		fields := strings.Fields(in.Text())
		at, err := strconv.ParseUint(fields[1], 16, 32)
		qt.Assert(t, qt.IsNil(err))
		switch fields[0] {
		case lineFunction:
			b, err := hex.DecodeString(fields[2])
			qt.Assert(t, qt.IsNil(err))
			copy(code.bytes[at:], b)
			im.functions = append(im.functions, function{at, uint64(len(b))})
			if len(fields) > 3 {
				im.exported[fields[3]] = at
			}
		case lineBegins:
			im.functions = append(im.functions, function{addr: at, size: 1})
		case lineName:
			im.relocated[at] = value{known: true, name: fields[2]}
		case lineNumber:
			v, err := strconv.ParseUint(fields[2], 16, 64)
			qt.Assert(t, qt.IsNil(err))
			im.relocated[at] = number(v)
		}
	}
	im.segments = []segment{code}
	// Where something is known of a function, it comes before its mere beginning.
	slices.SortFunc(im.functions, func(a, b function) int { return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(b.size, a.size)) })
	im.functions = slices.CompactFunc(im.functions, func(a, b function) bool { return a.addr == b.addr })
	return im
}
