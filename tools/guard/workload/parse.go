package main

import (
	"fmt"
	"strings"
)

// usage is how an operation is called: names of arguments, those in brackets
// optional, "..." at the end for more of them.
type usage struct {
	text     string
	min, max int // max is negative for any number
}

// usages reads the comment of the package: a line for each operation, with two
// spaces or more before the description.
func usages(doc string) map[string]usage {
	all := map[string]usage{}
	for l := range strings.Lines(doc) {
		l, ok := strings.CutPrefix(l, "//\t")
		if !ok || strings.HasPrefix(l, " ") {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimSpace(l), "  ")
		words := strings.Fields(text)
		u := usage{text: text}
		for _, w := range words[1:] {
			u.max++
			if !strings.HasPrefix(w, "[") {
				u.min++
			}
		}
		if strings.Contains(text, "...") {
			u.max = -1
		}
		if words[0] != "workload" { // the line that is about the whole
			all[words[0]] = u
		}
	}
	return all
}

// known says whether there is an operation or a prefix of that name.
func known(name string) bool { return operations[name] != nil || prefixes[name] != nil }

// parse splits the words of a command line into calls. A prefix takes as many
// arguments as it needs; what follows it is the next operation, with or
// without "--" between them.
func parse(words []string) ([]call, error) {
	all := usages(doc)
	var calls []call
	for len(words) > 0 {
		name := words[0]
		words = words[1:]
		if !known(name) {
			return nil, fmt.Errorf("no operation %q", name)
		}
		u, n := all[name], 0
		for n < len(words) && words[n] != "--" {
			if prefixes[name] != nil && (n == u.max || n >= u.min && known(words[n])) {
				break
			}
			n++
		}
		if n < u.min || u.max >= 0 && n > u.max {
			return nil, fmt.Errorf("usage: %s", u.text)
		}
		calls = append(calls, call{name, words[:n]})
		words = words[n:]
		if len(words) > 0 && words[0] == "--" {
			words = words[1:]
			if len(words) == 0 {
				return nil, fmt.Errorf("no operation behind the last --")
			}
		}
		if name == "exec-then" { // what follows is for another program
			if len(words) == 0 {
				return nil, fmt.Errorf("usage: %s OP [ARG...]", u.text)
			}
			calls[len(calls)-1].args = append(calls[len(calls)-1].args[:n:n], words...)
			return calls, nil
		}
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("usage: workload OP ARG... [-- OP ARG...]")
	}
	return calls, nil
}
