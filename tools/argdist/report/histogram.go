package report

import (
	"fmt"
	"strconv"

	"github.com/ringside-tools/ringside/internal/output"
)

// Columns of a histogram.
const (
	narrow = 10 // digits of a bound
	wide   = 20
	bar    = 40 // half of it beside wide bounds
)

// lastNarrow is the last slot that bcc prints in the narrow format.
const lastNarrow = 32

// histograms prints one for each key, under a line with the key; one that is empty
// is not printed. As in bcc there is no line with the probe.
func (p *textPrinter) histograms(t *Table) {
	for _, r := range t.rows() {
		if r.events() == 0 {
			continue
		}
		if len(t.Exprs) > 0 {
			p.buf = appendKey(append(p.buf, '\n'), t, r.Key, "")
		}
		p.histogram(t, r.Buckets)
	}
}

func (p *textPrinter) histogram(t *Table, buckets []Bucket) {
	counts := bySlot(buckets)
	lines := t.lines(counts)
	digits, width, head := narrow, bar, "     %-19s : count     distribution\n"
	if t.wide(lines) {
		digits, width, head = wide, bar/2, "               %-29s : count     distribution\n"
	}
	label := t.Label
	if label == "" {
		label = t.Value
	}
	p.buf = fmt.Appendf(p.buf, head, output.AppendEscaped(nil, []byte(label)))
	var most uint64
	for _, n := range counts {
		most = max(most, n)
	}
	for _, l := range lines {
		p.buf = fmt.Appendf(p.buf, "%*s -> %-*s : %-8d |", digits, l.low, digits, l.high, l.count)
		p.buf = append(appendBar(p.buf, l.count, most, width, p.blocks), "|\n"...)
	}
}

// line is a bucket as it is printed.
type line struct {
	slot      int
	low, high bound
	count     uint64
}

// bounds returns the bounds of a slot of the table's histograms.
func (t *Table) bounds(slot int) (low, high bound) {
	if t.Kind == Linear {
		return t.Scale.bounds(slot)
	}
	return log2Bounds(slot)
}

// lines returns the buckets to print, empty ones between them included.
func (t *Table) lines(counts map[int]uint64) []line {
	from, to := used(counts)
	if t.Kind == Log2 {
		from, to = log2Range(counts)
	}
	var out []line
	for slot := from; slot <= to; slot++ {
		if slot == 0 && t.Kind == Log2 {
			continue
		}
		low, high := t.bounds(slot)
		out = append(out, line{slot, low, high, counts[slot]})
	}
	return out
}

// wide reports whether lines need the wide format.
func (t *Table) wide(lines []line) bool {
	for _, l := range lines {
		if t.Kind == Log2 && l.slot > lastNarrow || len(l.low.String()) > narrow || len(l.high.String()) > narrow {
			return true
		}
	}
	return false
}

// bySlot adds buckets up.
func bySlot(buckets []Bucket) map[int]uint64 {
	counts := make(map[int]uint64, len(buckets))
	for _, b := range buckets {
		if b.Count > 0 {
			counts[b.Slot] += b.Count
		}
	}
	return counts
}

func (b bound) String() string {
	switch {
	case b.open:
		return "..."
	case b.negative:
		return strconv.FormatInt(int64(b.n), 10)
	}
	return strconv.FormatUint(b.n, 10)
}
