package policy

import (
	"fmt"
	"math"
	"path"
	"slices"
)

// The files without which nobody starts a program, on the distributions that we know.
// What is not there can be denied, and who denies it means the others too.
var (
	loaders = []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"}
	libcs   = []string{"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6"}
)

const (
	initProgram = "/sbin/init"
	shell       = "/bin/sh"
	loaderCache = "/etc/ld.so.cache"
	bpffs       = "/sys/fs/bpf"
)

// probe is an operation that nobody can do without.
type probe struct {
	op   Operation
	what string
}

// probes returns what must go on to be possible. Files count by the names that they
// have and by those that links lead to.
func (c *checker) probes() []probe {
	var all []probe
	exec := func(access Access, what string, files ...string) {
		for _, file := range c.followed(files) {
			all = append(all, probe{Operation{Class: ClassExec, Access: access, Path: file}, what + quote(file)})
		}
	}
	file := func(access Access, what string, files ...string) {
		for _, file := range c.followed(files) {
			all = append(all, probe{Operation{Class: ClassFile, Access: access, Path: file}, what + quote(file)})
		}
	}
	exec(Exec_, "execute ", loaders...)
	exec(Load, "load ", loaders...)
	exec(Load, "load ", libcs...)
	exec(Exec_, "execute ", initProgram, shell)
	file(Read, "read ", loaders...)
	file(Read, "read ", libcs...)
	file(Read, "read ", loaderCache, initProgram, shell)
	if c.Guard != "" {
		exec(Exec_, "execute ", c.Guard)
		file(Read, "read ", c.Guard)
	}
	file(Read, "read ", bpffs, path.Join(bpffs, "guard"))
	file(Write, "write ", path.Join(bpffs, "guard"))
	file(Create, "create ", path.Join(bpffs, "guard"))
	file(Delete, "delete ", path.Join(bpffs, "guard"))
	return all
}

// followed returns the files, and where they lead.
func (c *checker) followed(files []string) []string {
	if c.System == nil {
		return files
	}
	var all []string
	for _, file := range files {
		all = append(all, file)
		if target, err := c.System.Follow(file); err == nil && target != file {
			all = append(all, target)
		}
	}
	return all
}

// lockouts looks for what would leave a machine that nobody can use: something that
// everybody needs and that is denied to everybody, or to everybody of a user id.
func (c *checker) lockouts() {
	probes := c.probes()
	type lockout struct {
		decision Decision
		what     []string
	}
	var found []*lockout
	for _, task := range []Task{{UID: math.MaxUint32 - 1}, {UID: 0}} {
		for _, probe := range probes {
			probe.op.Task = task
			v := Explain(c.policies, probe.op)
			if v.Action == Allow && v.Mode == Enforce || hasExceptions(v.Decision) {
				continue
			}
			i := slices.IndexFunc(found, func(l *lockout) bool { return l.decision == v.Decision })
			if i < 0 {
				found = append(found, &lockout{v.Decision, []string{probe.what}})
			} else if !slices.Contains(found[i].what, probe.what) {
				found[i].what = append(found[i].what, probe.what)
			}
		}
		op := Operation{Task: task, Class: ClassSetuid, Via: ViaSetuid, IDs: []uint32{0}}
		if v := Explain(c.policies, op); task.UID != 0 && v.Action == Deny && !hasExceptions(v.Decision) {
			c.warn(v.Decision.Pos(), "setuid-root", "nobody can become root, so that sudo, su and logins of root end; "+
				"who is root goes on to be")
		}
	}
	for _, l := range found {
		more := ""
		if n := len(l.what) - 1; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		if l.decision.Enforced() {
			c.find(Fatal, l.decision.Pos(), "lock-out", "nobody could %s%s, and the machine could not be used any more; "+
				"make an exception, or name less", l.what[0], more)
		} else {
			c.warn(l.decision.Pos(), "lock-out", "once this is enforced, nobody could %s%s, and the machine could not be used any more",
				l.what[0], more)
		}
	}
}

// hasExceptions says whether who is denied by name leaves somebody who is not.
func hasExceptions(d Decision) bool {
	subjects := []Text{}
	if d.Rule != nil {
		if anyOf(d.Rule.Subject.Except, func(t Text) bool { return t.S != SubjectNone }) {
			return true
		}
		subjects = d.Rule.Subject.Any
	} else if d.Default != nil {
		subjects = []Text{d.Default.Subject}
	}
	return !anyOf(subjects, func(t Text) bool {
		s := d.Policy.Subject(t.S)
		return t.S == SubjectAll || s != nil && len(s.Not) == 0
	})
}
