// Package schematest checks in tests that the lines a command writes are what its JSON Schema says.
package schematest

import (
	"bytes"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a compiled schema.
type Schema struct{ compiled *jsonschema.Schema }

// Compile reads a schema, such as output.Schema returns. The schema itself is checked against the draft it names.
func Compile(schema []byte) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	const url = "urn:ringside:schematest"
	c := jsonschema.NewCompiler()
	c.AssertContent() // base64 must be base64
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("add schema: %w", err)
	}
	compiled, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	return &Schema{compiled}, nil
}

// Validate returns an error if line is not one JSON value that fits the schema.
func (s *Schema) Validate(line []byte) error {
	val, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return fmt.Errorf("parse line: %w", err)
	}
	if err := s.compiled.Validate(val); err != nil {
		return fmt.Errorf("validate line: %w", err)
	}
	return nil
}

// Validate is [Compile] and [Schema.Validate] for a single line.
func Validate(schema, line []byte) error {
	s, err := Compile(schema)
	if err != nil {
		return err
	}
	return s.Validate(line)
}
