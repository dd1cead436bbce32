package report

import (
	"slices"

	"github.com/ringside-tools/ringside/internal/output"
)

// Line is what one line of JSON or CSV is made of.
type Line struct {
	at      Interval
	table   *Table
	row     *Row
	key     []byte // in JSON, or as text in CSV
	cut     bool
	buckets []byte // in JSON
	bucket  *line  // in CSV
}

const tool = "argdist"

// head is what every line begins with.
func head(kind, doc string) []output.Field[Line] {
	return []output.Field[Line]{
		{Name: "time", Type: output.TypeTime, Doc: "When the interval ended, in UTC.",
			Get: func(l *Line) output.Value { return output.Time(l.at.End) }},
		{Name: "tool", Type: output.TypeText, Doc: "The command that counted.",
			Get: func(*Line) output.Value { return output.Text(tool) }},
		{Name: "type", Type: output.TypeText, Enum: []string{kind}, Doc: doc,
			Get: func(*Line) output.Value { return output.Text(kind) }},
		{Name: "start", Type: output.TypeTime, Doc: "When the interval began; with -c the first one.",
			Get: func(l *Line) output.Value { return output.Time(l.at.Start) }},
		{Name: "interval", Type: output.TypeUint, Doc: "Number of the interval, from 1.",
			Get: func(l *Line) output.Value { return output.Uint(l.at.Number) }},
		{Name: "spec", Type: output.TypeText, Doc: "The specifier as it was given.",
			Get: func(l *Line) output.Value { return output.Text(l.table.Spec) }},
		{Name: "label", Type: output.TypeText, Nullable: true, Doc: "The label of the specifier.",
			Get: func(l *Line) output.Value { return textOrNull(l.table.Label) }},
	}
}

var (
	keyField = output.Field[Line]{Name: "key", Type: output.TypeJSON, Schema: keySchema,
		Doc: "The values of the expressions, by expression. NAME_b64 has the bytes of one that is not UTF-8, NAME_name the " +
			"constant of an enumeration. Addresses are strings, a stack is a list with the innermost function first.",
		Get: func(l *Line) output.Value { return output.JSON(l.key) }}
	keyCut = output.Field[Line]{Name: "key_cut", Type: output.TypeBool,
		Doc: "Whether a string or a stack of the key was shortened to keep the line below 16 KiB.",
		Get: func(l *Line) output.Value { return output.Bool(l.cut) }}
	valueField = output.Field[Line]{Name: "expr", Type: output.TypeText, Doc: "The expression whose values were gathered.",
		Get: func(l *Line) output.Value { return output.Text(l.table.Value) }}
	countField = output.Field[Line]{Name: "count", Type: output.TypeUint, Doc: "How many events there were.",
		Get: func(l *Line) output.Value { return output.Uint(l.row.events()) }}
	bucketsField = output.Field[Line]{Name: "buckets", Type: output.TypeJSON, Schema: bucketsSchema,
		Doc: "The buckets that are not empty, in the order of their values: count values from min to max, both included; null where " +
			"a bucket has no end.",
		Get: func(l *Line) output.Value { return output.JSON(l.buckets) }}
)

const (
	keySchema = `{"type":"object","additionalProperties":{"anyOf":[{"type":["integer","string","boolean","null"]},` +
		`{"type":"array","items":{"type":"string"}}]}}`
	bucketsSchema = `{"type":"array","items":{"type":"object","properties":{"min":{"type":["integer","null"]},` +
		`"max":{"type":["integer","null"]},"count":{"type":"integer","minimum":1}},` +
		`"required":["min","max","count"],"additionalProperties":false}}`
)

// CountFields are the fields of a line for each key of a count.
var CountFields = append(head("count", "The type of the line: count."), keyField, keyCut, countField)

// HistogramFields are those for each key of a histogram.
var HistogramFields = append(head("hist", "The type of the line: hist."), valueField, keyField, keyCut, countField, bucketsField)

// StatsFields are those for each key of statistics.
var StatsFields = append(head("stats", "The type of the line: stats."), append([]output.Field[Line]{
	valueField, keyField, keyCut, countField}, statsFields()...)...)

// statsFields are the numbers of statistics. Those that the table is not of are
// null.
func statsFields() []output.Field[Line] {
	number := func(name, doc string, get func(*Table, *Row) uint64, of ...Kind) output.Field[Line] {
		return output.Field[Line]{Name: name, Type: output.TypeInt, Nullable: true, Doc: doc, Get: func(l *Line) output.Value {
			switch {
			case l.table.Kind != Stats && !slices.Contains(of, l.table.Kind):
				return output.Null()
			case l.table.Signed:
				return output.Int(int64(get(l.table, l.row)))
			}
			return output.Uint(get(l.table, l.row))
		}}
	}
	return []output.Field[Line]{
		number("total", "Sum of the values, in 64 bits.", total, Sum, Avg),
		number("avg", "Their average, rounded toward zero.", (*Table).average, Avg),
		number("min", "The least value.", minColumn.get, Min),
		number("max", "The greatest value.", maxColumn.get, Max),
	}
}

// Schema returns the JSON Schema of all lines.
func Schema(version string) []byte {
	return output.Schema(tool, version, CountFields, output.NewVariant(tool, HistogramFields), output.NewVariant(tool, StatsFields))
}

func textOrNull(s string) output.Value {
	if s == "" {
		return output.Null()
	}
	return output.Text(s)
}
