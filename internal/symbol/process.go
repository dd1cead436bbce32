package symbol

import (
	"io"
	"os"
	"sort"
	"time"

	procfs "github.com/ringside-tools/ringside/internal/process"
)

// birth tells a program that runs in a process from all others that had its id, or that ran in it before an exec.
type birth struct{ started, code, stack uint64 }

// same reports whether it is the program that had birth old. One that has ended and was not waited for has lost its code.
func (b birth) same(old birth) bool { return b == old || b.started == old.started && b.code == 0 }

// readBirth reads /proc/PID/stat. Where code and stack begin is told only to who may trace the process.
func readBirth(pid uint32) (birth, bool) {
	stat, err := procfs.ReadStat(pid)
	if err != nil {
		return birth{}, false
	}
	return birthOf(stat)
}

func birthOf(stat procfs.Stat) (b birth, ok bool) {
	for _, f := range []struct {
		to     *uint64
		number int
	}{{&b.started, procfs.StatStarted}, {&b.code, procfs.StatCode}, {&b.stack, procfs.StatStack}} {
		n, err := stat.Number(f.number)
		if err != nil {
			return birth{}, false
		}
		*f.to = n
	}
	return b, true
}

// process is what is known of a process.
type process struct {
	pid    uint32
	gone   bool // it was never seen alive
	birth  birth
	read   time.Time // when its mappings were read
	maps   []mapping
	files  []*file           // of each mapping; nil if it is no file, or cannot be opened
	byID   map[BuildID]found // nil before the files were looked at
	looked map[string]bool   // executables tried, by path
	used   uint64
}

// found is a file with the path that the process knows it by.
type found struct {
	file *file
	path []byte
}

// readAgain is how often mappings are read again for an address or a build id that is in none of them.
const readAgain = time.Second

// readMappings reads the mappings of a process that is alive.
func (u *Users) readMappings(p *process) {
	p.read, p.maps, p.files, p.byID = u.now(), nil, nil, nil
	p.looked = make(map[string]bool)
	p.maps, _ = try(&u.files.guard, func() []mapping { return mappingsOf(p.pid) })
}

func mappingsOf(pid uint32) []mapping {
	f, err := os.Open(procDir(pid) + "/maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	maps, _ := readMaps(io.Reader(f))
	return maps
}

// readAgain reads the mappings again if that was not done just now, and reports whether it did.
func (u *Users) readAgain(p *process) bool {
	if p.gone || u.now().Sub(p.read) < readAgain {
		return false
	}
	if b, ok := readBirth(p.pid); !ok || b != p.birth || b.code == 0 {
		return false
	}
	u.readMappings(p)
	return true
}

// at returns the mapping of an address.
func (p *process) at(addr uint64) (int, bool) {
	i := sort.Search(len(p.maps), func(i int) bool { return p.maps[i].end > addr })
	return i, i < len(p.maps) && p.maps[i].start <= addr
}

// place is where the file of a mapping can be opened.
func (p *process) place(m *mapping) place { return place{p.pid, m.start, m.end, m.path, m.deleted} }

// open looks at the files of all mappings.
func (u *Users) open(p *process) {
	if p.byID != nil {
		return
	}
	p.byID = make(map[BuildID]found)
	p.files = make([]*file, len(p.maps))
	for i := range p.maps {
		m := &p.maps[i]
		if !m.file() {
			continue
		}
		if i > 0 && p.maps[i-1].tag == m.tag {
			p.files[i] = p.files[i-1]
			continue
		}
		if f := u.files.get(p.place(m)); f != nil {
			p.files[i] = f
			p.know(f, p.place(m).name())
		}
	}
}

// know remembers the file of a build id. The first path counts: others are copies.
func (p *process) know(f *file, path string) {
	if _, dup := p.byID[f.id]; !dup && f.id != (BuildID{}) {
		p.byID[f.id] = found{f, []byte(path)}
	}
}
