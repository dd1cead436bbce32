// Package bcc makes C of specifiers for bcc's compiler, as bcc's argdist does. Its
// expressions are any that clang understands: macros and inline functions of headers,
// which our own compiler has none of. What it takes is bcc's grammar, which is split
// by punctuation and not parsed, so that text between colons and commas is C's.
//
// Nothing here needs libbcc; who runs what comes out of it does.
package bcc

import (
	"fmt"
	"strings"
)

// Specifier is one, in its parts.
type Specifier struct {
	Text     string
	Kind     byte // p, r or t
	Library  string
	Function string
	Params   []Param
	Types    []string
	Exprs    []string // as many as Types
	Filter   string   // "" for none
	Label    string
}

// Param is a parameter of the signature.
type Param struct{ Type, Name string }

// Split splits a specifier:
//
//	{p|r|t}:{library|category}:function(signature)[:type,...:expr,...[:filter]][#label]
func Split(text string) (*Specifier, error) {
	s := &Specifier{Text: text}
	body, label, _ := strings.Cut(text, "#")
	s.Label = strings.TrimSpace(label)
	parts := strings.Split(body, ":")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) < 3 || len(parts) > 6 {
		return nil, fmt.Errorf("%d parts between colons: want 3 to 6", len(parts))
	}
	switch parts[0] {
	case "p", "r", "t":
		s.Kind = parts[0][0]
	case "u":
		return nil, fmt.Errorf("static probes (u) are only for the native backend")
	default:
		return nil, fmt.Errorf("unknown kind of probe %q: want p, r or t", parts[0])
	}
	s.Library = parts[1]
	if s.Kind == 't' && !isName(s.Library) {
		return nil, fmt.Errorf("%q is no category of tracepoints", s.Library)
	}
	if err := s.signature(parts[2]); err != nil {
		return nil, err
	}
	return s, s.expressions(parts[3:])
}

func (s *Specifier) signature(text string) error {
	name, params, ok := strings.Cut(text, "(")
	params, closed := strings.CutSuffix(params, ")")
	if s.Function = strings.TrimSpace(name); !ok || !closed || !isName(s.Function) {
		return fmt.Errorf("want function(signature) and not %q", text)
	}
	if params = strings.TrimSpace(params); params == "" || params == "void" {
		return nil
	}
	for param := range strings.SplitSeq(params, ",") {
		param = strings.TrimSpace(param)
		cut := strings.LastIndexAny(param, " *\n\t") + 1
		p := Param{Type: strings.TrimSpace(param[:cut]), Name: param[cut:]}
		if p.Type == "" || !isName(p.Name) {
			return fmt.Errorf("parameter %q: want a type and a name", param)
		}
		s.Params = append(s.Params, p)
	}
	return nil
}

// expressions are types, expressions and filter. Without them it is what a function
// returns, or the number of calls.
func (s *Specifier) expressions(parts []string) error {
	if len(parts) < 2 {
		s.Types, s.Exprs = []string{"u64"}, []string{"1"}
		if s.Kind == 'r' {
			s.Types, s.Exprs = []string{"int"}, []string{"$retval"}
		}
		return nil
	}
	list := func(text string) (out []string) {
		for part := range strings.SplitSeq(text, ",") {
			out = append(out, strings.TrimSpace(part))
		}
		return out
	}
	s.Types, s.Exprs = list(parts[0]), list(parts[1])
	if len(s.Types) != len(s.Exprs) {
		return fmt.Errorf("%d types and %d expressions: want as many", len(s.Types), len(s.Exprs))
	}
	for i := range s.Types {
		if s.Types[i] == "" || s.Exprs[i] == "" {
			return fmt.Errorf("an empty type or expression: bcc's compiler must be told both")
		}
	}
	if len(parts) == 3 {
		s.Filter = parts[2]
	}
	return nil
}

// Default reports whether the specifier has no expressions of its own.
func (s *Specifier) Default() bool {
	return len(s.Exprs) == 1 && (s.Exprs[0] == "1" || s.Exprs[0] == "$retval") && strings.Count(s.Text, ":") < 4
}

func isName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// IsText reports whether a type makes text of an address.
func IsText(typ string) bool {
	return strings.ReplaceAll(strings.TrimPrefix(typ, "const "), " ", "") == "char*"
}
