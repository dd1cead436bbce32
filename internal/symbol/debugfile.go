package symbol

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
)

// ErrNoDebug says that a file was stripped, and what was stripped from it is nowhere.
var ErrNoDebug = errors.New("no debug information, neither in the file nor in one of its own")

// BuildID returns the build id of the file, zero if it has none.
func (f *ELF) BuildID() (id BuildID) {
	for _, s := range f.Sections {
		if s.Name == ".note.gnu.build-id" || s.Name == ".note.go.buildid" {
			if notes, err := f.data(s, maxNotes); err == nil && id == (BuildID{}) {
				id = findBuildID(notes)
			}
		}
	}
	return id
}

// DebugFile opens what was stripped from a file: where distributions put it by build id,
// or where the file itself says (.gnu_debuglink), which is looked for beside the file, in
// .debug beside it, and in /usr/lib/debug. Only the right one is opened: one with the same
// build id, or with the checksum that the file tells.
func (m Mapped) DebugFile(f *ELF) (*os.File, *ELF, error) {
	id := f.BuildID()
	link, sum := f.debugLink()
	var places []place
	add := func(path string) {
		if m.at.pid != 0 {
			places = append(places, place{pid: m.at.pid, path: path})
		}
		places = append(places, place{path: path})
	}
	if at := debugFile(id); at != "" {
		add(at)
	}
	if dir := path.Dir(m.Path); link != "" && path.IsAbs(m.Path) {
		for _, at := range []string{path.Join(dir, link), path.Join(dir, ".debug", link), path.Join("/usr/lib/debug", dir, link)} {
			add(at)
		}
	}
	for _, at := range places {
		file, key, err := at.open()
		if err != nil {
			continue
		}
		debug, err := NewELF(file)
		if err == nil && (id != BuildID{} && debug.BuildID() == id || id == BuildID{} && checksum(file, key.size) == sum) {
			return file, debug, nil
		}
		file.Close()
	}
	return nil, nil, ErrNoDebug
}

// AltFile opens the file in which dwz has put what several debug files had in common
// (.gnu_debugaltlink). It returns nil if this file shares nothing.
func (f *ELF) AltFile(at string) (*os.File, *ELF, error) {
	link, err := f.Section(".gnu_debugaltlink", 2*maxPath)
	if err != nil || link == nil {
		return nil, nil, err
	}
	name, id, ok := bytes.Cut(link, []byte{0})
	var want BuildID
	if !ok || len(name) == 0 || len(id) == 0 || len(id) > len(want) {
		return nil, nil, errors.New("read .gnu_debugaltlink: malformed")
	}
	copy(want[:], id)
	to := string(name)
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(at), to)
	}
	file, _, err := place{path: to}.open()
	if err != nil {
		return nil, nil, fmt.Errorf("open what debug files share: %w", err)
	}
	alt, err := NewELF(file)
	if err == nil && alt.BuildID() != want {
		err = errors.New("of another build")
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("open %s: %w", to, err)
	}
	return file, alt, nil
}

// debugLink returns the name of the file's debug file and its checksum.
func (f *ELF) debugLink() (name string, sum uint32) {
	link, err := f.Section(".gnu_debuglink", 2*maxLibraryName)
	if err != nil {
		return "", 0
	}
	text, _, ok := bytes.Cut(link, []byte{0})
	at := (len(text) + 4) &^ 3
	if !ok || len(text) == 0 || len(link) < at+4 || bytes.IndexByte(text, '/') >= 0 {
		return "", 0
	}
	return string(text), le32(link[at:])
}

// maxChecked bounds the debug files whose checksum is worth reading them for.
const maxChecked = 4 << 30

func checksum(r io.ReaderAt, size int64) uint32 {
	sum := crc32.NewIEEE()
	if size > maxChecked {
		return 0
	}
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size)); err != nil {
		return 0
	}
	return sum.Sum32()
}
