package symbol

import (
	"encoding/hex"
	"strings"
	"time"
)

// Users turns addresses of user stacks into names. It remembers processes and files, within bounds. It is not for use by
// several goroutines at once.
//
// To see processes of other users it takes CAP_SYS_PTRACE, and CAP_DAC_READ_SEARCH for files that only they can read.
// CAP_CHECKPOINT_RESTORE (CAP_SYS_ADMIN before 5.9) makes files readable that were deleted.
type Users struct {
	files *files
	procs map[uint32]*process
	uses  uint64
	scan  scan
	now   func() time.Time
}

// maxProcesses bounds the processes that are remembered.
const maxProcesses = 256

// NewUsers returns an empty memory.
func NewUsers() *Users {
	return &Users{files: newFiles(), procs: make(map[uint32]*process), now: time.Now}
}

// Frames appends the frames of a process, innermost first, to dst. exe is the path of its executable as the kernel saw
// it, which helps if the process has ended; "" if unknown. The names stay valid.
func (u *Users) Frames(dst []Frame, pid uint32, exe string, frames []UserFrame) []Frame {
	if len(frames) == 0 {
		return dst
	}
	p := u.process(pid)
	for i, f := range frames {
		caller := i > 0 // all but the first are where a call returns to
		switch f.Status {
		case statusBuildID:
			dst = append(dst, u.ofFile(p, exe, f, caller))
		case statusIP:
			dst = append(dst, u.ofAddress(p, exe, f.Offset, caller))
		default:
			dst = append(dst, Frame{Offset: f.Offset, User: true})
		}
	}
	return dst
}

// process returns what is known of a process, which it reads if that is nothing yet.
func (u *Users) process(pid uint32) *process {
	u.uses++
	b, alive := readBirth(pid)
	p := u.procs[pid]
	if p != nil && (!alive || b.same(p.birth)) { // what was read before it ended still holds
		p.used = u.uses
		return p
	}
	p = &process{pid: pid, birth: b, gone: !alive, used: u.uses}
	if !alive {
		p.looked = make(map[string]bool)
		return p // not remembered: the id may come back
	}
	if len(u.procs) >= maxProcesses && u.procs[pid] == nil {
		u.forgetProcess()
	}
	u.procs[pid] = p
	u.readMappings(p)
	return p
}

func (u *Users) forgetProcess() {
	var oldest *process
	for _, p := range u.procs {
		if oldest == nil || p.used < oldest.used {
			oldest = p
		}
	}
	delete(u.procs, oldest.pid)
}

// ofFile is the frame at an offset of the file with a build id.
func (u *Users) ofFile(p *process, exe string, f UserFrame, caller bool) Frame {
	if f.Offset >= 1<<47 {
		// The kernel took the mapping above the address for that of the address.
		return Frame{Offset: f.Offset, User: true}
	}
	in, ok := u.byBuildID(p, exe, f.BuildID)
	if !ok {
		// Who has debug files elsewhere can look it up there.
		return Frame{Offset: f.Offset, Module: []byte("[build-id " + hex.EncodeToString(f.BuildID[:]) + "]"), User: true}
	}
	return u.inFile(in, f.Offset, caller)
}

func (u *Users) inFile(in found, offset uint64, caller bool) Frame {
	if name, into, ok := u.files.find(in.file, offset, caller); ok {
		return Frame{Name: name, Offset: into, Module: in.path, User: true}
	}
	return Frame{Offset: offset, Module: in.path, User: true}
}

// byBuildID looks for a file where it most probably is: in the process; in what it executed and the
// libraries of that; in processes seen before; in all that run.
func (u *Users) byBuildID(p *process, exe string, id BuildID) (found, bool) {
	u.open(p)
	in, ok := p.byID[id]
	if !ok && u.readAgain(p) {
		u.open(p)
		in, ok = p.byID[id]
	}
	if !ok && strings.HasPrefix(exe, "/") && !p.looked[exe] && len(p.looked) < maxLooked {
		p.looked[exe] = true
		for _, at := range []place{{pid: p.pid, path: exe}, {path: exe}} {
			if f := u.files.get(at); f != nil {
				p.know(f, exe)
				if _, ok := p.byID[id]; !ok && u.files.byID[id] == nil {
					u.files.libraries(at, f)
				}
			}
		}
		in, ok = p.byID[id]
	}
	if ok {
		return in, true
	}
	f := u.files.byID[id]
	if f == nil && u.scanAll() {
		f = u.files.byID[id]
	}
	if f == nil {
		return found{}, false
	}
	return found{f, f.path}, true
}

// maxLooked bounds the executables that are tried for one process.
const maxLooked = 16

// ofAddress is the frame at an address of a process.
func (u *Users) ofAddress(p *process, exe string, addr uint64, caller bool) Frame {
	i, ok := p.at(addr)
	if !ok && u.readAgain(p) {
		i, ok = p.at(addr)
	}
	if !ok {
		return u.inExecutable(p, exe, addr, caller)
	}
	if p.maps[i].path == "" {
		return Frame{Offset: addr, User: true}
	}
	m := &p.maps[i]
	if !m.file() { // such as [vdso]
		return Frame{Offset: addr - m.start, Module: []byte(m.path), User: true}
	}
	u.open(p)
	offset := m.offset + addr - m.start
	path := []byte(p.place(m).name())
	if p.files[i] == nil && m.path == exe { // it ended before we could look
		p.files[i] = u.files.get(place{path: exe})
	}
	if p.files[i] == nil {
		return Frame{Offset: offset, Module: path, User: true}
	}
	return u.inFile(found{p.files[i], path}, offset, caller)
}

// inExecutable is the frame at an address of a process that has ended, if its
// executable has a fixed place in memory, as those of Go have, which have no
// build id either. One that can be anywhere begins at 0, where no process has it.
func (u *Users) inExecutable(p *process, exe string, addr uint64, caller bool) Frame {
	if strings.HasPrefix(exe, "/") {
		for _, at := range []place{{pid: p.pid, path: exe}, {path: exe}} {
			f := u.files.get(at)
			if f == nil {
				continue
			}
			for _, s := range f.segments {
				if addr >= s.addr && addr-s.addr < s.size {
					return u.inFile(found{f, []byte(exe)}, s.offset+addr-s.addr, caller)
				}
			}
			break
		}
	}
	return Frame{Offset: addr, User: true}
}
