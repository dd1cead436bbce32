package tables

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

// What a disassembler shows to be in the table, for three releases of Debian.
var knownBIO = map[string]BIO{
	"bullseye-amd64": {Read: 0x1fb70, Write: 0x1fd40, Destroy: 0x1f610},
	"bookworm-amd64": {Read: 0x22db0, Write: 0x22f60, Destroy: 0x22870},
	"bookworm-arm64": {Read: 0x231c4, Write: 0x23374, Destroy: 0x22c90},
	"trixie-amd64":   {Read: 0x28f40, Write: 0x290f0, Destroy: 0x28f10},
	"trixie-arm64":   {Read: 0x29610, Write: 0x29808, Destroy: 0x295d0},
}

func TestBIO(t *testing.T) {
	for release, want := range knownBIO {
		got, err := readTestdata(t, "bio-"+release).findBIO()
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", release))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", release))
	}
}

// A table in another order, of another BIO, or with methods that call what is probed itself, is refused.
func TestUnknownBIO(t *testing.T) {
	for release, known := range knownBIO {
		for name, change := range map[string]func(im *image, table uint64){
			"no function":       func(im *image, _ uint64) { delete(im.exported, bioFunction) },
			"another BIO":       func(im *image, table uint64) { im.relocated[table] = number(bioSSL + 1) },
			"four in a row":     func(im *image, table uint64) { im.relocated[table+3*word] = im.relocated[table+4*word] },
			"a name for a read": func(im *image, table uint64) { im.relocated[table+4*word] = value{known: true, name: "SSL_read"} },
			"no code":           func(im *image, table uint64) { im.relocated[table+4*word] = number(known.Read + 1) },
			"nobody to compare": func(im *image, _ uint64) { delete(im.exported, "SSL_read"); delete(im.exported, "SSL_read_ex") },
			// As in LibreSSL: the method calls what SSL_read is.
			"calls what is probed": func(im *image, _ uint64) { im.exported["SSL_read"] = im.calls(known.Read)[0] },
		} {
			im := readTestdata(t, "bio-"+release)
			f, _ := im.function(im.exported[bioFunction])
			_, table := im.run(im.code(f), f.addr)
			change(im, table.n)
			_, err := im.findBIO()
			qt.Check(t, qt.IsTrue(errors.Is(err, ErrNoBIO)), qt.Commentf("%s: %s: %v", release, name, err))
		}
	}
}

// TestLibraries is TestBIO on whole files, those of this machine.
func TestLibraries(t *testing.T) {
	paths, _ := filepath.Glob("/usr/lib/*/libssl.so.*")
	if len(paths) == 0 {
		t.Skip("no libssl here")
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		qt.Assert(t, qt.IsNil(err))
		_, err = FindBIO(bytes.NewReader(raw), int64(len(raw)))
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", path))
	}
}
