// Package report prints what argdist has counted: tables of frequencies,
// histograms and statistics, for people in the format of bcc's argdist and for
// programs as JSON Lines and CSV. Its functions are pure: numbers in, text out.
//
// Where bcc's argdist is wrong it is not followed: negative numbers have rows of
// their own in a histogram, the mirror of those above zero, and are never lost
// among the largest numbers.
package report

import (
	"cmp"
	"slices"

	"github.com/ringside-tools/ringside/internal/output"
)

// Kind says what was gathered of each key, and so how it is shown.
type Kind uint8

const (
	Count  Kind = iota // how often (-C)
	Log2               // histogram by powers of two (-H)
	Linear             // histogram in equal steps
	Stats              // number, sum, average, minimum and maximum
	Sum
	Avg
	Min
	Max
)

// Table is what one probe has gathered in one interval.
type Table struct {
	Spec  string // as the user wrote it
	Label string // "" if the user gave none
	Kind  Kind
	// Exprs are the expressions of the key, as they are shown: "size", "$retval".
	// Without any, a count is of "total calls".
	Exprs []string
	Value string // the expression that a histogram or statistics are of
	// Signed says that values of statistics are of a signed type.
	Signed bool
	Scale  Scale // of a Linear histogram
	Top    int   // print only so many rows, the largest; 0 for all
	Rows   []Row
}

// Row is what was gathered of one key.
type Row struct {
	Key     []Value  // one for each of Exprs
	Count   uint64   // of events, unless there are Buckets; of statistics the number of values
	Buckets []Bucket // of a histogram, empty ones left out, in any order
	// Of statistics, in two's complement if the table is Signed.
	Total, Min, Max uint64
}

// Bucket is how many values fell into a slot of the table's histogram; see
// [Slot] and [Scale.Slot] for what the numbers mean.
type Bucket struct {
	Slot  int
	Count uint64
}

// Printer prints tables in one format.
type Printer interface {
	// Interval prints what was gathered in an interval.
	Interval(at Interval, tables []Table) error
	// Lost prints a line about events that are missing, if the format has such
	// lines.
	Lost(output.Loss) error
}

// Interval is the time in which a table was gathered, in nanoseconds since 1970
// UTC, and how many there were up to it, from 1.
type Interval struct {
	Number     uint64
	Start, End int64
}

// title is how the table is headed.
func (t *Table) title() string {
	if t.Label != "" {
		return t.Label
	}
	return t.Spec
}

// rows returns the rows to print, the largest last: of a count those that were
// seen most often, of statistics those with the largest number that is shown.
// Rows of the same size are in the order of their keys, so that two runs can be
// compared.
func (t *Table) rows() []Row {
	rows := slices.Clone(t.Rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(t.compare(&a, &b), slices.CompareFunc(a.Key, b.Key, Value.compare))
	})
	if t.Top > 0 && len(rows) > t.Top {
		rows = rows[len(rows)-t.Top:]
	}
	return rows
}

func (t *Table) compare(a, b *Row) int {
	number := func(x, y uint64) int {
		if t.Signed {
			return cmp.Compare(int64(x), int64(y))
		}
		return cmp.Compare(x, y)
	}
	switch t.Kind {
	case Sum:
		return number(a.Total, b.Total)
	case Avg:
		return number(t.average(a), t.average(b))
	case Min:
		return number(a.Min, b.Min)
	case Max:
		return number(a.Max, b.Max)
	}
	return cmp.Compare(a.events(), b.events())
}

// events is how many events a row stands for.
func (r *Row) events() uint64 {
	n := r.Count
	if r.Buckets != nil {
		n = 0
		for _, b := range r.Buckets {
			n += b.Count
		}
	}
	return n
}

// average is rounded toward zero, as C does.
func (t *Table) average(r *Row) uint64 {
	switch {
	case r.Count == 0:
		return 0
	case t.Signed && int64(r.Total) < 0:
		return -(-r.Total / r.Count)
	}
	return r.Total / r.Count
}
