package policy

import "slices"

func formatSubject(s *Subject) node {
	var m mapping
	if len(s.Exe) > 0 {
		m.add("exe", strs(s.Exe))
	}
	if s.Descendants {
		m.add("descendants", bare("true"))
	}
	if len(s.Cgroup) > 0 {
		m.add("cgroup", texts(s.Cgroup))
	}
	if len(s.Container) > 0 {
		m.add("container", texts(s.Container))
	}
	if len(s.UID) > 0 {
		m.add("uid", strs(s.UID))
	}
	if len(s.Not) > 0 {
		m.add("not", texts(s.Not))
	}
	if s.View != ViewStrict {
		m.add("view", named(s.View, views))
	}
	return m
}

func formatDefaults(defaults []Default) mapping {
	var m mapping
	for _, def := range defaults {
		i := slices.IndexFunc(m, func(p pairOf) bool { return p.key == def.Subject.S })
		if i < 0 {
			i = len(m)
			m.add(def.Subject.S, mapping(nil))
		}
		classes := m[i].value.(mapping)
		for _, w := range classKeys {
			if w.value.Class != def.Class {
				continue
			}
			if w.value.Access == def.Access || w.value.Access != AccessAll && w.value.Access&def.Access != 0 && def.Access != AccessAll {
				classes.add(w.name, named(def.Action, actions))
			}
		}
		m[i].value = classes
	}
	return m
}

func formatSelector(p *Policy, s Selector) node {
	if len(s.Except) == 0 {
		return formatMembers(p, s.Any)
	}
	return mapping{{"any", formatMembers(p, s.Any)}, {"except", formatMembers(p, s.Except)}}
}

func formatMembers(p *Policy, names []Text) node {
	var all sequence
	for _, name := range names {
		if s := p.Subject(name.S); s != nil && s.Anonymous() {
			all = append(all, formatSubject(s))
		} else {
			all = append(all, scalar(name.S))
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func formatRule(p *Policy, r *Rule) mapping {
	m := mapping{{"id", scalar(r.ID)}, {"subject", formatSelector(p, r.Subject)}, {"action", named(r.Action, actions)}}
	if r.Audit {
		m.add("mode", scalar("audit"))
	}
	if r.Message != "" {
		m.add("message", scalar(r.Message))
	}
	if r.Identity != ByBoth {
		m.add("identity", named(r.Identity, identities))
	}
	if r.View != ViewStrict {
		m.add("view", named(r.View, views))
	}
	if r.Kill {
		m.add("signal", scalar("KILL"))
	}
	if r.File != nil {
		m.add("file", formatFile(r.File))
	}
	if r.Exec != nil {
		m.add("exec", formatExec(r.Exec, r.Action))
	}
	if c := r.Connect; c != nil {
		m.add("connect", formatAddresses(c.To, c.Ports, c.Proto, c.Unix))
	}
	if b := r.Bind; b != nil {
		m.add("bind", formatAddresses(b.To, b.Ports, b.Proto, b.Unix))
	}
	if r.Socket != nil {
		m.add("socket", formatSocket(r.Socket))
	}
	if r.Mount != nil {
		m.add("mount", formatMount(r.Mount))
	}
	if r.Setuid != nil {
		m.add("setuid", formatSetuid(r.Setuid))
	}
	return m
}

func formatFile(f *File) node {
	m := mapping{{"paths", strs(f.Paths)}}
	if f.Access != AccessAll {
		m.add("access", words(f.Access, accesses))
	}
	if f.Owner != AnyOwner {
		m.add("owner", named(f.Owner, owners))
	}
	if f.OpenBefore {
		m.add("open_before", scalar("deny"))
	}
	return m
}

func formatExec(e *Exec, action Action) node {
	var m mapping
	if len(e.Paths) > 0 {
		m.add("paths", strs(e.Paths))
	}
	if e.Fileless {
		m.add("fileless", bare("true"))
	}
	if e.NoArgs {
		m.add("no_args", bare("true"))
	}
	if deny := action == Deny; e.Loader && !deny {
		m.add("loader", bare("true"))
	} else if !e.Loader && deny {
		m.add("loader", bare("false"))
	}
	return m
}

func formatAddresses(to []Network, ports []PortRange, proto Proto, unix []Pattern) node {
	var m mapping
	if len(to) > 0 {
		m.add("to", strs(to))
	}
	if len(ports) > 0 {
		m.add("ports", strs(ports))
	}
	unixOnly := len(unix) > 0 && len(to) == 0 && len(ports) == 0
	if proto != 0 && (proto != ProtoAll || unixOnly) {
		m.add("proto", words(proto, protos))
	}
	if len(unix) > 0 {
		m.add("unix", strs(unix))
	}
	return m
}

func formatSocket(s *Socket) node {
	var m mapping
	if len(s.Families) > 0 {
		m.add("families", strs(s.Families))
	}
	if len(s.Types) > 0 {
		m.add("types", texts(s.Types))
	}
	return m
}

func formatMount(mount *Mount) node {
	var m mapping
	if mount.Ops != MountAll {
		m.add("ops", words(mount.Ops, mountOps))
	}
	if len(mount.FSType) > 0 {
		m.add("fstype", texts(mount.FSType))
	}
	if len(mount.Targets) > 0 {
		m.add("targets", strs(mount.Targets))
	}
	return m
}

func formatSetuid(s *Setuid) node {
	var m mapping
	if len(s.To) > 0 {
		m.add("to", strs(s.To))
	}
	if s.Via != ViaDefault {
		m.add("via", words(s.Via, vias))
	}
	return m
}
