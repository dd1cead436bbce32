package policy

import (
	"math"
	"net/netip"

	"github.com/goccy/go-yaml/ast"
)

// The policies of ebpfguard, as its files have them: a list of items, each with the
// name of a hook for a tag. Hooks with lists have an allow and a deny list, each all or
// some; the others have a boolean.

// foreign is one policy of ebpfguard.
type foreign struct {
	hook    string
	exe     string // "" is everybody
	allowed bool   // hooks without lists
	allow   foreignList
	deny    foreignList
	pos     Position
}

// foreignList is all, or what is in a list.
type foreignList struct {
	all       bool
	paths     []Pattern
	ports     []PortRange
	addresses []Network
}

func (l foreignList) len() int { return len(l.paths) + len(l.ports) + len(l.addresses) }

// foreignLists are the tags of the lists, by hook.
var foreignLists = map[string]string{"file_open": "!paths", "socket_bind": "!ports", "socket_connect": "!addresses"}

var foreignHooks = []string{"file_open", "sb_mount", "sb_remount", "sb_umount", "task_fix_setuid", "socket_bind", "socket_connect"}

// foreignPolicies reads a file of ebpfguard.
func (d *decoder) foreignPolicies(data []byte) []foreign {
	var all []foreign
	for _, doc := range d.documents(data) {
		if doc.Body == nil {
			continue
		}
		if _, ok := doc.Body.(*ast.SequenceNode); !ok {
			d.add(d.pos(doc.Body), "a file of ebpfguard is a list of policies such as \"- !file_open\", not %s", kind(doc.Body))
			continue
		}
		for _, item := range d.items(doc.Body, "policies") {
			if d.full() {
				return nil
			}
			if f, ok := d.foreign(item); ok {
				all = append(all, f)
			}
		}
	}
	if len(all) == 0 && len(d.errs) == 0 {
		d.add(d.at(1, 1), "no policy of ebpfguard in this file")
	}
	return all
}

func (d *decoder) foreign(n ast.Node) (f foreign, ok bool) {
	tag, value := tagged(n)
	f.pos = d.pos(n)
	for _, hook := range foreignHooks {
		if tag == "!"+hook {
			f.hook = hook
		}
	}
	if f.hook == "" {
		d.add(f.pos, "a policy of ebpfguard has one of the tags !%s, not %s", choices(foreignHooks), quote(tag))
		return f, false
	}
	list, lists := foreignLists[f.hook]
	keys := []string{"subject", "allow"}
	if lists {
		keys = append(keys, "deny")
	}
	values := d.fields(value, f.hook, keys...)
	for _, key := range keys {
		if values[key] == nil {
			d.add(f.pos, "%s has no %s", f.hook, key)
			return f, false
		}
	}
	d.foreignSubject(values["subject"], &f)
	if !lists {
		f.allowed = d.boolean(values["allow"], "allow")
		return f, true
	}
	f.allow = d.foreignList(values["allow"], list)
	f.deny = d.foreignList(values["deny"], list)
	return f, true
}

// tagged takes a tag off a node.
func tagged(n ast.Node) (tag string, value ast.Node) {
	if t, ok := n.(*ast.TagNode); ok && t.Start != nil && t.Value != nil {
		return t.Start.Value, t.Value
	}
	return "", n
}

func (d *decoder) foreignSubject(n ast.Node, f *foreign) {
	tag, value := tagged(n)
	t, ok := d.text(value, "the subject")
	switch {
	case !ok:
	case tag == "" && t.S == "all":
	case tag == "!binary":
		if err := cleanPath(t.S); err != nil {
			d.add(t.Pos, "%v", err)
		} else if glob := globIn(t.S); glob != "" {
			d.add(t.Pos, "%s has %s", quote(t.S), glob)
		}
		f.exe = t.S
	default:
		d.add(d.pos(n), "the subject is all or !binary PATH, not %s", quote(t.S))
	}
}

func (d *decoder) foreignList(n ast.Node, want string) (l foreignList) {
	tag, value := tagged(n)
	if tag == "" {
		if t, ok := d.text(n, "the list"); ok && t.S != "all" {
			d.add(t.Pos, "the list is all or %s [...], not %s", want, quote(t.S))
		}
		l.all = true
		return l
	}
	s, ok := value.(*ast.SequenceNode)
	if tag != want || !ok {
		d.add(d.pos(n), "the list is all or %s [...], not %s", want, kind(n))
		return l
	}
	// The first place of an empty list has what all has there.
	l.all = len(s.Values) == 0
	for _, item := range s.Values {
		t, ok := d.text(item, "an item of "+want)
		if !ok {
			continue
		}
		switch want {
		case "!paths":
			p, err := ParsePattern(t.S)
			if err == nil && p.Kind != Exact {
				p, err = Pattern{}, errNoPatterns
			}
			if err != nil {
				d.add(t.Pos, "%v", err)
				continue
			}
			l.paths = append(l.paths, p)
			if p.Path != "/" {
				l.paths = append(l.paths, Pattern{Kind: Subtree, Path: p.Path})
			} else {
				l.paths[len(l.paths)-1].Kind = Subtree
			}
		case "!ports":
			port, err := number(t.S, t.S, math.MaxUint16)
			if err != nil || port == 0 {
				d.add(t.Pos, "%s is no port from 1 to 65535", quote(t.S))
				continue
			}
			l.ports = append(l.ports, PortRange{First: uint16(port), Last: uint16(port)})
		case "!addresses":
			addr, err := netip.ParseAddr(t.S)
			if err != nil || addr.Zone() != "" {
				d.add(t.Pos, "%s is no address such as 192.0.2.1 or 2001:db8::1", quote(t.S))
				continue
			}
			addr = addr.Unmap()
			l.addresses = append(l.addresses, Network{Prefix: netip.PrefixFrom(addr, addr.BitLen())})
		}
	}
	return l
}
