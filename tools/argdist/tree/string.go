package tree

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Lines writes the tree for people: a node a line, indented below what it is a part
// of, with its type.
func Lines(n Node) []string { return lines(nil, n, "") }

func lines(out []string, n Node, indent string) []string {
	t := n.Type().String()
	if _, ok := n.(*Text); ok {
		t = "text"
	}
	out = append(out, fmt.Sprintf("%s%s: %s", indent, describe(n), t))
	for _, c := range Children(n) {
		out = lines(out, c, indent+"  ")
	}
	return out
}

func describe(n Node) string {
	switch n := n.(type) {
	case *Const:
		if ctype.IsSigned(n.T) {
			return strconv.FormatInt(n.Value, 10)
		}
		return strconv.FormatUint(uint64(n.Value), 10)
	case *Input:
		switch n.Source {
		case Arg:
			return fmt.Sprintf("argument %d", n.Index+1)
		case Saved:
			return fmt.Sprintf("argument %d at entry", n.Index+1)
		}
		return "$" + n.Source.String()
	case *Context:
		return fmt.Sprintf("%d bytes at %d of the context", n.Size, n.Offset)
	case *ContextAddress:
		return fmt.Sprintf("address of the context + %d", n.Offset)
	case *DataAddress:
		return fmt.Sprintf("address of the data that the context has at %d", n.Offset)
	case *Load:
		return fmt.Sprintf("read %d bytes of %s memory at", n.Size, n.Space)
	case *Bits:
		return fmt.Sprintf("bits %d to %d of", n.Shift, n.Shift+n.Width-1)
	case *Convert:
		return "convert"
	case *Unary:
		return n.Op
	case *Binary:
		return n.Op
	case *Logic:
		if n.And {
			return "&&"
		}
		return "||"
	case *Cond:
		return "?:"
	case *Swap:
		return "swap bytes of"
	case *Text:
		if n.Address == nil {
			return "name of the task"
		}
		return fmt.Sprintf("up to %d bytes of %s memory up to a zero at", n.Size-1, n.Space)
	case *Match:
		if n.Whole {
			return "is " + quote(n.Literal)
		}
		return "begins with " + quote(n.Literal)
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", n), "*tree.")
}

func quote(s string) string { return strconv.Quote(s) }
