package spec

import (
	"fmt"
	"strings"
)

// known are the types that the tests know besides C's own.
func known(name string) bool {
	switch name {
	case "u8", "u16", "u32", "u64", "s64", "size_t", "gfp_t", "umode_t", "pid_t":
		return true
	}
	return false
}

// dump writes an expression with all of its parentheses.
func dump(x Expr) string {
	switch x := x.(type) {
	case nil:
		return ""
	case *Number:
		suffix := ""
		if x.Unsigned {
			suffix += "u"
		}
		if x.Long {
			suffix += "l"
		}
		return fmt.Sprint(x.Value, suffix)
	case *String:
		return fmt.Sprintf("%q", x.Value)
	case *Name:
		return x.Name
	case *Variable:
		if x.Arg != nil {
			return "$" + x.Name + "(" + x.Arg.Name + ")"
		}
		return "$" + x.Name
	case *Unary:
		return "(" + x.Op + dump(x.X) + ")"
	case *Binary:
		return "(" + dump(x.X) + x.Op + dump(x.Y) + ")"
	case *Cond:
		return "(" + dump(x.If) + "?" + dump(x.Then) + ":" + dump(x.Else) + ")"
	case *Paren:
		return dump(x.X)
	case *Cast:
		return "(<" + typeText(x.Type) + ">" + dump(x.X) + ")"
	case *Member:
		op := "."
		if x.Arrow {
			op = "->"
		}
		return dump(x.X) + op + x.Name.Text
	case *Index:
		return dump(x.X) + "[" + dump(x.I) + "]"
	case *Call:
		var args []string
		for _, a := range x.Args {
			args = append(args, dump(a))
		}
		return x.Func.Text + "(" + strings.Join(args, ",") + ")"
	case *Sizeof:
		if x.Type != nil {
			return "sizeof<" + typeText(x.Type) + ">"
		}
		return "sizeof(" + dump(x.X) + ")"
	}
	return fmt.Sprintf("?%T", x)
}

func typeText(t *TypeName) string {
	out := strings.TrimSpace(t.Tag + " " + t.Name)
	if t.User {
		out += " __user"
	}
	return out + strings.Repeat("*", t.Stars)
}

// dumpSpec writes a specifier in one line.
func dumpSpec(s *Spec) string {
	var params, types, exprs []string
	for _, p := range s.Params {
		text := p.Name
		if p.Type != nil {
			text = strings.TrimSpace(typeText(p.Type) + " " + p.Name)
		}
		params = append(params, text)
	}
	for _, t := range s.Types {
		types = append(types, typeText(t))
	}
	for _, x := range s.Exprs {
		exprs = append(exprs, dump(x))
	}
	out := fmt.Sprintf("%c|%s|%s(%s)|%s|%s|%s", s.Kind, s.Library.Text, s.Name.Text, strings.Join(params, ", "),
		strings.Join(types, ","), strings.Join(exprs, ","), dump(s.Filter))
	if s.Label != "" {
		out += "|#" + s.Label
	}
	return out
}
