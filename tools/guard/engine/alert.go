package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// Reason says why an operation was denied, or would have been.
type Reason string

const (
	ByRule       Reason = "rule"       // a rule denies it
	ByDefault    Reason = "default"    // no rule allows it, and a default denies
	ByUnresolved Reason = "unresolved" // its path could not be found out, and the policy is strict about that
)

// Alert is one operation that a policy denied, or would have.
type Alert struct {
	Time     time.Time
	Hook     Hook
	Denied   bool // false: told only
	Reason   Reason
	Policy   string // name of the policy, "" where it is gone by now
	Rule     string // id of the rule; "" for a default, and for what is unresolved
	Message  string // of the rule
	Position policy.Position
	Revision uint32 // of the policies, counted up with every change
	Kind     Kind
	Process  Process
	Object   Object
}

// Kind is what was about to be done.
type Kind string

// kindNames are the kinds by their numbers in records (tables.h).
var kindNames = [kinds]Kind{
	"read", "write", "create", "delete", "attr", "exec", "load", "read", "write",
	"connect", "bind", "socket", "mount", "setuid", "self",
}

// Process is the task that was about to do it.
type Process struct {
	PID, TID, PPID   uint32 // in the initial pid namespace
	UID, GID, EUID   uint32 // in the initial user namespace
	Comm             string // at most 15 bytes, chosen by the process
	Exe              string // path of its executable; "" for the kernel's own
	ExeDev           uint32 // kernel dev_t: major << 20 | minor
	ExeIno           uint64
	CgroupID         uint64
	ContainerID      string // "" outside containers
	MountNS          uint64
	UserNSLevel      uint32   // 0 is the initial one
	Subjects         []string // of the policy, that it is one of
	ExeCut, Detached bool     // Exe lacks its beginning; is in no tree of mounts
}

// Object is what it was about to be done to. What does not apply is zero.
type Object struct {
	Path     string // from the root of the process's mount namespace; or @ and the abstract name of a socket
	PathCut  bool   // Path lacks its beginning
	Detached bool   // Path begins at the root of the file system
	Dev      uint32 // kernel dev_t
	Ino      uint64

	Addr       netip.AddrPort // of connect, bind
	Family     uint16         // AF_*
	Protocol   uint32         // IPPROTO_*
	SocketType uint32         // SOCK_*

	Operation    string // of mount, setuid: which
	FSType       string
	OldID, NewID uint32 // of setuid
}

// operationNames are the names of operations, as policies have them.
var operationNames = [operations]string{
	"new", "bind", "move", "remount", "umount", "pivot", "propagation", "",
	"setuid", "setgid", "setgroups", "exec", "userns", "capset", "fileless", "no_args",
	"signal", "trace", "map", "program", "switch",
}

// recordSize is the fixed part of a record; strings follow behind their length.
const (
	recordSize    = int(unsafe.Sizeof(bpfAlert{}))
	stringsOffset = recordSize + 4
)

const (
	cutPath = 1
	cutExe  = 2

	walkUnfinished = 1
	walkDetached   = 2
)

// decoder turns records into alerts. What the kernel wrote is trusted for its layout
// only: every length is checked against the record.
type decoder struct {
	clock      *events.Clock
	containers func([]byte) string
	tables     func(revision uint32) *tables // nil for one that is forgotten
}

func (d *decoder) decode(raw []byte) (Alert, error) {
	if len(raw) < stringsOffset {
		return Alert{}, fmt.Errorf("decode record: %d bytes, want at least %d", len(raw), stringsOffset)
	}
	var r bpfAlert
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), recordSize), raw)
	s := events.Tail(raw[stringsOffset:])
	container, exe, path := s.Take(r.ContainerLen), s.Take(r.ExeLen), s.Take(r.PathLen)
	a := Alert{
		Time: time.Unix(0, d.clock.Wall(r.Head.TimeNs)).UTC(), Denied: r.Denied != 0, Revision: r.Revision,
		Process: Process{
			PID: r.Head.Pid, TID: r.Head.Tid, PPID: r.Head.Ppid, UID: r.Head.Uid, GID: r.Head.Gid, EUID: r.Euid,
			Comm: cstring(r.Head.Comm[:]), ExeDev: r.ExeDev, ExeIno: r.ExeIno, CgroupID: r.Head.CgroupId,
			ContainerID: d.containers(events.CString(container)), MountNS: r.Mntns, UserNSLevel: r.UsernsLevel,
			ExeCut: r.Cut&cutExe != 0,
		},
	}
	if r.ExeIno != 0 {
		a.Process.Exe = string(events.JoinPath(nil, exe, a.Process.ExeCut, false))
	}
	if int(r.Hook) < len(hooks) {
		a.Hook = hooks[r.Hook]
	}
	if r.Decision < kinds {
		a.Kind = kindNames[r.Decision]
	}
	a.Object = objectOf(&r, path)
	a.explain(&r, d.tables(r.Revision))
	return a, nil
}

