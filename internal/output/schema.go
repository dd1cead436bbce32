package output

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// object is a JSON object that keeps its order, so that a schema reads like the table of fields.
type object []member

type member struct {
	key string
	val any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, m := range o {
		val, err := json.Marshal(m.val)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", m.key, err)
		}
		b.WriteByte("{,"[min(i, 1)])
		b.Write(appendJSONString(nil, []byte(m.key)))
		b.WriteByte(':')
		b.Write(val)
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

const timePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$`

// Variant is the schema of one more type of line.
type Variant struct {
	name   string
	schema object
}

// NewVariant returns the schema of the lines that are made from fields. Its name is the only value of their "type".
func NewVariant[E any](tool string, fields []Field[E]) Variant {
	v := Variant{"event", lineSchema(tool, fields)}
	for _, f := range fields {
		if f.Name == "type" && len(f.Enum) > 0 {
			v.name = f.Enum[0]
		}
	}
	return v
}

// Schema returns the JSON Schema (draft 2020-12) of one line of [NewJSON], event or lost, for a version of the tool's
// schema. more are other types of lines that the tool can write.
func Schema[E any](tool, version string, fields []Field[E], more ...Variant) []byte {
	var refs []object
	var defs object
	for _, v := range append([]Variant{NewVariant(tool, fields)}, append(more, Variant{"lost", lostSchema(tool)})...) {
		refs = append(refs, object{{"$ref", "#/$defs/" + v.name}})
		defs = append(defs, member{v.name, v.schema})
	}
	schema := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "urn:ringside:schema:" + tool + ":" + version},
		{"title", "One line of " + tool + " -o json"},
		{"oneOf", refs},
		{"$defs", defs},
	}
	b, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // strings, lists and objects of strings always marshal
	}
	return append(b, '\n')
}

// lineSchema is the schema of an object with these fields.
func lineSchema[E any](tool string, fields []Field[E]) object {
	var props object
	var required, variable []string
	for _, f := range fields {
		props = append(props, member{f.Name, fieldSchema(tool, f)})
		required = append(required, f.Name)
		switch f.Type {
		case TypeBytes:
			props = append(props, member{f.Name + "_b64", base64Schema(f.Name)})
		case TypeList:
			props = append(props, member{f.Name + "_b64", object{
				{"description", "All of " + f.Name + ", if an element is not UTF-8."},
				{"type", "array"},
				{"items", object{{"type", "string"}, {"contentEncoding", "base64"}}},
			}})
		}
		if f.Type >= TypeText {
			variable = append(variable, f.Name)
		}
	}
	items := object{{"type", "string"}}
	if len(variable) > 0 {
		items = object{{"enum", variable}}
	}
	props = append(props, member{"cut", object{
		{"description", "Fields that were shortened to keep the line below 16 KiB."},
		{"type", "array"}, {"items", items}, {"uniqueItems", true},
	}})
	required = append(required, "cut")

	return object{
		{"type", "object"},
		{"properties", props},
		{"required", required},
		{"additionalProperties", false},
	}
}

func lostSchema(tool string) object {
	return object{
		{"description", "Events that are missing before this line: how many, by cause."},
		{"type", "object"},
		{"properties", object{
			{"time", object{{"type", "string"}, {"pattern", timePattern}}},
			{"tool", object{{"const", tool}}},
			{"type", object{{"const", "lost"}}},
		}},
		{"required", []string{"time", "tool", "type"}},
		{"additionalProperties", object{{"type", "integer"}, {"minimum", 0}}},
	}
}

func base64Schema(name string) object {
	return object{
		{"description", "The bytes of " + name + ", if they are not UTF-8."},
		{"type", "string"},
		{"contentEncoding", "base64"},
	}
}

func fieldSchema[E any](tool string, f Field[E]) object {
	s := object{{"description", f.Doc}}
	switch f.Name {
	case "tool":
		return append(s, member{"const", tool})
	case "type":
		if len(f.Enum) > 0 {
			return append(s, member{"const", f.Enum[0]})
		}
		return append(s, member{"const", "event"})
	}

	typ := func(name string, more ...member) {
		var t any = name
		if f.Nullable {
			t = []string{name, "null"}
		}
		s = append(append(s, member{"type", t}), more...)
	}
	switch f.Type {
	case TypeInt:
		typ("integer")
	case TypeUint:
		typ("integer", member{"minimum", 0})
	case TypeHex:
		typ("string", member{"pattern", "^0x[0-9a-f]+$"})
	case TypeBool:
		typ("boolean")
	case TypeTime:
		typ("string", member{"pattern", timePattern})
	case TypeJSON:
		s = append(s, schemaOf(f.Schema, f.Nullable)...)
	case TypeText, TypeBytes:
		typ("string")
	case TypeTextList, TypeList:
		typ("array", member{"items", object{{"type", "string"}}})
	}
	if len(f.Enum) > 0 {
		var vals []any
		for _, v := range f.Enum {
			vals = append(vals, v)
		}
		if f.Nullable {
			vals = append(vals, nil)
		}
		s = append(s, member{"enum", vals})
	}
	return s
}

// schemaOf is the schema that a field brings along.
func schemaOf(text string, nullable bool) object {
	own := json.RawMessage(text)
	if nullable {
		return object{{"anyOf", []object{{{"allOf", []json.RawMessage{own}}}, {{"type", "null"}}}}}
	}
	return object{{"allOf", []json.RawMessage{own}}}
}
