package main

import (
	"net/netip"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// seen is an operation that a default would have denied: what is learned from.
type seen struct {
	kind      engine.Kind
	path      string // "" for none, such as Unix sockets whose name is none that policies can write
	otherNS   bool   // path is that of another mount namespace than the initial one
	fileless  bool
	addr      netip.AddrPort
	unix      bool
	proto     policy.Proto
	family    uint16
	sockType  string
	operation string
	fstype    string
	id        uint32
	hasID     bool
}

// lessons are what was seen of one default of one policy.
type lessons struct {
	subject string
	seen    map[seen]bool
}

// unlearned says why nothing is learned from an alert.
type unlearned string

const (
	byRule     unlearned = "a rule denies it"
	unresolved unlearned = "the path could not be found out"
	forgotten  unlearned = "its policy is not known any more"
	tooMany    unlearned = "too much was seen already"
)

// maxSeen is how many different operations are kept.
const maxSeen = 1 << 20

// school is all that is learned in one go.
type school struct {
	policies []*policy.Policy
	mntns    uint64                                 // the initial mount namespace; 0 where it is not known
	lessons  map[*policy.Policy]map[string]*lessons // by subject
	count    int
	missed   map[unlearned]int
}

func newSchool(policies []*policy.Policy, mntns uint64) *school {
	return &school{policies: policies, mntns: mntns, lessons: make(map[*policy.Policy]map[string]*lessons), missed: make(map[unlearned]int)}
}

// learn takes an alert.
func (s *school) learn(a *engine.Alert) {
	switch a.Reason {
	case engine.ByRule:
		s.missed[byRule]++
		return
	case engine.ByUnresolved:
		s.missed[unresolved]++
		return
	}
	p, subject := s.whose(a)
	if p == nil {
		s.missed[forgotten]++
		return
	}
	op, ok := seenIn(a)
	if !ok {
		s.missed[unresolved]++
		return
	}
	op.otherNS = op.path != "" && op.path[0] != '@' && s.mntns != 0 && a.Process.MountNS != s.mntns
	if s.lessons[p] == nil {
		s.lessons[p] = make(map[string]*lessons)
	}
	l := s.lessons[p][subject]
	if l == nil {
		l = &lessons{subject: subject, seen: make(map[seen]bool)}
		s.lessons[p][subject] = l
	}
	if l.seen[op] {
		return
	}
	if s.count >= maxSeen {
		s.missed[tooMany]++
		return
	}
	s.count++
	l.seen[op] = true
}

// whose finds the policy and the subject of a default.
func (s *school) whose(a *engine.Alert) (*policy.Policy, string) {
	for _, p := range s.policies {
		if p.Name != a.Policy {
			continue
		}
		for _, d := range p.Defaults {
			if d.Pos == a.Position {
				return p, d.Subject.S
			}
		}
	}
	return nil, ""
}

// seenIn is what is learned from an alert; false where it does not say enough.
func seenIn(a *engine.Alert) (s seen, ok bool) {
	o := &a.Object
	s.kind = a.Kind
	if a.Kind == classSelf {
		return s, false
	}
	switch classOf(a.Kind) {
	case policy.ClassFile:
		s.path = o.Path
		return s, wholePath(o)
	case policy.ClassExec:
		if o.Operation == "fileless" || o.Detached {
			s.fileless = true
			return s, true
		}
		s.path = o.Path
		return s, wholePath(o)
	case policy.ClassConnect, policy.ClassBind:
		if o.Family == unix.AF_UNIX {
			s.unix, s.path = true, o.Path
			if strings.HasPrefix(o.Path, "@") {
				s.path = abstractName(o.Path)
				return s, true
			}
			return s, o.Path == "" || wholePath(o)
		}
		s.addr, s.proto = plainAddr(o.Addr), protoOf(o.Protocol)
		return s, o.Addr.IsValid()
	case policy.ClassSocket:
		s.family, s.sockType = o.Family, socketTypes[o.SocketType]
		return s, true
	case policy.ClassMount:
		s.operation, s.fstype, s.path = o.Operation, o.FSType, o.Path
		_, err := policy.ParseMountOp(o.Operation)
		return s, err == nil && (o.Path == "" || wholePath(o))
	case policy.ClassSetuid:
		s.operation = o.Operation
		if o.NewID != o.OldID {
			s.id, s.hasID = o.NewID, true
		}
		return s, via(o.Operation) != 0
	}
	return s, false
}

// madeUp are abstract names that the kernel gives sockets which ask for none: others
// the next time (unix_autobind).
var madeUp = regexp.MustCompile(`^@[0-9a-f]{5}$`)

// abstractName is a name with its @; "" where a policy cannot name it, or should not.
func abstractName(name string) string {
	visible := utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if p, err := policy.ParseUnix(name); err != nil || p.Kind != policy.Exact || !visible || madeUp.MatchString(name) {
		return ""
	}
	return name
}

// wholePath reports whether the path is one that a policy can name.
func wholePath(o *engine.Object) bool {
	return !o.PathCut && path.IsAbs(o.Path) && path.Clean(o.Path) == o.Path && !strings.ContainsRune(o.Path, 0)
}

func plainAddr(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone("").Unmap(), a.Port())
}

// protoOf is what policies call a transport protocol of the kernel's.
func protoOf(protocol uint32) policy.Proto {
	switch protocol {
	case unix.IPPROTO_TCP, unix.IPPROTO_MPTCP:
		return policy.TCP
	case unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE:
		return policy.UDP
	}
	return policy.OtherProto
}

// via is the way to another identity of an operation in alerts.
func via(operation string) policy.Via {
	if operation == "suid_exec" {
		operation = "exec"
	}
	v, _ := policy.ParseVia(operation)
	return v
}

// access is the kind of access of an alert about a file or a program.
func access(k engine.Kind) policy.Access {
	switch k {
	case "exec":
		return policy.Exec_
	case "load":
		return policy.Load
	}
	a, _ := policy.ParseAccess(string(k))
	return a
}

// op is the operation as [policy.Explain] takes it.
func (s seen) op(task policy.Task) policy.Operation {
	op := policy.Operation{
		Task: task, Class: classOf(s.kind), Path: s.path, OtherNS: s.otherNS, Fileless: s.fileless, Unix: s.unix, Addr: s.addr, Proto: s.proto,
		Family: s.family, SocketType: s.sockType, FSType: s.fstype,
	}
	switch op.Class {
	case policy.ClassFile, policy.ClassExec:
		op.Access = access(s.kind)
	case policy.ClassConnect, policy.ClassBind:
		if s.unix && s.path == "" {
			op.Path = "@" // any name
		}
	case policy.ClassMount:
		op.MountOp, _ = policy.ParseMountOp(s.operation)
	case policy.ClassSetuid:
		op.Via = via(s.operation)
		if s.hasID {
			op.IDs = []uint32{s.id}
		}
	}
	return op
}
