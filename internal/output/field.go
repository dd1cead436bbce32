package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Field is one fact about an event of type E.
type Field[E any] struct {
	Name     string   // snake_case: the JSON key and the head in CSV
	Type     Type     // what Get returns
	Nullable bool     // Get may return [Null] as well
	Doc      string   // one sentence for the schema and the man page
	Enum     []string // the closed set of values of a TypeText field; empty if it is open
	// Get reads the value. It must not change the event: a line that comes out too long is encoded a second time.
	Get func(*E) Value
	// Schema is the JSON Schema of a TypeJSON field, in JSON, without a description.
	Schema string
}

// Limits that keep the fixed part of a JSON line, with all values cut to nothing, well below [MaxLine].
const (
	maxFields = 64
	maxName   = 40
)

// CommonNames are the fields that every event begins with, in this order.
func CommonNames() []string {
	return []string{"time", "tool", "type", "pid", "tid", "ppid", "uid", "comm", "cgroup_id", "container_id"}
}

// Names that JSON lines use besides the fields.
var reserved = []string{"cut", "lost"}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// CheckFields reports everything that is wrong with a table of fields; the tests of each command call it.
func CheckFields[E any](fields []Field[E]) error {
	var errs []error
	bad := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("field %q: "+format, append([]any{name}, args...)...))
	}

	common := CommonNames()
	if len(fields) > 2 && len(fields[2].Enum) > 0 && fields[2].Enum[0] != "event" {
		common = common[:3] // totals are of no single process
	}
	for i, name := range common {
		if i >= len(fields) || fields[i].Name != name {
			errs = append(errs, fmt.Errorf("field %d is not %q: every event begins with %s", i, name, strings.Join(common, ", ")))
			break
		}
	}
	if len(fields) > maxFields {
		errs = append(errs, fmt.Errorf("%d fields, more than %d", len(fields), maxFields))
	}

	seen := make(map[string]bool)
	for _, f := range fields {
		switch {
		case !snakeCase.MatchString(f.Name):
			bad(f.Name, "name is not snake_case")
		case len(f.Name) > maxName:
			bad(f.Name, "name is longer than %d", maxName)
		case slices.Contains(reserved, f.Name), strings.HasSuffix(f.Name, "_b64"):
			bad(f.Name, "name is reserved")
		case seen[f.Name]:
			bad(f.Name, "appears twice")
		}
		seen[f.Name] = true

		if f.Type < TypeInt || f.Type > TypeList {
			bad(f.Name, "no type")
		}
		if f.Name == "time" && f.Type != TypeTime {
			bad(f.Name, "type is not TypeTime")
		}
		if (f.Name == "tool" || f.Name == "type") && (f.Type != TypeText || f.Nullable) {
			bad(f.Name, "type is not TypeText, never null")
		}
		if len(f.Enum) > 0 && f.Type != TypeText {
			bad(f.Name, "only a TypeText field has an Enum")
		}
		if strings.TrimSpace(f.Doc) == "" {
			bad(f.Name, "no Doc")
		}
		if (f.Type == TypeJSON) != (f.Schema != "") || f.Schema != "" && !json.Valid([]byte(f.Schema)) {
			bad(f.Name, "a TypeJSON field, and no other, has a Schema in JSON")
		}
		if f.Get == nil {
			bad(f.Name, "no Get")
		}
	}
	return errors.Join(errs...)
}
