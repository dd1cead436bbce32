package report

import (
	"io"
	"strconv"

	"github.com/ringside-tools/ringside/internal/output"
)

// jsonPrinter prints one object for each key and interval.
type jsonPrinter struct {
	count, hist, stats output.Writer[Line]
}

// NewJSON returns a printer of JSON Lines: one object for each key and interval.
func NewJSON(w io.Writer) Printer {
	return &jsonPrinter{
		count: output.NewJSON(w, tool, CountFields),
		hist:  output.NewJSON(w, tool, HistogramFields),
		stats: output.NewJSON(w, tool, StatsFields),
	}
}

// Interval prints what was gathered in an interval.
func (p *jsonPrinter) Interval(at Interval, tables []Table) error {
	for i := range tables {
		if err := p.table(at, &tables[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *jsonPrinter) table(at Interval, t *Table) error {
	w := p.stats
	switch t.Kind {
	case Count:
		w = p.count
	case Log2, Linear:
		w = p.hist
	}
	for _, r := range t.rows() {
		l := Line{at: at, table: t, row: &r}
		if t.Kind == Log2 || t.Kind == Linear {
			l.buckets = appendBuckets(nil, t, r.Buckets)
		}
		l.key, l.cut = jsonKey(t, r.Key, maxKey-len(l.buckets))
		if err := w.Event(&l); err != nil {
			return err
		}
	}
	return w.Flush() // before another writer goes on
}

// Lost prints a line about events that are missing.
func (p *jsonPrinter) Lost(l output.Loss) error {
	if err := p.count.Lost(l); err != nil {
		return err
	}
	return p.count.Flush()
}

// maxKey leaves room in a line for the other fields, of which specifier, label and
// expression are cut by their writer when they are longer.
const maxKey = output.MaxLine - 1536

// maxName is how much of an expression becomes the name of a member, in bytes.
const maxName = 256

// jsonKey makes the key of a line. One that is longer than limit has its longest
// strings and stacks shortened.
func jsonKey(t *Table, key []Value, limit int) (text []byte, cut bool) {
	for most := 1 << 20; ; most /= 2 {
		text, cut = appendJSONKey(nil, t, key, most)
		if len(text) <= limit || most == 1 {
			return text, cut
		}
	}
}

// appendJSONKey appends an object with the values. Of a string it takes no more
// than most bytes, of a stack no more than most bytes of frames.
func appendJSONKey(dst []byte, t *Table, key []Value, most int) (_ []byte, cut bool) {
	dst = append(dst, '{')
	names := make(map[string]bool)
	for i, v := range key {
		name := uniqueName(names, t.expr(i))
		if i > 0 {
			dst = append(dst, ',')
		}
		var short bool
		dst, short = appendMember(dst, name, v, most)
		cut = cut || short
	}
	return append(dst, '}'), cut
}

// uniqueName keeps two members of an object from having the same name, should an
// expression be in the key twice.
func uniqueName(names map[string]bool, name string) string {
	name = name[:min(len(name), maxName)]
	unique := name
	for n := 2; names[unique]; n++ {
		unique = name + "#" + strconv.Itoa(n)
	}
	names[unique] = true
	return unique
}

func appendName(dst []byte, name, suffix string) []byte {
	dst, _ = output.AppendJSON(dst, []byte(name+suffix))
	return append(dst, ':')
}

func appendMember(dst []byte, name string, v Value, most int) (_ []byte, cut bool) {
	dst = appendName(dst, name, "")
	switch v.kind {
	case signed:
		return strconv.AppendInt(dst, int64(v.n), 10), false
	case unsigned:
		return strconv.AppendUint(dst, v.n, 10), false
	case pointer:
		return append(strconv.AppendUint(append(dst, `"0x`...), v.n, 16), '"'), false
	case boolean:
		return strconv.AppendBool(dst, v.n != 0), false
	case char:
		return strconv.AppendUint(dst, v.n, 10), false
	case enum:
		dst = strconv.AppendInt(dst, int64(v.n), 10)
		dst = appendName(append(dst, ','), name, "_name")
		if len(v.text) == 0 {
			return append(dst, "null"...), false
		}
		b := v.text[:min(len(v.text), most)]
		dst, _ = output.AppendJSON(dst, b)
		return dst, len(b) < len(v.text)
	case text:
		b := v.text[:min(len(v.text), most)]
		dst, valid := output.AppendJSON(dst, b)
		if !valid {
			dst = output.AppendBase64(appendName(append(dst, ','), name, "_b64"), b)
		}
		return dst, len(b) < len(v.text)
	case stack:
		return appendStack(dst, v, most)
	}
	return append(dst, "null"...), false
}

func appendStack(dst []byte, v Value, most int) (_ []byte, cut bool) {
	dst = append(dst, '[')
	for i, f := range v.stack {
		name := f.Append(nil)
		if most -= len(name); most < 0 {
			return append(dst, ']'), true
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, _ = output.AppendJSON(dst, name)
	}
	return append(dst, ']'), false
}

// appendBuckets appends the list of buckets that are not empty.
func appendBuckets(dst []byte, t *Table, buckets []Bucket) []byte {
	dst = append(dst, '[')
	first := true
	for _, l := range t.lines(bySlot(buckets)) {
		if l.count == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = l.low.appendJSON(append(dst, `{"min":`...))
		dst = l.high.appendJSON(append(dst, `,"max":`...))
		dst = append(strconv.AppendUint(append(dst, `,"count":`...), l.count, 10), '}')
	}
	return append(dst, ']')
}

func (b bound) appendJSON(dst []byte) []byte {
	if b.open {
		return append(dst, "null"...)
	}
	return append(dst, b.String()...)
}
