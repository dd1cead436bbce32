package policy

import "net/netip"

// Task is who does something.
type Task struct {
	Exe string // the path of what it executes, links resolved
	// Ancestors are the paths of what it executed before, and of what the tasks that
	// it comes from executed: they count for subjects with descendants.
	Ancestors []string
	OtherNS   bool   // these paths are those of another mount namespace than the initial one
	Cgroup    string // the directory, from the root of the hierarchy
	Container string // its id
	UID       uint32 // the real user id
	Init      bool   // it is process 1
	Kernel    bool   // it is a thread of the kernel
}

// Operation is something that a task is about to do. Of the fields those of the class
// are looked at. Whoever asks has followed links, and knows no inodes: a file counts
// as the one that was there when the policy was loaded if it has its path.
type Operation struct {
	Task  Task
	Class Class

	// Path is the file that is used or executed, the place of a mount or a Unix
	// socket, which is abstract if it begins with "@". Empty is one that could not be
	// found out.
	Path    string
	OtherNS bool // it is seen in another mount namespace than the initial one

	Access     Access // ClassFile; ClassExec: Exec_ or Load
	OwnFile    bool   // ClassFile: the file belongs to the task's file system user id
	OpenBefore bool   // ClassFile: the use of what was opened before the policy came

	Fileless bool // ClassExec: it has no name
	NoArgs   bool // ClassExec: the list of arguments is empty

	Unix  bool           // ClassConnect and ClassBind: Path is the address
	Addr  netip.AddrPort // ClassConnect and ClassBind: else this is
	Proto Proto          // ClassConnect and ClassBind: one bit
	// Ephemeral are the ports of which the kernel chooses for a bind to port 0; none
	// are DefaultEphemeral.
	Ephemeral PortRange

	Family     uint16 // ClassSocket
	SocketType string // ClassSocket: as in Socket.Types

	MountOp MountOp // ClassMount: one bit
	FSType  string  // ClassMount: empty is one that could not be found out

	Via Via      // ClassSetuid: one bit
	IDs []uint32 // ClassSetuid: the user or group ids that the task gets and did not have
}

// DefaultEphemeral are the ports that the kernel chooses from unless somebody wrote
// net.ipv4.ip_local_port_range.
var DefaultEphemeral = PortRange{First: 32768, Last: 60999}

// counts says whether the path of a rule means anything where the path was seen.
func (v View) counts(action Action, otherNS bool) bool {
	switch v {
	case ViewHost:
		return !otherNS
	case ViewTask:
		return true
	}
	return action == Deny || !otherNS
}

// is says whether a task is one of a subject. The kernel's threads are of the subject
// kernel and no other.
func (p *Policy) is(name string, t *Task) bool {
	switch name {
	case SubjectAll:
		return !t.Init && !t.Kernel
	case SubjectInit:
		return t.Init
	case SubjectKernel:
		return t.Kernel
	case SubjectNone:
		return false
	}
	s := p.Subject(name)
	return s != nil && !t.Kernel && s.has(p, t)
}

func (s *Subject) has(p *Policy, t *Task) bool {
	return (len(s.Exe) == 0 || s.executes(t)) &&
		(len(s.Cgroup) == 0 || anyOf(s.Cgroup, func(dir Text) bool {
			return Pattern{Kind: Subtree, Path: dir.S}.Matches(t.Cgroup)
		})) &&
		(len(s.Container) == 0 || anyOf(s.Container, func(id Text) bool {
			return len(t.Container) >= len(id.S) && t.Container[:len(id.S)] == id.S
		})) &&
		(len(s.UID) == 0 || anyOf(s.UID, func(r IDRange) bool { return r.contains(t.UID) })) &&
		!anyOf(s.Not, func(other Text) bool { return p.is(other.S, t) })
}

func (s *Subject) executes(t *Task) bool {
	if !s.View.counts(Allow, t.OtherNS) {
		return false
	}
	executes := func(exe string) bool {
		return exe != "" && anyOf(s.Exe, func(p Pattern) bool { return p.Matches(exe) })
	}
	return executes(t.Exe) || s.Descendants && anyOf(t.Ancestors, executes)
}

func (r IDRange) contains(id uint32) bool { return r.First <= id && id <= r.Last }

// selects says whether a rule is about a task. Of connecting and binding, all is
// process 1 too, which opens sockets for others.
func (p *Policy) selects(s Selector, t *Task, class Class) bool {
	is := func(name Text) bool { return p.isFor(name.S, t, class) }
	return anyOf(s.Any, is) && !anyOf(s.Except, is)
}

func (p *Policy) isFor(name string, t *Task, class Class) bool {
	if name == SubjectAll && t.Init {
		return class == ClassConnect || class == ClassBind
	}
	return p.is(name, t)
}

func anyOf[T any](items []T, is func(T) bool) bool {
	for _, item := range items {
		if is(item) {
			return true
		}
	}
	return false
}
