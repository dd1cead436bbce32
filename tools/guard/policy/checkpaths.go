package policy

import (
	"errors"
	"io/fs"
)

// missing tells what is not there.
func (c *checker) missing(pos Position, code, format string, args ...any) {
	severity := Warning
	if c.Strict {
		severity = Fatal
	}
	c.find(severity, pos, code, format, args...)
}

// subjects looks for what the subjects of a policy name.
func (c *checker) subjects(p *Policy) {
	if c.System == nil {
		return
	}
	for _, s := range p.Subjects {
		if s.View != ViewTask {
			c.patterns(s.Exe, "no task executes it", true)
		}
		for _, dir := range s.Cgroup {
			if _, err := c.System.Cgroup(dir.S); errors.Is(err, fs.ErrNotExist) {
				c.missing(dir.Pos, "no-such-cgroup", "there is no cgroup %s now", quote(dir.S))
			}
		}
		for _, id := range s.Container {
			if _, err := c.System.Container(id.S); errors.Is(err, fs.ErrNotExist) {
				c.missing(id.Pos, "no-such-container", "there is no container %s now", quote(id.S))
			}
		}
		for _, uid := range s.UID {
			c.name(uid, true, false)
		}
	}
}

// ids looks for the users and groups of a rule.
func (c *checker) ids(r *Rule) {
	if c.System == nil || r.Setuid == nil {
		return
	}
	for _, id := range r.Setuid.To {
		c.name(id, r.Setuid.Via&viaUser != 0, r.Setuid.Via&viaGroup != 0)
	}
}

func (c *checker) name(id IDRange, user, group bool) {
	if id.Name == "" {
		return
	}
	if user {
		if _, err := c.System.User(id.Name); errors.Is(err, fs.ErrNotExist) {
			c.missing(id.Pos, "no-such-user", "there is no user %s here", quote(id.Name))
		}
	}
	if group {
		if _, err := c.System.Group(id.Name); errors.Is(err, fs.ErrNotExist) {
			c.missing(id.Pos, "no-such-group", "there is no group %s here", quote(id.Name))
		}
	}
}

// rulePaths looks for the paths of a rule. Those that only tasks elsewhere see are not
// here, and those of files that come later need not be yet.
func (c *checker) rulePaths(r *Rule) {
	if c.System == nil || r.View == ViewTask {
		return
	}
	later := r.Identity == ByPath
	if r.File != nil {
		c.patterns(r.File.Paths, "nothing is protected now", !later && r.File.Access != Create)
	}
	if r.Exec != nil {
		c.patterns(r.Exec.Paths, "nothing executes it now", !later)
	}
	if r.Mount != nil {
		c.patterns(r.Mount.Targets, "nothing can be mounted there now", !later)
	}
	// The socket of a service is there while it runs.
	if r.Connect != nil {
		c.patterns(r.Connect.Unix, "", false)
	}
	if r.Bind != nil {
		c.patterns(r.Bind.Unix, "", false)
	}
}

func (c *checker) patterns(patterns []Pattern, consequence string, mustExist bool) {
	for _, p := range patterns {
		if p.Kind == Name || p.Kind == Suffix || p.Path[0] != '/' {
			continue
		}
		target, err := c.System.Follow(p.Path)
		if target != p.Path && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			real := p
			real.Path = target
			c.warn(p.Pos, "symlink", "%s leads to %s through a link; paths are compared behind links, so write %s",
				quote(p.Path), quote(target), quote(real.String()))
		}
		if mustExist && errors.Is(err, fs.ErrNotExist) {
			c.missing(p.Pos, "no-such-file", "there is no %s; %s", quote(p.Path), consequence)
		}
	}
}
