package command

import (
	"fmt"
	"slices"
	"strings"
)

// List is a flag with several values: with commas between them, or given more
// than once. A value that comes twice counts once.
func List[T comparable](name, letter, value, usage string, parse func(string) (T, error), p *[]T) Flag {
	return Flag{Name: name, Letter: letter, Value: value, Usage: usage, dest: &list[T]{p: p, parse: parse}}
}

type list[T comparable] struct {
	p     *[]T
	parse func(string) (T, error)
	text  []string
}

func (v *list[T]) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		x, err := v.parse(part)
		if err != nil {
			return err
		}
		if !slices.Contains(*v.p, x) {
			*v.p = append(*v.p, x)
		}
	}
	v.text = append(v.text, s)
	return nil
}

func (v *list[T]) String() string { return strings.Join(v.text, ",") }

// Texts is a flag with any text that can be given more than once. Commas are part of
// the text.
func Texts(name, letter, value, usage string, p *[]string) Flag {
	return Flag{Name: name, Letter: letter, Value: value, Usage: usage, dest: (*texts)(p)}
}

type texts []string

func (v *texts) Set(s string) error {
	if s == "" {
		return fmt.Errorf("want a value that is not empty")
	}
	*v = append(*v, s)
	return nil
}

func (v *texts) String() string {
	if v == nil {
		return ""
	}
	return strings.Join(*v, ",")
}
