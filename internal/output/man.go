package output

import (
	"bytes"
	"strings"
)

// What roff would take for a command or set as another character than the one typed.
var roffEscapes = strings.NewReplacer(
	`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, "\n", " ",
)

// roff makes running text of s. Within a text line only a leading point could still be a request.
func roff(s string) string {
	s = roffEscapes.Replace(s)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}

// ManFields returns the entries of the FIELDS section of a man page, in roff with the man macros.
func ManFields[E any](fields []Field[E]) []byte {
	var b bytes.Buffer
	for _, f := range fields {
		b.WriteString(".TP\n.BR " + roff(f.Name) + ` " (` + manType(f.Type))
		if f.Nullable {
			b.WriteString(" or null")
		}
		b.WriteString(")\"\n" + roff(f.Doc) + "\n")
		if len(f.Enum) > 0 {
			b.WriteString("One of: " + roff(strings.Join(f.Enum, ", ")) + ".\n")
		}
	}
	return b.Bytes()
}

func manType(t Type) string {
	switch t {
	case TypeInt, TypeUint:
		return "integer"
	case TypeHex:
		return "hex string"
	case TypeBool:
		return "boolean"
	case TypeTime:
		return "time"
	case TypeText, TypeBytes:
		return "string"
	case TypeJSON:
		return "object or list"
	default:
		return "list of strings"
	}
}
