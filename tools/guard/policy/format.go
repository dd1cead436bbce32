package policy

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Format writes a policy as [Parse] reads it, in the shortest form that says the same.
func Format(p *Policy) []byte {
	var b bytes.Buffer
	b.WriteString("version: 1\n")
	top := mapping{{"name", scalar(p.Name)}}
	if p.Mode == Enforce {
		top.add("mode", scalar("enforce"))
	}
	if p.OnUnresolved == Allow {
		top.add("on_unresolved", scalar("allow"))
	}
	writePairs(&b, top, 0)
	var subjects mapping
	for _, s := range p.Subjects {
		if !s.Anonymous() {
			subjects.add(s.Name, formatSubject(s))
		}
	}
	if len(subjects) > 0 {
		b.WriteString("\nsubjects:\n")
		writePairs(&b, subjects, 2)
	}
	if defaults := formatDefaults(p.Defaults); len(defaults) > 0 {
		b.WriteString("\ndefaults:\n")
		writePairs(&b, defaults, 2)
	}
	if len(p.Rules) > 0 {
		b.WriteString("\nrules:\n")
	}
	for _, r := range p.Rules {
		var rule bytes.Buffer
		writePairs(&rule, formatRule(p, r), 4)
		b.WriteString("  - ")
		b.Write(rule.Bytes()[4:])
	}
	return b.Bytes()
}

// node is a piece of YAML: scalar, sequence or mapping.
type node interface{ flow() string }

type (
	scalar   string
	sequence []node
	mapping  []pairOf
	pairOf   struct {
		key   string
		value node
	}
)

func (m *mapping) add(key string, value node) { *m = append(*m, pairOf{key, value}) }

// plain are the scalars that need no quotes, wherever they stand.
var plainScalar = regexp.MustCompile(`^(0|[1-9][0-9]{0,9}|[A-Za-z/_][A-Za-z0-9/_.@+=-]*)$`)

func (s scalar) flow() string {
	switch strings.ToLower(string(s)) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		// Booleans to one reader of YAML or another.
	default:
		if plainScalar.MatchString(string(s)) {
			return string(s)
		}
	}
	return strconv.Quote(string(s))
}

// bare is a scalar that is meant to be what it looks like.
type bare string

func (s bare) flow() string { return string(s) }

func (s sequence) flow() string {
	items := make([]string, len(s))
	for i, item := range s {
		items[i] = item.flow()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func (m mapping) flow() string {
	items := make([]string, len(m))
	for i, p := range m {
		items[i] = scalar(p.key).flow() + ": " + p.value.flow()
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// lineWidth is where flow style ends and block style begins.
const lineWidth = 100

func writePairs(b *bytes.Buffer, m mapping, indent int) {
	for _, p := range m {
		key := strings.Repeat(" ", indent) + scalar(p.key).flow() + ":"
		if line := key + " " + p.value.flow(); len(line) <= lineWidth {
			b.WriteString(line + "\n")
			continue
		}
		b.WriteString(key)
		switch v := p.value.(type) {
		case mapping:
			b.WriteByte('\n')
			writePairs(b, v, indent+2)
		case sequence:
			b.WriteByte('\n')
			for _, item := range v {
				b.WriteString(strings.Repeat(" ", indent+2) + "- " + item.flow() + "\n")
			}
		default:
			b.WriteString(" " + v.flow() + "\n")
		}
	}
}

func texts(all []Text) node { return listOf(all, func(t Text) string { return t.S }) }

func strs[T interface{ String() string }](all []T) node { return listOf(all, T.String) }

// listOf returns a sequence, or the only item.
func listOf[T any](all []T, text func(T) string) node {
	if len(all) == 1 {
		return scalar(text(all[0]))
	}
	s := make(sequence, len(all))
	for i, item := range all {
		s[i] = scalar(text(item))
	}
	return s
}

// words returns the names of the bits in a set.
func words[T ~uint8 | ~uint16](set T, all []word[T]) node {
	var s []string
	for _, w := range all {
		if set&w.value != 0 {
			s = append(s, w.name)
		}
	}
	return listOf(s, func(s string) string { return s })
}

// named returns the word of a value.
func named[T comparable](value T, all []word[T]) node {
	for _, w := range all {
		if w.value == value {
			return scalar(w.name)
		}
	}
	return scalar("")
}
