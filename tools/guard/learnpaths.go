package main

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// thresholds are from how many on things are taken together.
type thresholds struct {
	files     int // of one directory: DIR/*
	dirs      int // below one directory: DIR/**
	addresses int // with the same port: any
	ports     int // of one address: any
}

// tree is what was seen below a path.
type tree struct {
	seen  bool // the path itself
	below map[string]*tree
}

func (t *tree) add(name string) {
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part == "" {
			break // the root
		}
		if t.below == nil {
			t.below = make(map[string]*tree)
		}
		next := t.below[part]
		if next == nil {
			next = new(tree)
			t.below[part] = next
		}
		t = next
	}
	t.seen = true
}

// collapse returns patterns that match all of the paths, and few others: files of
// one directory are taken together as DIR/*, and directories as DIR/**, from a number
// on. The root stays as it is, however many there are.
//
// What a policy cannot write, such as a name with a * in it or of bytes that are not
// text, is taken together with what is beside it. So are processes in /proc, which
// are others the next time.
func (th thresholds) collapse(paths []string) []policy.Pattern {
	var root tree
	for _, p := range paths {
		root.add(p)
	}
	patterns, _ := th.of(&root, "/")
	return patterns
}

// of returns the patterns for a directory and all below it. With false, the directory
// has a name that no pattern can have, and must be part of a wider one.
func (th thresholds) of(t *tree, at string) (patterns []policy.Pattern, ok bool) {
	if len(at) > 1 && !writable(at) {
		return nil, false
	}
	if t.seen {
		patterns = append(patterns, policy.Pattern{Kind: policy.Exact, Path: at})
	}
	subtree := []policy.Pattern{{Kind: policy.Subtree, Path: at}}
	files, dirs := 0, 0
	for _, sub := range t.below {
		if sub.seen {
			files++
		}
		if len(sub.below) > 0 {
			dirs++
		}
	}
	if at != "/" && dirs >= th.dirs {
		return subtree, true
	}
	children := at != "/" && files >= th.files
	var exact, deeper []policy.Pattern
	for _, name := range slices.Sorted(maps.Keys(t.below)) {
		sub := t.below[name]
		if at == "/proc" && isNumber(name) {
			return subtree, true
		}
		below, ok := th.of(sub, path.Join(at, name))
		switch {
		case !ok && len(sub.below) > 0:
			return subtree, true // whose directory cannot be named either
		case !ok:
			children = true
			continue
		}
		for _, p := range below {
			if p.Kind == policy.Exact && p.Path == path.Join(at, name) {
				exact = append(exact, p)
			} else {
				deeper = append(deeper, p)
			}
		}
	}
	if children {
		exact = []policy.Pattern{{Kind: policy.Children, Path: at}}
	}
	return append(append(patterns, exact...), deeper...), true
}

// writable reports whether a policy can name the path, and gets back what it wrote.
func writable(name string) bool {
	for _, r := range name {
		if r == '\uFFFD' { // or a byte that is no text
			return false
		}
	}
	p, err := policy.ParsePattern(name)
	return err == nil && p.Kind == policy.Exact && p.Path == name
}

func isNumber(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
