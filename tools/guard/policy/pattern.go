package policy

import (
	"fmt"
	"path"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of paths, as the kernel has them (include/uapi/linux/limits.h,
// include/uapi/linux/un.h), without the zero at the end.
const (
	maxPath     = 4095
	maxName     = 255
	maxAbstract = 107
)

// patternForms is what every error of a pattern ends with.
const patternForms = `the forms are /a/b, /a/*, /a/**, **/name, **/*.ext and *.ext`

// ParsePattern reads a pattern as it is written in a policy.
func ParsePattern(s string) (Pattern, error) {
	p := Pattern{Path: s}
	switch {
	case s == "":
		return p, fmt.Errorf("an empty path; %s", patternForms)
	case strings.HasPrefix(s, "**/"):
		p.Kind, p.Path = Name, s[len("**/"):]
		if strings.HasPrefix(p.Path, "*") {
			p.Kind, p.Path = Suffix, p.Path[1:]
		}
	case strings.HasPrefix(s, "*"):
		p.Kind, p.Path = Suffix, s[1:]
	case !strings.HasPrefix(s, "/"):
		return p, fmt.Errorf("%s is no absolute path; %s", quote(s), patternForms)
	case strings.HasSuffix(s, "/**"):
		p.Kind, p.Path = Subtree, directory(s, "/**")
	case strings.HasSuffix(s, "/*"):
		p.Kind, p.Path = Children, directory(s, "/*")
	}
	if glob := globIn(p.Path); glob != "" {
		return p, fmt.Errorf("%s has %s; %s", quote(s), glob, patternForms)
	}
	switch p.Kind {
	case Name:
		if p.Path == "" || p.Path == "." || p.Path == ".." || strings.Contains(p.Path, "/") {
			return p, fmt.Errorf("what follows **/ in %s is not the name of a file; %s", quote(s), patternForms)
		}
	case Suffix:
		if len(p.Path) < 2 || p.Path[0] != '.' || strings.Contains(p.Path, "/") {
			return p, fmt.Errorf("%s is not supported; %s", quote(s), patternForms)
		}
		if last := strings.LastIndexByte(p.Path, '.'); last > 0 {
			return p, fmt.Errorf("names are compared from their last dot on, so %s would match nothing; write *%s",
				quote(s), visible(p.Path[last:]))
		}
	default:
		if clean := path.Clean(p.Path); clean != p.Path {
			p.Path = clean
			return p, fmt.Errorf("%s is not clean and would match nothing; write %s", quote(s), quote(p.String()))
		}
		if err := cleanPath(p.Path); err != nil {
			return p, err
		}
	}
	if (p.Kind == Name || p.Kind == Suffix) && len(p.Path) > maxName {
		return p, fmt.Errorf("%s is longer than a name can be, %d bytes", quote(s), maxName)
	}
	return p, nil
}

// directory returns a path without its wildcard.
func directory(s, wildcard string) string {
	if s = strings.TrimSuffix(s, wildcard); s == "" {
		return "/"
	}
	return s
}

// globIn returns what other programs would take for a wildcard. A single [ is the
// name of a program.
func globIn(s string) string {
	switch {
	case strings.Contains(s, "*"):
		return "a * in a place where it has no meaning"
	case strings.Contains(s, "?"):
		return "a ?, which has no meaning"
	case strings.Contains(s, "[") && strings.Contains(s[strings.Index(s, "["):], "]"):
		return "a set in [ ], which has no meaning"
	case strings.Contains(s, "{") && strings.Contains(s[strings.Index(s, "{"):], "}"):
		return "a choice in { }, which has no meaning"
	}
	return ""
}

// cleanPath refuses a path that no file has as its own.
func cleanPath(s string) error {
	if !strings.HasPrefix(s, "/") {
		return fmt.Errorf("%s is no absolute path", quote(s))
	}
	if clean := path.Clean(s); clean != s {
		return fmt.Errorf("%s is not clean and would match nothing; write %s", quote(s), quote(clean))
	}
	if len(s) > maxPath {
		return fmt.Errorf("%s is longer than a path can be, %d bytes", quote(s), maxPath)
	}
	if strings.ContainsRune(s, 0) {
		return fmt.Errorf("%s has a zero byte, which no path has", quote(s))
	}
	for name := range strings.SplitSeq(s, "/") {
		if len(name) > maxName {
			return fmt.Errorf("%s has a name that is longer than a name can be, %d bytes", quote(s), maxName)
		}
	}
	return nil
}

// String returns the pattern as a policy has it.
func (p Pattern) String() string {
	if p.Kind == Subtree && p.Path == "@" {
		return "@**"
	}
	switch p.Kind {
	case Children:
		return strings.TrimSuffix(p.Path, "/") + "/*"
	case Subtree:
		return strings.TrimSuffix(p.Path, "/") + "/**"
	case Name:
		return "**/" + p.Path
	case Suffix:
		return "*" + p.Path
	}
	return p.Path
}

// Matches says whether a path belongs to the pattern. It is absolute and clean, or
// the abstract name of a socket with its @.
func (p Pattern) Matches(name string) bool {
	if abstract := strings.HasPrefix(p.Path, "@"); abstract != strings.HasPrefix(name, "@") {
		return false
	} else if abstract {
		return p.Kind == Subtree || p.Path == name
	}
	switch p.Kind {
	case Children:
		return name != "/" && path.Dir(name) == p.Path
	case Subtree:
		return name == p.Path || p.Path == "/" || strings.HasPrefix(name, p.Path+"/")
	case Name:
		return name != "/" && path.Base(name) == p.Path
	case Suffix:
		return path.Ext(path.Base(name)) == p.Path
	}
	return name == p.Path
}

// patterns reads a list of patterns.
func (d *decoder) patterns(n ast.Node, what string, parse func(string) (Pattern, error)) []Pattern {
	var all []Pattern
	for _, item := range d.items(n, what) {
		t, ok := d.text(item, what)
		if !ok {
			continue
		}
		p, err := parse(t.S)
		if err != nil {
			d.add(t.Pos, "%v", err)
			continue
		}
		p.Pos = t.Pos
		all = append(all, p)
	}
	return all
}

// parseTarget reads a pattern of mount points.
func parseTarget(s string) (Pattern, error) {
	p, err := ParsePattern(s)
	if err == nil && (p.Kind == Name || p.Kind == Suffix) {
		err = fmt.Errorf("%s does not say where; the forms of a target are /a/b, /a/* and /a/**", quote(s))
	}
	return p, err
}

// parseUnix reads a pattern of Unix sockets: a path, an abstract name with @ in place
// of its zero byte, or @** for all of those.
func parseUnix(s string) (Pattern, error) {
	name, abstract := strings.CutPrefix(s, "@")
	switch {
	case !abstract:
		return ParsePattern(s)
	case name == "**":
		return Pattern{Kind: Subtree, Path: "@"}, nil
	case name == "", strings.Contains(name, "*"):
		return Pattern{}, fmt.Errorf("%s is no abstract name; write @name, or @** for all of them", quote(s))
	case len(name) > maxAbstract:
		return Pattern{}, fmt.Errorf("%s is longer than an abstract name can be, %d bytes", quote(s), maxAbstract)
	}
	return Pattern{Kind: Exact, Path: s}, nil
}
