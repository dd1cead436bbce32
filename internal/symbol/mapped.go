package symbol

import (
	"fmt"
	"os"
)

// Mapped is a file that a process executes: its program, or a library.
type Mapped struct {
	Path string // as the process knows it
	at   place
}

// MappedFiles returns the files that a process executes, each once.
func MappedFiles(pid uint32) ([]Mapped, error) {
	f, err := os.Open(procDir(pid) + "/maps")
	if err != nil {
		return nil, fmt.Errorf("list the files of process %d: %w", pid, err)
	}
	defer f.Close()
	maps, err := readMaps(f)
	if err != nil {
		return nil, fmt.Errorf("list the files of process %d: %w", pid, err)
	}
	var out []Mapped
	seen := make(map[uint64]bool)
	for i := range maps {
		m := &maps[i]
		if m.file() && !seen[m.tag] {
			seen[m.tag] = true
			out = append(out, Mapped{m.path, place{pid, m.start, m.end, m.path, m.deleted}})
		}
	}
	return out, nil
}

// In is the file at a path as a process sees it, whether it has mapped it or not; with
// process 0, as we see it.
func In(pid uint32, path string) Mapped { return Mapped{path, place{pid: pid, path: path}} }

// Open opens the file for reading. Nothing but a regular file is opened, and links lead
// where they lead in the process.
func (m Mapped) Open() (*os.File, FileID, error) {
	f, id, err := m.at.open()
	return f, FileID{id.inode, id.size, id.changed.Nano()}, err
}

// FileID tells the contents of a file from others. Without the device: a file of a lower
// layer has another one in each overlay that shows it, and is one to the kernel.
type FileID struct {
	Inode   uint64
	Size    int64
	Changed int64 // nanoseconds
}
