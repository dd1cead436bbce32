package report

import (
	"io"

	"github.com/ringside-tools/ringside/internal/output"
)

// csvPrinter prints one line for each key and interval, and of a histogram for each
// bucket.
type csvPrinter struct{ w output.Writer[Line] }

// NewCSV returns a printer of comma-separated values, and prints the names of the
// columns. There is a line for each key and interval, and of a histogram for each
// bucket.
func NewCSV(w io.Writer) (Printer, error) {
	p := &csvPrinter{output.NewCSV(w, csvFields)}
	if err := p.w.Header(); err != nil {
		return nil, err
	}
	return p, p.w.Flush()
}

// csvFields have a place for what any kind of table has.
var csvFields = func() []output.Field[Line] {
	fields := head("count", "The type of the line.")
	fields[2].Get = func(l *Line) output.Value { return output.Text(l.kind()) }
	bounds := func(name, doc string, get func(*line) bound) output.Field[Line] {
		return output.Field[Line]{Name: name, Type: output.TypeInt, Nullable: true, Doc: doc, Get: func(l *Line) output.Value {
			if l.bucket == nil || get(l.bucket).open {
				return output.Null()
			}
			return output.Text(get(l.bucket).String())
		}}
	}
	count := countField
	count.Get = func(l *Line) output.Value {
		if l.bucket != nil {
			return output.Uint(l.bucket.count)
		}
		return output.Uint(l.row.events())
	}
	fields = append(fields, valueField,
		output.Field[Line]{Name: "key", Type: output.TypeText, Doc: "The expressions and their values.",
			Get: func(l *Line) output.Value { return output.Bytes(l.key) }},
		bounds("bucket_min", "The least value of the bucket.", func(l *line) bound { return l.low }),
		bounds("bucket_max", "The greatest value of the bucket.", func(l *line) bound { return l.high }),
		count)
	return append(fields, statsFields()...)
}()

func (l *Line) kind() string {
	switch l.table.Kind {
	case Count:
		return "count"
	case Log2, Linear:
		return "hist"
	}
	return "stats"
}

// Interval prints what was gathered in an interval.
func (p *csvPrinter) Interval(at Interval, tables []Table) error {
	for i := range tables {
		t := &tables[i]
		for _, r := range t.rows() {
			l := Line{at: at, table: t, row: &r, key: csvKey(t, r.Key)}
			if t.Kind != Log2 && t.Kind != Linear {
				if err := p.w.Event(&l); err != nil {
					return err
				}
				continue
			}
			for _, b := range t.lines(bySlot(r.Buckets)) {
				if l.bucket = &b; b.count == 0 {
					continue
				}
				if err := p.w.Event(&l); err != nil {
					return err
				}
			}
		}
	}
	return p.w.Flush()
}

// Lost prints nothing: each line is a count.
func (p *csvPrinter) Lost(output.Loss) error { return nil }

// csvKey writes a key as in the table, but on one line: a stack as its functions
// with semicolons between them, outermost first, as flame graphs take them.
func csvKey(t *Table, key []Value) []byte {
	var dst []byte
	for i, v := range key {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, t.expr(i)...), " = "...)
		if v.kind != stack {
			dst = v.append(dst)
			continue
		}
		for j := range v.stack {
			if j > 0 {
				dst = append(dst, ';')
			}
			dst = v.stack[len(v.stack)-1-j].Append(dst)
		}
	}
	return dst
}
