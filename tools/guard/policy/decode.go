package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder turns the nodes of one file into values, and says of each that it cannot
// what would be right.
type decoder struct {
	*set
	name string // of the file
	tags bool   // it may have tags
}

func (d *decoder) at(line, column int) Position {
	return Position{File: d.name, Line: max(line, 1), Column: max(column, 1)}
}

// pos returns where a node begins. The token of a mapping in block style is its first
// colon, which is not where a reader looks.
func (d *decoder) pos(n ast.Node) Position {
	switch m := n.(type) {
	case nil:
		return d.at(1, 1)
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return d.pos(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return d.pos(m.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return d.at(t.Position.Line, t.Position.Column)
	}
	return d.at(1, 1)
}

// pair is a key with its value.
type pair struct {
	key   Text
	value ast.Node
}

func isMapping(n ast.Node) bool {
	return n.Type() == ast.MappingType || n.Type() == ast.MappingValueType
}

// pairs returns the keys of a mapping with their values, each key once.
func (d *decoder) pairs(n ast.Node, what string) []pair {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	case *ast.NullNode:
		d.add(d.pos(n), "%s has no value; it is a mapping of keys to values, and {} is an empty one", what)
		return nil
	default:
		d.add(d.pos(n), "%s is a mapping of keys to values, not %s", what, kind(n))
		return nil
	}
	var pairs []pair
	seen := make(map[string]Position)
	for _, v := range values {
		key, ok := d.text(v.Key, "a key of "+what)
		if !ok {
			continue
		}
		if first, ok := seen[key.S]; ok {
			d.add(key.Pos, "the key %s is in %s already, in line %d", quote(key.S), what, first.Line)
			continue
		}
		seen[key.S] = key.Pos
		pairs = append(pairs, pair{key, v.Value})
	}
	return pairs
}

// fields are the values of a mapping whose keys are known.
type fields map[string]ast.Node

// fields returns the values of a mapping and refuses keys that are not known.
func (d *decoder) fields(n ast.Node, what string, known ...string) fields {
	f := make(fields)
	for _, p := range d.pairs(n, what) {
		if !slices.Contains(known, p.key.S) {
			d.add(p.key.Pos, "unknown key %s; %s has %s", quote(p.key.S), what, list(known))
			continue
		}
		f[p.key.S] = p.value
	}
	return f
}

// items returns the items of a list. A value that is no list is a list of one.
func (d *decoder) items(n ast.Node, what string) []ast.Node {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		if _, null := n.(*ast.NullNode); null {
			d.add(d.pos(n), "%s has no value; leave the key out, or give at least one", what)
			return nil
		}
		return []ast.Node{n}
	}
	if len(s.Values) == 0 {
		d.add(d.pos(n), "the list of %s is empty; leave the key out, or give at least one", what)
	}
	return s.Values
}

// text returns a scalar as it is written. Numbers are texts too: container ids have
// no other form, and every number is read by who knows its bounds.
func (d *decoder) text(n ast.Node, what string) (Text, bool) {
	t := Text{Pos: d.pos(n)}
	switch n := n.(type) {
	case *ast.StringNode:
		t.S = n.Value
	case *ast.LiteralNode:
		if n.Value == nil {
			return t, false
		}
		t.S = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode:
		t.S = n.Token.Value
	case *ast.FloatNode:
		t.S = n.Token.Value
	case *ast.MappingKeyNode, *ast.MergeKeyNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.add(t.Pos, "%s is a text, not %s", what, kind(n))
		return t, false
	default:
		switch token := n.GetToken(); {
		case isMapping(n), n.Type() == ast.SequenceType, token == nil:
			d.add(t.Pos, "%s is a text, not %s", what, kind(n))
		case n.Type() == ast.NullType && isImplicit(n):
			d.add(t.Pos, "%s has no value", what)
		default:
			d.add(t.Pos, "%s is a text, not %s; put it in quotes if it is meant", what, kind(n))
		}
		return t, false
	}
	return t, true
}

func isImplicit(n ast.Node) bool {
	t := n.GetToken()
	return t != nil && t.Type == token.ImplicitNullType
}

// kind says what a node is, for errors.
func kind(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		if isImplicit(n) {
			return "nothing"
		}
		return "null"
	case *ast.TagNode:
		return "something with the tag " + quote(n.Start.Value)
	case *ast.BoolNode:
		return "a boolean"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "something else"
}

func (d *decoder) boolean(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		d.add(d.pos(n), "%s is true or false, not %s", what, kind(n))
		return false
	}
	return b.Value
}

// word is a name of a value.
type word[T any] struct {
	name  string
	value T
}

func names[T any](words []word[T]) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.name
	}
	return all
}

// choice returns the value of a word.
func choice[T any](d *decoder, n ast.Node, what string, words []word[T]) (value T, ok bool) {
	t, ok := d.text(n, what)
	if !ok {
		return value, false
	}
	for _, w := range words {
		if w.name == t.S {
			return w.value, true
		}
	}
	d.add(t.Pos, "%s is %s, not %s", what, choices(names(words)), quote(t.S))
	return value, false
}

// union returns the values of a list of words, or-ed.
func union[T ~uint8 | ~uint16](d *decoder, n ast.Node, what string, words []word[T]) (all T) {
	for _, item := range d.items(n, what) {
		value, _ := choice(d, item, what, words)
		all |= value
	}
	return all
}

// list joins words as "a, b and c".
func list(words []string) string { return join(words, "and") }

// choices joins words as "a, b or c".
func choices(words []string) string { return join(words, "or") }

func join(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return fmt.Sprintf("%s %s %s", strings.Join(words[:len(words)-1], ", "), last, words[len(words)-1])
}
