package uprobe

import (
	"os"
	"sync"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// Files are those that were looked into. The zero value is ready, for several goroutines.
type Files struct {
	mu    sync.Mutex
	known map[symbol.FileID]bool
}

// Once opens a file and hands it to look, unless it was handed over before. It is closed
// then. Where the path leads nowhere in the process, because that has ended or is in a
// chroot, it is taken as ours.
func (f *Files) Once(m symbol.Mapped, look func(file *os.File, size int64) error) error {
	file, id, err := m.Open()
	if err != nil {
		if file, id, err = symbol.In(0, m.Path).Open(); err != nil {
			return err
		}
	}
	defer file.Close()
	f.mu.Lock()
	known := f.known[id]
	if f.known == nil {
		f.known = make(map[symbol.FileID]bool)
	}
	f.known[id] = true
	f.mu.Unlock()
	if known {
		return nil
	}
	return look(file, id.Size)
}
