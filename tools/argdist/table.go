package main

import (
	"bytes"
	"encoding/binary"

	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/report"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// source is where a table comes from.
type source interface {
	// take adds what was gathered since the last time. Without accumulate, what was
	// there before is forgotten. It returns how many keys there are to it.
	take(accumulate bool) (int, error)
	// table makes of that what is printed: of a count the top most frequent, 0 for all.
	table(top int) report.Table
	counters() (gen.Counters, error)
	// missing are runs of our programs that the kernel skipped, and calls and returns
	// that did not come to them. To ask takes a system call for each probe.
	missing() (skipped, missed uint64)
	hook() hookReport
	listings() []string // the programs, for people
	detach()            // stops the programs; what they have gathered can still be taken
	close()
}

// tally is what was gathered for a plan, by key.
type tally struct {
	plan *plan
	at   *probe.Attached
	rows map[string]*probe.Entry
	// stacks names the frames of a stack by its id.
	stacks func(id int64, user bool) report.Value
}

func (t *tally) counters() (gen.Counters, error)   { return t.at.Maps.ReadCounters() }
func (t *tally) missing() (skipped, missed uint64) { return t.at.Skipped(), t.at.Missed() }

func (t *tally) hook() hookReport {
	return hookReport{oneLine(t.plan.text), t.at.Rung, t.at.Targets, append([]string{}, t.at.Refused...)}
}

func (t *tally) listings() []string { return t.at.Listings() }
func (t *tally) detach()            { t.at.Detach() }
func (t *tally) close()             { t.at.Close() }

func (t *tally) take(accumulate bool) (int, error) {
	entries, err := t.at.Maps.Rotate(t.plan.signed())
	if err != nil {
		return 0, err
	}
	if !accumulate || t.rows == nil {
		t.rows = make(map[string]*probe.Entry, len(entries))
	}
	for i := range entries {
		e := &entries[i]
		if before, ok := t.rows[string(e.Key)]; ok {
			before.Merge(e, t.plan.signed())
		} else {
			t.rows[string(e.Key)] = e
		}
	}
	return len(entries), nil
}

func (t *tally) table(top int) report.Table {
	p := t.plan
	exprs := p.checked.Exprs
	out := report.Table{Spec: oneLine(p.text), Label: p.checked.Spec.Label, Kind: p.kind, Signed: p.signed()}
	if p.kind == report.Count {
		out.Top = top
	}
	keys := exprs
	if p.kind != report.Count {
		last := len(exprs) - 1
		keys, out.Value = exprs[:last], exprs[last].Text
		out.Scale = report.Scale(p.request.Table.Scale)
	}
	for i := range keys {
		out.Exprs = append(out.Exprs, shown(keys[i].Text))
	}
	out.Value = shown(out.Value)
	if p.checked.Default && len(exprs) > 0 { // as bcc has it, without the $
		if out.Exprs != nil {
			out.Exprs = []string{"retval"}
		} else {
			out.Value = "retval"
		}
	}
	if p.kind == report.Log2 || p.kind == report.Linear {
		out.Rows = t.histograms(keys)
		return out
	}
	for key, e := range t.rows {
		values, _ := t.values(keys, []byte(key))
		out.Rows = append(out.Rows, report.Row{Key: values, Count: e.Count, Total: e.Sum, Min: e.Min, Max: e.Max})
	}
	return out
}

// histograms puts the buckets of a key together, whose slots are the last part of
// the keys in the map.
func (t *tally) histograms(keys []check.Expr) []report.Row {
	index := make(map[string]int)
	var rows []report.Row
	for key, e := range t.rows {
		values, rest := t.values(keys, []byte(key))
		own := key[:len(key)-len(rest)]
		i, ok := index[own]
		if !ok {
			i = len(rows)
			index[own] = i
			rows = append(rows, report.Row{Key: values})
		}
		slot := int(int64(binary.NativeEndian.Uint64(rest)))
		rows[i].Buckets = append(rows[i].Buckets, report.Bucket{Slot: slot, Count: e.Count})
	}
	return rows
}

// values reads the parts of a key, and returns what is behind them.
func (t *tally) values(exprs []check.Expr, key []byte) (values []report.Value, rest []byte) {
	for i := range exprs {
		e := &exprs[i]
		n := gen.KeyPart(e.Node)
		values = append(values, t.value(e, key[:n]))
		key = key[n:]
	}
	return values, key
}

func (t *tally) value(e *check.Expr, part []byte) report.Value {
	if e.IsText() {
		text, _, _ := bytes.Cut(part, []byte{0})
		return report.Text(text)
	}
	n := int64(binary.NativeEndian.Uint64(part))
	if in, ok := e.Node.(*tree.Input); ok && (in.Source == tree.Stack || in.Source == tree.UserStack) {
		return t.stacks(n, in.Source == tree.UserStack)
	}
	switch u := ctype.Underlying(e.Type).(type) {
	case *ctype.Pointer:
		return report.Pointer(uint64(n))
	case *ctype.Enum:
		for _, v := range u.Values {
			if v.Value == n {
				return report.Enum(n, v.Name)
			}
		}
		return report.Enum(n, "")
	case *ctype.Int:
		switch {
		case u.Bool:
			return report.Bool(n != 0)
		case u.Char && e.Type == ctype.Type(u): // char itself, and no typedef such as u8
			return report.Char(byte(n))
		}
	}
	if ctype.IsSigned(e.Type) {
		return report.Int(n)
	}
	return report.Uint(uint64(n))
}
