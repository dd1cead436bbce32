package trace

import (
	"fmt"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
)

// RecordHead is how every record of every command begins: struct record_head
// of internal/bpf/event.h.
type RecordHead struct {
	TimeNs   uint64 // kernel clock
	CgroupID uint64
	Kind     uint32
	PID      uint32
	TID      uint32
	PPID     uint32
	UID      uint32
	GID      uint32
	Comm     [16]byte
}

// Head is the part of an event that all commands share.
type Head struct {
	Time        int64 // nanoseconds since 1970 UTC
	PID         uint32
	TID         uint32
	PPID        uint32
	UID         uint32
	Comm        []byte // at most 15 bytes, hostile
	CgroupID    uint64
	ContainerID string // "" outside containers; from the record's own strings

	comm [16]byte
}

// Decode fills the head from a record's.
func (h *Head) Decode(host *Host, r *RecordHead) {
	h.Time = host.Clock.Wall(r.TimeNs)
	h.PID, h.TID, h.PPID, h.UID = r.PID, r.TID, r.PPID, r.UID
	h.comm = r.Comm
	h.Comm = events.CString(h.comm[:])
	h.CgroupID = r.CgroupID
	h.ContainerID = ""
}

// HeadFields returns the fields that every event begins with.
func HeadFields[E any](tool string, head func(*E) *Head) []output.Field[E] {
	return []output.Field[E]{
		{Name: "time", Type: output.TypeTime, Doc: "When it happened, by the kernel's clock, in UTC.",
			Get: func(e *E) output.Value { return output.Time(head(e).Time) }},
		{Name: "tool", Type: output.TypeText, Doc: "The command that saw it.",
			Get: func(*E) output.Value { return output.Text(tool) }},
		{Name: "type", Type: output.TypeText, Enum: []string{"event"}, Doc: "The type of the line: event; a line that tells of loss has the type lost.",
			Get: func(*E) output.Value { return output.Text("event") }},
		{Name: "pid", Type: output.TypeUint, Doc: "Process id in the initial pid namespace.",
			Get: func(e *E) output.Value { return output.Uint(uint64(head(e).PID)) }},
		{Name: "tid", Type: output.TypeUint, Doc: "Thread id in the initial pid namespace.",
			Get: func(e *E) output.Value { return output.Uint(uint64(head(e).TID)) }},
		{Name: "ppid", Type: output.TypeUint, Doc: "Process id of the parent.",
			Get: func(e *E) output.Value { return output.Uint(uint64(head(e).PPID)) }},
		{Name: "uid", Type: output.TypeUint, Doc: "Real user id in the initial user namespace.",
			Get: func(e *E) output.Value { return output.Uint(uint64(head(e).UID)) }},
		{Name: "comm", Type: output.TypeBytes, Doc: "Name of the task, at most 15 bytes.",
			Get: func(e *E) output.Value { return output.Bytes(head(e).Comm) }},
		{Name: "cgroup_id", Type: output.TypeUint, Doc: "Cgroup v2 id: the inode of its directory.",
			Get: func(e *E) output.Value { return output.Uint(head(e).CgroupID) }},
		{Name: "container_id", Type: output.TypeText, Nullable: true, Doc: "Container that the cgroup belongs to; null outside containers.",
			Get: func(e *E) output.Value { return TextOrNull(head(e).ContainerID) }},
	}
}

// TextOrNull is null for the empty string.
func TextOrNull(s string) output.Value {
	if s == "" {
		return output.Null()
	}
	return output.Text(s)
}

// ErrShortRecord says that a record is smaller than its type: the object and
// the command do not belong together.
func ErrShortRecord(got, want int) error {
	return fmt.Errorf("decode record: %d bytes, want at least %d", got, want)
}
