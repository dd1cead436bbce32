package policy

import (
	"net/netip"
)

// about says whether a rule is about an operation, whoever does it.
//
// Where something about the operation could not be found out, a rule that denies is
// about it and one that allows is not; where it is a path, the policy can say that it
// is the other way round.
func (r *Rule) about(op *Operation, unresolved Action) bool {
	m := matcher{r, op, unresolved == r.Action}
	switch op.Class {
	case ClassFile:
		return r.File != nil && m.file(r.File)
	case ClassExec:
		return r.Exec != nil && m.exec(r.Exec)
	case ClassConnect:
		return r.Connect != nil && m.connect(r.Connect)
	case ClassBind:
		return r.Bind != nil && m.bind(r.Bind)
	case ClassSocket:
		return r.Socket != nil && m.socket(r.Socket)
	case ClassMount:
		return r.Mount != nil && m.mount(r.Mount)
	case ClassSetuid:
		return r.Setuid != nil && m.setuid(r.Setuid)
	}
	return false
}

type matcher struct {
	*Rule
	op         *Operation
	unresolved bool // a path that could not be found out matches
}

// path compares the path of the operation.
func (m matcher) path(patterns []Pattern) bool {
	if m.op.Path == "" {
		return len(patterns) > 0 && m.unresolved
	}
	if m.op.Path[0] != '@' && !m.View.counts(m.Action, m.op.OtherNS) {
		return false
	}
	return anyOf(patterns, func(p Pattern) bool { return p.Matches(m.op.Path) })
}

// filePath compares the path of a file, which is also known by its inode. Without
// inodes, a file in another mount namespace is another one.
func (m matcher) filePath(patterns []Pattern) bool {
	if m.Identity == ByInode && m.op.OtherNS && m.op.Path != "" {
		return false
	}
	return m.path(patterns)
}

func (m matcher) file(f *File) bool {
	return f.Access&m.op.Access != 0 &&
		(f.Owner == AnyOwner || (f.Owner == OwnFile) == m.op.OwnFile) &&
		(!m.op.OpenBefore || f.OpenBefore && m.Action == Deny) &&
		m.filePath(f.Paths)
}

func (m matcher) exec(e *Exec) bool {
	if m.op.Access == Load && !e.Loader {
		return false
	}
	if e.NoArgs && m.op.NoArgs && m.op.Access == Exec_ || e.Fileless && m.op.Fileless {
		return true
	}
	if m.op.Fileless {
		// It is below no directory. Who denies all of them denies it too.
		return m.Action == Deny && anyOf(e.Paths, func(p Pattern) bool { return p.Kind == Subtree && p.Path == "/" })
	}
	return m.filePath(e.Paths)
}

func (m matcher) connect(c *Connect) bool {
	if m.op.Unix {
		return c.AllUnix() || m.path(c.Unix)
	}
	addr := plain(m.op.Addr)
	switch addr {
	case netip.IPv4Unspecified():
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		addr = netip.IPv6Loopback()
	}
	return c.Proto&m.op.Proto != 0 && inNetworks(c.To, addr) && inPorts(c.Ports, m.op.Addr.Port())
}

func (m matcher) bind(b *Bind) bool {
	if m.op.Unix {
		return b.AllUnix() || m.path(b.Unix)
	}
	return b.Proto&m.op.Proto != 0 && inNetworks(b.To, plain(m.op.Addr)) && m.bindsPort(b.Ports)
}

// bindsPort compares the port of a bind, or the range that stands for port 0.
func (m matcher) bindsPort(ports []PortRange) bool {
	port := m.op.Addr.Port()
	if port != 0 || inPorts(ports, 0) {
		return inPorts(ports, port)
	}
	ephemeral := m.op.Ephemeral
	if ephemeral.Last == 0 {
		ephemeral = DefaultEphemeral
	}
	if m.Action == Deny {
		return anyOf(ports, func(r PortRange) bool { return r.First <= ephemeral.Last && ephemeral.First <= r.Last })
	}
	return covers(ports, ephemeral)
}

// covers says whether every port of a range is in one of the others.
func covers(ports []PortRange, whole PortRange) bool {
	next := int(whole.First)
	for next <= int(whole.Last) {
		before := next
		for _, r := range ports {
			if int(r.First) <= next && next <= int(r.Last) {
				next = int(r.Last) + 1
			}
		}
		if next == before {
			return false
		}
	}
	return true
}

// plain returns an address as policies have it: without a zone, and IPv4 as such.
func plain(a netip.AddrPort) netip.Addr { return a.Addr().WithZone("").Unmap() }

func inNetworks(networks []Network, addr netip.Addr) bool {
	return len(networks) == 0 || anyOf(networks, func(n Network) bool { return n.Prefix.Contains(addr) })
}

func inPorts(ports []PortRange, port uint16) bool {
	return len(ports) == 0 || anyOf(ports, func(r PortRange) bool { return r.First <= port && port <= r.Last })
}

func (m matcher) socket(s *Socket) bool {
	return (len(s.Families) == 0 || anyOf(s.Families, func(f Family) bool { return f.Number == m.op.Family })) &&
		(len(s.Types) == 0 || anyOf(s.Types, func(t Text) bool { return t.S == m.op.SocketType }))
}

func (m matcher) mount(mount *Mount) bool {
	if mount.Ops&m.op.MountOp == 0 || len(mount.Targets) > 0 && !m.path(mount.Targets) {
		return false
	}
	if len(mount.FSType) == 0 {
		return true
	}
	if m.op.FSType == "" {
		return m.Action == Deny
	}
	return anyOf(mount.FSType, func(t Text) bool { return t.S == m.op.FSType })
}

func (m matcher) setuid(s *Setuid) bool {
	if s.Via&m.op.Via == 0 {
		return false
	}
	if len(s.To) == 0 {
		return true
	}
	named := func(id uint32) bool { return anyOf(s.To, func(r IDRange) bool { return r.contains(id) }) }
	if m.Action == Deny {
		return len(m.op.IDs) == 0 || anyOf(m.op.IDs, named)
	}
	return len(m.op.IDs) > 0 && !anyOf(m.op.IDs, func(id uint32) bool { return !named(id) })
}

// BindsEphemeral says whether a rule with these ports is about a bind to port 0, for
// which the kernel chooses a port of the range.
func BindsEphemeral(ports []PortRange, action Action, ephemeral PortRange) bool {
	return matcher{&Rule{Action: action}, &Operation{Ephemeral: ephemeral}, false}.bindsPort(ports)
}
