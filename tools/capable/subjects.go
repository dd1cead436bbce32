package main

import (
	"strings"
	"unsafe"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
)

const subjectSize = int(unsafe.Sizeof(bpfSubjectRecord{}))

// subject is who asks for capabilities: an executable in a cgroup.
type subject struct {
	exe       string // path from the root of its mount namespace
	unit      string // systemd unit, or ""
	container string // id, or ""
}

// subjects are the names of subjects, as they were at their first check.
type subjects struct{ known map[bpfSubject]subject }

// maxSubjects is the size of the map that the records come from.
const maxSubjects = 4096

func newSubjects() *subjects { return &subjects{known: make(map[bpfSubject]subject)} }

// add reads a record with names.
func (s *subjects) add(h *trace.Host, raw []byte) error {
	if len(raw) < subjectSize+lengthSize {
		return trace.ErrShortRecord(len(raw), subjectSize+lengthSize)
	}
	var r bpfSubjectRecord
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), subjectSize), raw)
	tail := events.Tail(raw[subjectSize+lengthSize:])
	exe := events.JoinPath(nil, tail.Take(r.ExeLen), r.Flags&flagExeCut != 0, r.Flags&flagExeDetached != 0)
	cgroup := tail.Take(r.CgroupLen)
	named := subject{exe: string(exe), container: h.Containers.ID(events.CString(tail.Take(r.ContainerLen)))}
	if named.container == "" {
		named.unit = unitOf(strings.Split(strings.TrimSuffix(string(cgroup), "\x00"), "\x00"))
	}
	if len(s.known) < maxSubjects {
		s.known[r.Who] = named
	}
	return nil
}

// unitOf returns the systemd unit in the names of a cgroup's directories, leaf
// first: the innermost service or scope.
func unitOf(dirs []string) string {
	for _, name := range dirs {
		if strings.HasSuffix(name, ".service") || strings.HasSuffix(name, ".scope") {
			return name
		}
	}
	return ""
}
