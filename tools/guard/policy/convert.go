package policy

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var errNoPatterns = errors.New("ebpfguard has no patterns; a path is a file or a directory with all below it")

// FromEbpfguard converts a file of ebpfguard (github.com/deepfence/ebpfguard) to a
// policy that enforces what the file says. Its first lines are comments that tell where
// the verdict is another one than there. The error for what cannot be read is
// [Errors].
func FromEbpfguard(name string, data []byte) ([]byte, error) {
	s := newSet()
	s.files = append(s.files, name)
	d := &decoder{set: s, name: name, tags: true}
	policies := d.foreignPolicies(data)
	if err := s.err(); err != nil {
		return nil, err
	}
	c := &converter{policy: &Policy{Name: policyName(name), Mode: Enforce, OnUnresolved: Deny}, exes: make(map[string]string)}
	for _, hook := range foreignHooks {
		c.hook(hook, policies)
	}
	if len(c.policy.Rules)+len(c.policy.Defaults) == 0 {
		d.add(d.at(1, 1), "nothing in this file denies anything")
		return nil, s.err()
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Converted from %s, a file of ebpfguard. Where the verdict is another one than there:\n", quote(path.Base(name)))
	for _, note := range slices.Concat(c.general(), c.notes) {
		fmt.Fprintf(&b, "# - %s\n", visible(note))
	}
	b.Write(Format(c.policy))
	return b.Bytes(), nil
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// policyName makes a name of that of a file.
func policyName(file string) string {
	return nameOf(strings.TrimSuffix(path.Base(file), path.Ext(file)), "ebpfguard")
}

func nameOf(text, otherwise string) string {
	name := strings.TrimLeft(notInNames.ReplaceAllString(text, "-"), ".-")
	if len(name) > maxID/2 {
		name = name[:maxID/2]
	}
	if name == "" {
		return otherwise
	}
	return name
}

type converter struct {
	policy *Policy
	notes  []string
	exes   map[string]string // names of subjects by path
}

func (c *converter) note(rule, format string, args ...any) {
	c.notes = append(c.notes, rule+": "+fmt.Sprintf(format, args...))
}

// general returns the notes that are about no rule in particular.
func (c *converter) general() []string {
	notes := []string{
		"files and programs are known by path and by inode with device; there by the number of the inode alone",
	}
	for _, r := range c.policy.Rules {
		if anyOf(r.Subject.Any, func(t Text) bool { return t.S == SubjectAll }) {
			return append(notes, "all is not process 1, but for connect and bind, and not the kernel's threads; there it is everybody")
		}
	}
	return notes
}

// subject returns the name of a program's subject, or all.
func (c *converter) subject(exe string) Text {
	if exe == "" {
		return Text{S: SubjectAll}
	}
	if name, ok := c.exes[exe]; ok {
		return Text{S: name}
	}
	base := nameOf(path.Base(exe), "program")
	name := base
	for n := 2; slices.Contains(builtin, name) || c.policy.Subject(name) != nil; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	c.exes[exe] = name
	c.policy.Subjects = append(c.policy.Subjects, &Subject{Name: name, Exe: []Pattern{{Path: exe}}})
	return Text{S: name}
}

// rule adds a rule, without what it is about.
func (c *converter) rule(hook string, action Action, subject Selector) *Rule {
	prefix := strings.ReplaceAll(hook, "_", "-")
	count := 1
	for _, r := range c.policy.Rules {
		if strings.HasPrefix(r.ID, prefix+"-") {
			count++
		}
	}
	r := &Rule{ID: fmt.Sprintf("%s-%d", prefix, count), Action: action, Subject: subject}
	c.policy.Rules = append(c.policy.Rules, r)
	return r
}

// hook converts the policies of one hook. Of several for a subject the last one counts.
func (c *converter) hook(hook string, all []foreign) {
	var policies []foreign
	for _, f := range all {
		if f.hook != hook {
			continue
		}
		if i := slices.IndexFunc(policies, func(o foreign) bool { return o.exe == f.exe }); i >= 0 {
			policies[i] = f
		} else {
			policies = append(policies, f)
		}
	}
	if len(policies) == 0 {
		return
	}
	if _, lists := foreignLists[hook]; lists {
		c.lists(hook, policies)
	} else {
		c.booleans(hook, policies)
	}
}

// booleans converts the policies of a hook without lists: who is denied, and of all,
// who is not.
func (c *converter) booleans(hook string, policies []foreign) {
	about := func(r *Rule) {
		switch hook {
		case "sb_mount":
			r.Mount = &Mount{Ops: MountNew | MountBind | MountMove | MountRemount | MountPropagation}
			c.note(r.ID, "fsopen, fsmount and move_mount are denied as well; there they go round")
		case "sb_remount":
			r.Mount = &Mount{Ops: MountRemount}
			c.note(r.ID, "remounting a bind mount counts; there it does not")
		case "sb_umount":
			r.Mount = &Mount{Ops: MountUmount}
		case "task_fix_setuid":
			r.Setuid = &Setuid{Via: ViaSetuid}
			c.note(r.ID, "changing to the id that one has is not denied; there it is")
		}
	}
	i := slices.IndexFunc(policies, func(f foreign) bool { return f.exe == "" })
	if i >= 0 && !policies[i].allowed {
		s := Selector{Any: []Text{{S: SubjectAll}}}
		for _, f := range policies {
			if f.exe != "" && f.allowed {
				s.Except = append(s.Except, c.subject(f.exe))
			}
		}
		about(c.rule(hook, Deny, s))
		return
	}
	for _, f := range policies {
		if f.exe == "" || f.allowed {
			continue
		}
		r := c.rule(hook, Deny, Selector{Any: []Text{c.subject(f.exe)}})
		about(r)
		if i < 0 {
			c.note(r.ID, noCompanion)
		}
	}
}

const noCompanion = "it has an effect; there it has none without a policy for all"

// lists converts the policies of a hook with lists.
func (c *converter) lists(hook string, policies []foreign) {
	everybody := slices.IndexFunc(policies, func(f foreign) bool { return f.exe == "" })
	allowlist := everybody >= 0 && policies[everybody].deny.all && !policies[everybody].allow.all
	denylist := everybody >= 0 && policies[everybody].allow.all
	for _, f := range policies {
		before := len(c.policy.Rules)
		s := Selector{Any: []Text{c.subject(f.exe)}}
		switch {
		case f.deny.all && f.allow.all:
			// Of one program this is all or nothing, as the policy for all says.
			if f.exe != "" && allowlist {
				c.about(c.rule(hook, Allow, s), hook, f.allow)
			} else {
				c.about(c.rule(hook, Deny, s), hook, f.deny)
			}
		case f.deny.all:
			c.restrict(hook, f, s)
			if f.exe != "" && denylist {
				c.note(c.policy.Rules[before].ID, "what the list has is allowed; there the list is not read, and everything denied")
			}
		default:
			if f.deny.len() > 0 {
				c.about(c.rule(hook, Deny, s), hook, f.deny)
			}
			if f.exe != "" && allowlist {
				c.about(c.rule(hook, Allow, s), hook, f.allow)
				c.note(c.policy.Rules[before].ID, "what the list has is denied; there the list is not read")
			} else if !f.allow.all {
				c.note(c.policy.Rules[before].ID, "it has an effect; there two lists without all have none")
			}
		}
		if len(c.policy.Rules) == before {
			continue
		}
		r := c.policy.Rules[before]
		if f.exe != "" && everybody < 0 {
			c.note(r.ID, noCompanion)
		}
		most := map[string]int{"file_open": 6, "socket_bind": 3, "socket_connect": 1}[hook]
		if max(f.allow.len(), f.deny.len()) > most {
			c.note(r.ID, "all of a list counts; there the first three paths, the first three ports, one address of each family")
		}
	}
}

// restrict denies everything but a list.
func (c *converter) restrict(hook string, f foreign, s Selector) {
	r := c.rule(hook, Allow, s)
	c.about(r, hook, f.allow)
	deny := func(class Class, access Access) {
		c.policy.Defaults = append(c.policy.Defaults, Default{Subject: s.Any[0], Class: class, Access: access, Action: Deny})
	}
	unix := func() *Rule {
		r := c.rule(hook, Allow, s)
		r.View = ViewTask
		return r
	}
	sockets := []Pattern{{Kind: Subtree, Path: "/"}, {Kind: Subtree, Path: "@"}}
	switch hook {
	case "file_open":
		deny(ClassFile, Read)
		deny(ClassFile, Write)
	case "socket_bind":
		deny(ClassBind, 0)
		r.Bind.Ports = append(r.Bind.Ports, PortRange{})
		unix().Bind = &Bind{Unix: sockets}
	case "socket_connect":
		deny(ClassConnect, 0)
		unix().Connect = &Connect{Unix: sockets}
	}
}

// about says what a rule is about: a list, or all.
func (c *converter) about(r *Rule, hook string, l foreignList) {
	switch hook {
	case "file_open":
		r.File = &File{Paths: l.paths, Access: Read | Write}
		if l.all {
			r.File.Paths = []Pattern{{Kind: Subtree, Path: "/"}}
		}
		if r.Action == Deny {
			c.note(r.ID, "truncating by name, and directories deeper than 16 or on another mount, count; there they do not")
		}
	case "socket_bind":
		r.Bind = &Bind{Ports: l.ports, Proto: ProtoAll}
		if l.all {
			r.Bind.Ports = []PortRange{{First: 0, Last: 65535}}
		}
		if r.Action == Deny || !l.all {
			c.note(r.ID, "addresses of IPv6 count; there every bind to one is allowed")
		}
		if r.Action == Deny && inPorts(r.Bind.Ports, DefaultEphemeral.First) {
			c.note(r.ID, "a bind to port 0 counts; there it is allowed")
		}
	case "socket_connect":
		r.Connect = &Connect{To: l.addresses, Proto: ProtoAll}
		if l.all {
			r.Connect.To = slices.Clone(everyNetwork) // and no Unix socket
		}
		if r.Action == Deny || !l.all {
			c.note(r.ID, "sending without a connect, and addresses of IPv4 written as IPv6, count; there they do not")
		}
	}
}
