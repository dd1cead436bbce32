package output

import (
	"fmt"
	"io"
)

// Column is one column of the table. Columns are separated by one space.
type Column[E any] struct {
	Head  string
	Width int  // least width in runes; 0 does not pad
	Right bool // numbers to the right
	// Text fills the cell. Without it the column shows Field.
	Text  func(c *Cell, e *E)
	Field string // the name of a field
	Null  string // what stands for a Field that is null; "-" if empty
}

// tableWriter writes rows.
type tableWriter[E any] struct {
	sink
	cell  Cell
	cols  []tableColumn[E]
	below func(*Cell, *E)
}

type tableColumn[E any] struct {
	Column[E]
	get func(*E) Value
}

// NewTable returns a writer of the table for people: a head line, then a row per event.
//
// A cell that is wider than its column pushes the rest of its row to the right; nothing is cut. Widths count runes, so
// that East Asian wide characters and combining marks shift a row a little. The last column is not padded: no row ends
// in spaces of ours.
//
// below, if not nil, writes lines below the row of each event, and ends each of them with [Cell.EndLine].
func NewTable[E any](w io.Writer, fields []Field[E], cols []Column[E], below func(*Cell, *E)) (Writer[E], error) {
	t := &tableWriter[E]{sink: newSink(w), cell: Cell{utc: utcClock(), wall: wallClock()}, below: below}
	byName := make(map[string]func(*E) Value, len(fields))
	for _, f := range fields {
		byName[f.Name] = f.Get
	}
	for _, c := range cols {
		get := byName[c.Field]
		switch {
		case (c.Text == nil) == (c.Field == ""):
			return nil, fmt.Errorf("column %q: needs either Text or Field", c.Head)
		case c.Text == nil && get == nil:
			return nil, fmt.Errorf("column %q: no field %q", c.Head, c.Field)
		}
		if c.Null == "" {
			c.Null = "-"
		}
		t.cols = append(t.cols, tableColumn[E]{Column: c, get: get})
	}
	return t, nil
}

func (t *tableWriter[E]) Header() error {
	return t.row(func(c *tableColumn[E]) { t.cell.Text(c.Head) })
}

func (t *tableWriter[E]) Event(e *E) error {
	err := t.row(func(c *tableColumn[E]) {
		if c.Text != nil {
			c.Text(&t.cell, e)
			return
		}
		if v := c.get(e); v != Null() {
			t.cell.Value(v)
		} else {
			t.cell.Text(c.Null)
		}
	})
	if err != nil || t.below == nil {
		return err
	}
	t.cell.buf = t.buf
	t.below(&t.cell, e)
	t.buf = t.cell.buf
	return nil
}

// row writes a line of which fill makes the cells.
func (t *tableWriter[E]) row(fill func(*tableColumn[E])) error {
	if t.err != nil {
		return t.err
	}
	t.cell.buf = t.buf
	for i := range t.cols {
		c := &t.cols[i]
		if i > 0 {
			t.cell.buf = append(t.cell.buf, ' ')
		}
		start := len(t.cell.buf)
		fill(c)
		if i < len(t.cols)-1 || c.Right {
			t.cell.pad(start, c.Width, c.Right)
		}
	}
	return t.endLine(t.cell.buf)
}

// Lost writes nothing: a row that is no event would mislead whoever reads the columns. The caller tells stderr.
func (t *tableWriter[E]) Lost(Loss) error { return t.err }
