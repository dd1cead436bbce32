package spec

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ringside-tools/ringside/internal/output"
)

// Range is a piece of a specifier's text: bytes from Pos up to and without End.
type Range struct{ Pos, End int }

// Span is the range itself; whatever contains a Range has one.
func (r Range) Span() Range { return r }

// To is the range from one piece to another.
func (r Range) To(end Range) Range { return Range{r.Pos, end.End} }

// Error is something wrong with a specifier, and where.
type Error struct {
	Text string // the whole specifier
	Range
	Msg string
	Fix string // what would be right; may be empty
}

func (e *Error) Error() string  { return e.Msg }
func (e *Error) Remedy() string { return e.Fix }

// Excerpt is two lines: that of the specifier with the mistake, and carets below
// it. Nothing in it can do harm to a terminal.
func (e *Error) Excerpt() string {
	pos, end := min(e.Pos, len(e.Text)), min(max(e.End, e.Pos), len(e.Text))
	start := strings.LastIndexByte(e.Text[:pos], '\n') + 1
	line, _, _ := strings.Cut(e.Text[start:], "\n")
	end = min(end, start+len(line))
	show := func(s string) string { return string(output.AppendEscaped(nil, []byte(s))) }
	before := utf8.RuneCountInString(show(e.Text[start:pos]))
	width := max(1, utf8.RuneCountInString(show(e.Text[pos:max(pos, end)])))
	return fmt.Sprintf("  %s\n  %s%s\n", show(line), strings.Repeat(" ", before), strings.Repeat("^", width))
}

// At makes an error about a piece of the specifier.
func (s *Spec) At(r Range, fix, format string, args ...any) *Error {
	return &Error{Text: s.Text, Range: r, Msg: fmt.Sprintf(format, args...), Fix: fix}
}
