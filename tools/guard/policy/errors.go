package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is one mistake in a policy file.
type Error struct {
	Pos Position
	Msg string // without control characters, whatever the file has
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Errors are the mistakes of some policy files, in the order of their places.
// There is at least one, and no more than maxErrors.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors is where reading gives up: who made twenty mistakes looks at the first.
const maxErrors = 20

// collector gathers errors while files are read.
type collector struct {
	files []string // in the order in which they were read
	errs  Errors
}

func (c *collector) full() bool { return len(c.errs) >= maxErrors }

func (c *collector) add(pos Position, format string, args ...any) {
	if !c.full() {
		c.errs = append(c.errs, &Error{Pos: pos, Msg: fmt.Sprintf(format, args...)})
	}
}

// err returns what was gathered, sorted, or nil.
func (c *collector) err() error {
	if len(c.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(c.errs, func(a, b *Error) int {
		return cmp.Or(
			cmp.Compare(slices.Index(c.files, a.Pos.File), slices.Index(c.files, b.Pos.File)),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return c.errs
}

// maxQuoted is how much of a text an error repeats, in bytes.
const maxQuoted = 80

// quote makes a text of the file fit for a message: in quotes, escaped, short.
func quote(s string) string {
	if len(s) > maxQuoted {
		cut := maxQuoted
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.Quote(s[:cut]) + "..."
	}
	return strconv.Quote(s)
}

// visible escapes what a terminal would not show, and leaves the rest as it is.
func visible(s string) string {
	quoted := strconv.Quote(s)
	if quoted = quoted[1 : len(quoted)-1]; strings.ContainsAny(s, "\"\\") {
		quoted = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted)
	}
	return quoted
}
