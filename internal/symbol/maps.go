package symbol

import (
	"bufio"
	"bytes"
	"hash/maphash"
	"io"
)

// mapping is one executable line of /proc/PID/maps.
type mapping struct {
	start, end uint64
	offset     uint64 // of start in the file
	path       string // "" for memory without a name, "[vdso]" and such for what is no file
	deleted    bool   // the path is not there any more, or is another file
	tag        uint64 // of device, inode and path: pieces of one file have the same
}

// file reports whether a file is mapped.
func (m *mapping) file() bool { return len(m.path) > 0 && m.path[0] == '/' }

// Bounds on the memory that one process can make us keep.
const (
	maxMappings  = 1024
	maxMapsText  = 8 << 20   // bytes read of /proc/PID/maps
	maxMapsPaths = 128 << 10 // bytes of paths kept
	maxPath      = 4096
)

// readMaps reads the executable mappings of a process, which are in the order of their addresses. What is beyond a bound
// is left out.
func readMaps(r io.Reader) ([]mapping, error) {
	var out []mapping
	paths := 0
	last := ""
	in := bufio.NewReaderSize(io.LimitReader(r, maxMapsText), 2*maxPath)
	for len(out) < maxMappings {
		line, err := in.ReadSlice('\n')
		for err == bufio.ErrBufferFull { // no path is so long
			line = nil
			_, err = in.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if m, path, ok := parseMapping(line); ok && (len(out) == 0 || out[len(out)-1].end <= m.start) {
			if string(path) != last { // the pieces of a file stand together
				if paths += len(path); paths > maxMapsPaths {
					break
				}
				last = string(path)
			}
			m.path = last
			out = append(out, m)
		}
		if err == io.EOF {
			break
		}
	}
	return out, nil
}

var (
	deletedSuffix  = []byte(" (deleted)")
	escapedNewline = []byte(`\012`)
	tagSeed        = maphash.MakeSeed()
)

// parseMapping takes a line apart: START-END PERMISSIONS OFFSET DEVICE INODE PATH. It returns executable mappings only.
func parseMapping(line []byte) (m mapping, path []byte, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	if m.start, line, ok = cutHex(line, '-'); !ok {
		return m, nil, false
	}
	if m.end, line, ok = cutHex(line, ' '); !ok || m.end <= m.start {
		return m, nil, false
	}
	if len(line) < 5 || line[2] != 'x' || line[4] != ' ' {
		return m, nil, false
	}
	if m.offset, line, ok = cutHex(line[5:], ' '); !ok {
		return m, nil, false
	}
	m.tag = maphash.Bytes(tagSeed, line)
	for range 2 { // device and inode, which on overlay and btrfs are not those of the open file
		if _, line, ok = bytes.Cut(line, []byte(" ")); !ok {
			return m, nil, false
		}
	}
	path, m.deleted = bytes.CutSuffix(bytes.TrimLeft(line, " "), deletedSuffix)
	path = bytes.ReplaceAll(path, escapedNewline, []byte("\n")) // all that the kernel escapes
	return m, path, len(path) <= maxPath
}
