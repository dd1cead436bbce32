package output

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestCheckFields(t *testing.T) {
	qt.Assert(t, qt.IsNil(CheckFields(execFields())))

	get := func(*exec) Value { return Null() }
	add := func(f Field[exec]) func([]Field[exec]) []Field[exec] {
		return func(fields []Field[exec]) []Field[exec] { return append(fields, f) }
	}
	for _, test := range []struct {
		want string
		edit func([]Field[exec]) []Field[exec]
	}{
		{`field 0 is not "time": every event begins with time, .*`, func([]Field[exec]) []Field[exec] { return nil }},
		{`field 3 is not "pid": .*`, func(f []Field[exec]) []Field[exec] { return slices.Delete(f, 3, 4) }},
		{`field "Path": name is not snake_case`, add(Field[exec]{"Path", TypeInt, false, "x", nil, get, ""})},
		{`field "a__b": name is not snake_case`, add(Field[exec]{"a__b", TypeInt, false, "x", nil, get, ""})},
		{`field "": name is not snake_case`, add(Field[exec]{"", TypeInt, false, "x", nil, get, ""})},
		{`field "x+": name is longer than 40`, add(Field[exec]{strings.Repeat("x", 41), TypeInt, false, "x", nil, get, ""})},
		{`field "path_b64": name is reserved`, add(Field[exec]{"path_b64", TypeInt, false, "x", nil, get, ""})},
		{`field "cut": name is reserved`, add(Field[exec]{"cut", TypeInt, false, "x", nil, get, ""})},
		{`field "pid": appears twice`, add(Field[exec]{"pid", TypeInt, false, "x", nil, get, ""})},
		{`field "x": no type`, add(Field[exec]{"x", 0, false, "x", nil, get, ""})},
		{`field "x": only a TypeText field has an Enum`, add(Field[exec]{"x", TypeInt, false, "x", []string{"1"}, get, ""})},
		{`field "x": no Doc`, add(Field[exec]{"x", TypeInt, false, " ", nil, get, ""})},
		{`field "x": a TypeJSON field, and no other, .*`, add(Field[exec]{"x", TypeInt, false, "x", nil, get, "{}"})},
		{`field "x": a TypeJSON field, and no other, .*`, add(Field[exec]{"x", TypeJSON, false, "x", nil, get, ""})},
		{`field "x": a TypeJSON field, and no other, .*`, add(Field[exec]{"x", TypeJSON, false, "x", nil, get, "{"})},
		{`field "x": no Get`, add(Field[exec]{"x", TypeInt, false, "x", nil, nil, ""})},
		{`field "time": type is not TypeTime`, func(f []Field[exec]) []Field[exec] { f[0].Type = TypeUint; return f }},
		{`field "type": type is not TypeText, never null`, func(f []Field[exec]) []Field[exec] { f[2].Nullable = true; return f }},
		{`66 fields, more than 64`, func(f []Field[exec]) []Field[exec] {
			for len(f) < 66 {
				f = append(f, Field[exec]{fmt.Sprintf("x%d", len(f)), TypeInt, false, "x", nil, get, ""})
			}
			return f
		}},
	} {
		qt.Check(t, qt.ErrorMatches(CheckFields(test.edit(execFields())), test.want))
	}
}

func TestManFields(t *testing.T) {
	got := ManFields([]Field[exec]{
		{Name: "path", Type: TypeBytes, Doc: `.hidden files, "quotes", a \ and -x it's.`},
		{Name: "error", Type: TypeText, Nullable: true, Doc: "Name of\nthe errno.", Enum: []string{"EPERM", "EACCES"}},
		{Name: "args", Type: TypeList, Doc: "Arguments."},
		{Name: "key", Type: TypeJSON, Doc: "What was counted."},
	})
	qt.Assert(t, qt.Equals(string(got), `.TP
.BR path " (string)"
\&.hidden files, "quotes", a \e and \-x it\(aqs.
.TP
.BR error " (string or null)"
Name of the errno.
One of: EPERM, EACCES.
.TP
.BR args " (list of strings)"
Arguments.
.TP
.BR key " (object or list)"
What was counted.
`))
}
