package report

import (
	"fmt"
	"io"
	"time"

	"github.com/ringside-tools/ringside/internal/output"
)

// textPrinter prints tables in the format of bcc's argdist.
type textPrinter struct {
	w      io.Writer
	blocks bool
	buf    []byte
}

// NewText returns a printer of the format of bcc's argdist. With blocks, bars are
// made of Unicode blocks, an eighth of a column exact; else of stars, as bcc's are.
func NewText(w io.Writer, blocks bool) Printer { return &textPrinter{w: w, blocks: blocks} }

// Interval prints what was gathered in an interval, in one write.
func (p *textPrinter) Interval(at Interval, tables []Table) error {
	p.buf = time.Unix(0, at.End).AppendFormat(p.buf[:0], "[15:04:05]\n")
	for i := range tables {
		switch t := &tables[i]; t.Kind {
		case Log2, Linear:
			p.histograms(t)
		default:
			p.table(t)
		}
	}
	_, err := p.w.Write(p.buf)
	return err
}

// Lost prints nothing.
func (p *textPrinter) Lost(output.Loss) error { return nil }

// table prints a row for each key.
func (p *textPrinter) table(t *Table) {
	p.buf = append(output.AppendEscaped(p.buf, []byte(t.title())), "\n\t"...)
	for _, c := range columns[t.Kind] {
		p.buf = fmt.Appendf(p.buf, "%-*s ", c.width, c.head)
	}
	p.buf = append(p.buf, "EVENT\n"...)
	for _, r := range t.rows() {
		p.buf = append(p.buf, '\t')
		indent := 0
		for _, c := range columns[t.Kind] {
			p.buf = fmt.Appendf(p.buf, "%-*s ", c.width, t.number(c.get(t, &r), c.signed))
			indent += c.width + 1
		}
		p.buf = appendKey(p.buf, t, r.Key, fmt.Sprintf("\t%*s", indent, ""))
	}
}

// column is a number of a row.
type column struct {
	head   string
	width  int
	signed bool // where the table's values are
	get    func(*Table, *Row) uint64
}

var (
	countColumn = column{"COUNT", 10, false, func(_ *Table, r *Row) uint64 { return r.Count }}
	minColumn   = column{"MIN", 10, true, func(_ *Table, r *Row) uint64 { return r.Min }}
	maxColumn   = column{"MAX", 10, true, func(_ *Table, r *Row) uint64 { return r.Max }}
	columns     = map[Kind][]column{
		Count: {countColumn},
		Sum:   {{"SUM", 10, true, total}},
		Avg:   {{"AVG", 10, true, (*Table).average}},
		Min:   {minColumn},
		Max:   {maxColumn},
		Stats: {countColumn, {"TOTAL", 14, true, total}, {"AVG", 10, true, (*Table).average}, minColumn, maxColumn},
	}
)

func total(_ *Table, r *Row) uint64 { return r.Total }

// number writes a number of a row; values are signed if those of the table are.
func (t *Table) number(n uint64, value bool) string {
	if value && t.Signed {
		return fmt.Sprint(int64(n))
	}
	return fmt.Sprint(n)
}

// appendKey writes what a row is of, and ends the line. Stacks follow, each
// function on a line of its own behind indent.
func appendKey(dst []byte, t *Table, key []Value, indent string) []byte {
	if len(t.Exprs) == 0 {
		return append(append(dst, t.nothing()...), '\n')
	}
	first := true
	for i, v := range key {
		if v.kind == stack {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(output.AppendEscaped(dst, []byte(t.expr(i))), " = "...)
		dst = v.append(dst)
	}
	for i, v := range key {
		if v.kind != stack {
			continue
		}
		if !first {
			dst = append(append(dst, '\n'), indent...)
		}
		first = false
		dst = append(output.AppendEscaped(dst, []byte(t.expr(i))), ':')
		for _, f := range v.stack {
			dst = append(append(append(dst, '\n'), indent...), "    "...)
			dst = output.AppendEscaped(dst, f.Append(nil))
		}
	}
	return append(dst, '\n')
}

// nothing is what a table without a key is of.
func (t *Table) nothing() string {
	if t.Kind == Count {
		return "total calls"
	}
	return string(output.AppendEscaped(nil, []byte(t.Value)))
}

func (t *Table) expr(i int) string {
	if i < len(t.Exprs) {
		return t.Exprs[i]
	}
	return "?"
}
