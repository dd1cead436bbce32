package symbol

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
)

// file is a file that some process executes. Its headers are read when it is first seen, its symbols when they are first
// needed.
type file struct {
	key      identity
	path     []byte
	id       BuildID // zero if there is none
	segments []segment
	place    place // where it was seen last; zero if it is not there any more

	loaded bool
	tables []*table
	bytes  int // of the tables
	used   uint64

	searched bool // its libraries were looked for
}

// files remembers files.
type files struct {
	guard   guard
	known   map[identity]*file
	byID    map[BuildID]*file
	loaded  []*file // those with symbols in memory
	uses    uint64
	evicted bool // some file was forgotten
}

// Bounds on what is remembered: headers of many files, symbols of few.
const (
	maxFiles  = 1024
	maxLoaded = 64
	maxBytes  = 256 << 20
)

func newFiles() *files {
	return &files{guard: guard{patience: defaultPatience}, known: make(map[identity]*file), byID: make(map[BuildID]*file)}
}

// get returns the file at a place, or nil if it cannot be opened. One that is no ELF file has neither build id nor
// segments.
func (c *files) get(p place) *file {
	key, ok := try(&c.guard, func() (key identity) {
		if f, found, err := p.open(); err == nil {
			f.Close()
			key = found
		}
		return key
	})
	if !ok || key == (identity{}) {
		return nil
	}
	f := c.known[key]
	if f == nil {
		if f, ok = try(&c.guard, func() *file { return readHeaders(p) }); !ok || f == nil {
			return nil
		}
		if len(c.known) >= maxFiles {
			c.forget()
		}
		c.known[f.key] = f
	}
	f.place = p
	if f.id != (BuildID{}) {
		c.byID[f.id] = f
	}
	c.use(f)
	return f
}

func readHeaders(p place) *file {
	f, key, err := p.open()
	if err != nil {
		return nil
	}
	defer f.Close()
	out := &file{key: key, path: []byte(p.name())}
	if im, err := readImage(f, key.size); err == nil {
		out.id, out.segments = im.id, im.segments
	}
	return out
}

func (c *files) use(f *file) {
	c.uses++
	f.used = c.uses
}

// forget drops the file that was not used for the longest time.
func (c *files) forget() {
	var oldest *file
	for _, f := range c.known {
		if oldest == nil || f.used < oldest.used {
			oldest = f
		}
	}
	delete(c.known, oldest.key)
	if c.byID[oldest.id] == oldest {
		delete(c.byID, oldest.id)
	}
	c.evicted = true
}

// find returns the function at an offset of the file; at that before it if it is where a call returns to.
func (c *files) find(f *file, offset uint64, caller bool) (name []byte, into uint64, ok bool) {
	c.use(f)
	addr, ok := addrOf(f.segments, offset)
	if !ok {
		return nil, 0, false
	}
	c.load(f)
	for _, t := range f.tables {
		name, into, ok = t.find(addr)
		if caller && into == 0 && addr > 0 {
			// A call that never returns can be the last thing in a function.
			if before, n, found := t.find(addr - 1); found {
				name, into, ok = before, n+1, true
			}
		}
		if ok {
			return name, into, true
		}
	}
	return nil, 0, false
}

// load reads the symbols of a file unless that was done, and makes room for them.
func (c *files) load(f *file) {
	if f.loaded || f.place == (place{}) {
		return
	}
	key, id := f.key, f.id
	places := []place{f.place, {path: string(f.path)}}
	tables, ok := try(&c.guard, func() []*table {
		for _, p := range places {
			if tables, err := readTables(p, key, id); err == nil {
				return tables
			}
		}
		return nil
	})
	if !ok || tables == nil {
		f.place = place{} // until it is seen again
		return
	}
	f.loaded, f.tables, f.bytes = true, tables, 0
	for _, t := range tables {
		f.bytes += t.bytes()
	}
	c.loaded = append(c.loaded, f)
	c.unload()
}

// unload drops symbols that were not used for the longest time while there are too many, but those of the last file.
func (c *files) unload() {
	total := 0
	for _, f := range c.loaded {
		total += f.bytes
	}
	for len(c.loaded) > 1 && (len(c.loaded) > maxLoaded || total > maxBytes) {
		oldest := 0
		for i, f := range c.loaded {
			if f.used < c.loaded[oldest].used {
				oldest = i
			}
		}
		f := c.loaded[oldest]
		total -= f.bytes
		f.loaded, f.tables, f.bytes = false, nil, 0
		c.loaded = append(c.loaded[:oldest], c.loaded[oldest+1:]...)
	}
}

// readTables reads the symbols of the file at a place, which must be the same file as before. A table that is malformed
// or too large is left out.
func readTables(p place, key identity, id BuildID) ([]*table, error) {
	f, now, err := p.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now != key {
		return nil, fmt.Errorf("open %s: another file by now", p.path)
	}
	im, err := readImage(f, key.size)
	if err != nil {
		return nil, err
	}
	return allTables(im, debugFile(id)), nil
}

// allTables returns the tables of a file, the best first. Where it was stripped, those of its debug file, or those of
// Go, take the place of its own.
func allTables(im *image, debug string) []*table {
	tables := make([]*table, 0, 2)
	add := func(t *table, err error) bool {
		if err != nil || len(t.syms) == 0 {
			return false
		}
		tables = append(tables, t)
		return true
	}
	_ = add(readTable(im, elf.SHT_SYMTAB)) || add(readDebugTable(debug, im.id)) || add(readGoTable(im))
	add(readTable(im, elf.SHT_DYNSYM))
	return tables
}

// debugFile is where distributions put what they strip from a file.
func debugFile(id BuildID) string {
	if id == (BuildID{}) {
		return ""
	}
	return filepath.Join("/usr/lib/debug/.build-id", fmt.Sprintf("%x/%x.debug", id[:1], id[1:]))
}

func readDebugTable(path string, id BuildID) (*table, error) {
	if path == "" {
		return nil, os.ErrNotExist
	}
	f, key, err := place{path: path}.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	im, err := readImage(f, key.size)
	if err != nil {
		return nil, err
	}
	if im.id != id {
		return nil, fmt.Errorf("read symbols of %s: of another file", path)
	}
	return readTable(im, elf.SHT_SYMTAB)
}