func cstring(chars []int8) string {
	b := make([]byte, 0, len(chars))
	for _, c := range chars {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}

func objectOf(r *bpfAlert, path []byte) Object {
	d := &r.Detail
	o := Object{Family: d.Family, Protocol: d.Protocol, SocketType: d.Type, OldID: d.OldId, NewID: d.NewId, FSType: cstring(d.Fstype[:])}
	if r.Abstract != 0 {
		o.Path = "@" + string(path)
	} else if r.Dev != 0 || len(path) > 0 {
		o.Dev, o.Ino = r.Dev, r.Ino
		o.PathCut, o.Detached = r.Cut&cutPath != 0 || r.PathWalk&walkUnfinished != 0, r.PathWalk&walkDetached != 0
		o.Path = string(events.JoinPath(nil, path, r.Cut&cutPath != 0, false))
		if o.Detached { // the root of a file system is called "/" there
			o.Path = "/" + strings.TrimLeft(o.Path, "/")
		}
	}
	if k := r.Decision; (k == kindConnect || k == kindBind) && (d.Family == unix.AF_INET || d.Family == unix.AF_INET6) {
		addr := netip.AddrFrom16(d.Address)
		if d.Family == unix.AF_INET {
			addr = addr.Unmap()
		}
		o.Addr = netip.AddrPortFrom(addr, d.Port)
	}
	if k := r.Decision; d.Operation < operations && (k == kindMount || k == kindSetuid || k == kindSelf || k == kindExec && d.Operation >= isFileless) {
		o.Operation = operationNames[d.Operation]
	}
	return o
}

// explain finds the rule or the default that a record is about.
func (a *Alert) explain(r *bpfAlert, t *tables) {
	a.Reason = map[uint32]Reason{1: ByRule, 2: ByDefault, 3: ByUnresolved}[r.Reason]
	if t == nil {
		return
	}
	because := set(r.Because.W)
	for bit, name := range t.names {
		if set(r.Who.W).has(bit) {
			a.Process.Subjects = append(a.Process.Subjects, name)
		}
	}
	slices.Sort(a.Process.Subjects)
	a.Process.Subjects = slices.Compact(a.Process.Subjects) // "all" and "all but these" have one name
	switch a.Reason {
	case ByRule:
		if p := t.findPart(r.Entry, int(r.Decision), because, a.Denied); p != nil {
			a.Policy, a.Rule, a.Message, a.Position = p.policy.Name, p.rule.ID, p.rule.Message, p.rule.Pos
		}
	case ByDefault:
		for _, d := range t.defaults {
			if d.subject.meets(because) && slices.Contains(d.kinds, int(r.Decision)) && (d.policy.Mode == policy.Enforce) == a.Denied {
				a.Policy, a.Position = d.policy.Name, d.def.Pos
				return
			}
		}
	}
}

// findPart finds the first rule of an entry that denies one of the subjects.
func (t *tables) findPart(entry uint32, kind int, because set, denied bool) *part {
	if int(entry) >= len(t.parts) {
		return nil
	}
	for _, p := range t.parts[entry] {
		if p.denies() && p.enforced == denied && p.subjects.meets(because) && p.about(kind) {
			return p
		}
	}
	return nil
}

// about says whether a rule has a block about a kind of decision.
func (p *part) about(kind int) bool {
	r := p.rule
	switch kind {
	case kindExec:
		return r.Exec != nil
	case kindLoad:
		return r.Exec != nil && r.Exec.Loader
	case kindHeldRead:
		kind = kindRead
	case kindHeldWrite:
		kind = kindWrite
	}
	if kind < fileKinds {
		return r.File != nil && slices.Contains(fileKindsOf(r.File.Access), kind)
	}
	return true
}
