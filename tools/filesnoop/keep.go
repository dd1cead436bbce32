package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// newJudge returns what filters and judges.
func newJudge(cfg *config) (*judge, error) {
	j := &judge{filter: filters(cfg)}
	if cfg.judges() {
		c, err := cfg.ruleConfig()
		if err != nil {
			return nil, err
		}
		j.engine = rules.New(c)
	}
	return j, nil
}

// newKeeper returns what decides which of the events that were judged are printed.
// Where there are rows in place of events, none is.
func newKeeper(cfg *config, env *command.Env) func(*event) bool {
	r := newRows(cfg, env.Stdout)
	if r == nil || env.Check {
		return func(e *event) bool { return e.passed && printed(cfg, e) }
	}
	cfg.idle, cfg.ended = r.idle, r.flush
	return func(e *event) bool {
		// Where a row cannot be written, writing the event fails as well.
		return e.passed && printed(cfg, e) && r.see(e) != nil
	}
}

// printed reports whether an event is one of those that the table or the flags have.
func printed(cfg *config, e *event) bool {
	if cfg.alertOnly && e.verdict.Alert == nil {
		return false
	}
	switch cfg.format {
	case "classic":
		return classicType(e.op()) != ""
	case "filelife":
		return e.op() == opDelete && e.age >= 0
	}
	return true
}

// filters are what the kernel cannot decide: names, and paths that are whole only
// here. nil where there are none.
func filters(cfg *config) func(*event) bool {
	var tests []func(*event) bool
	if cfg.name != "" {
		name := []byte(cfg.name)
		tests = append(tests, func(e *event) bool { return bytes.Contains(e.Comm, name) })
	}
	if len(cfg.paths) > 0 {
		tests = append(tests, func(e *event) bool { return e.any(func(p []byte) bool { return isBelow(cfg.paths, p) }) })
	}
	if len(cfg.notPaths) > 0 {
		tests = append(tests, func(e *event) bool { return !e.all(func(p []byte) bool { return isBelow(cfg.notPaths, p) }) })
	}
	if len(cfg.globs) > 0 {
		tests = append(tests, func(e *event) bool {
			return e.any(func(p []byte) bool {
				for _, g := range cfg.globs {
					if g.match(string(p)) {
						return true
					}
				}
				return false
			})
		})
	}
	if len(tests) == 0 {
		return nil
	}
	return func(e *event) bool {
		for _, test := range tests {
			if !test(e) {
				return false
			}
		}
		return true
	}
}

// any reports whether one of the event's paths passes. The target of a symbolic
// link is none of them.
func (e *event) any(test func([]byte) bool) bool {
	return e.path != nil && test(e.path) || e.path2 != nil && e.op() != opSymlink && test(e.path2)
}

// all reports whether every path of the event passes, and there is one.
func (e *event) all(test func([]byte) bool) bool {
	return e.path != nil && test(e.path) && (e.path2 == nil || e.op() == opSymlink || test(e.path2))
}

// isBelow reports whether p is one of the files or below one of the directories.
func isBelow(dirs []string, p []byte) bool {
	for _, dir := range dirs {
		dir = strings.TrimRight(dir, "/")
		if len(p) >= len(dir) && string(p[:len(dir)]) == dir && (len(p) == len(dir) || p[len(dir)] == '/') {
			return true
		}
	}
	return false
}

// glob is a pattern for paths.
type glob struct {
	parts []string // between slashes; ** is any number of them
	base  bool     // for the last name alone
}

func globFlag(name, letter, value, usage string, p *[]*glob) command.Flag {
	var texts []string
	return command.Parsed(name, letter, value, usage, p, func(s string) ([]*glob, error) {
		texts = append(texts, s)
		g, err := parseGlob(s)
		if err != nil {
			return nil, err
		}
		return append(*p, g), nil
	})
}

func parseGlob(s string) (*glob, error) {
	if s == "" {
		return nil, fmt.Errorf("want a pattern such as *.conf or /etc/**")
	}
	g := &glob{parts: strings.Split(strings.TrimPrefix(s, "/"), "/"), base: !strings.Contains(s, "/")}
	if !g.base && !strings.HasPrefix(s, "/") {
		g.parts = append([]string{"**"}, g.parts...)
	}
	for _, part := range g.parts {
		if _, err := path.Match(part, ""); err != nil {
			return nil, fmt.Errorf("want a pattern such as *.conf or /etc/**: %w", err)
		}
	}
	return g, nil
}

func (g *glob) match(p string) bool {
	if g.base {
		ok, _ := path.Match(g.parts[0], path.Base(p))
		return ok
	}
	return matchParts(g.parts, strings.Split(strings.TrimPrefix(p, "/"), "/"))
}

// matchParts goes on from the last ** that it passed: more than one of them make
// no more work than one.
func matchParts(pattern, names []string) bool {
	i, star, from := 0, -1, 0
	for at := 0; at < len(names); {
		if i < len(pattern) && pattern[i] == "**" {
			i++
			star, from = i, at
			continue
		}
		if i < len(pattern) {
			if ok, _ := path.Match(pattern[i], names[at]); ok {
				i++
				at++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		i, at = star, from
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}
