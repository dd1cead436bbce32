package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
	"github.com/ringside-tools/ringside/internal/symbol"
)

func TestFields(t *testing.T) {
	for _, fields := range [][]output.Field[Line]{CountFields, HistogramFields, StatsFields} {
		qt.Check(t, qt.IsNil(output.CheckFields(fields)))
	}
}

// jsonLines prints tables, and checks every line against the schema.
func jsonLines(t *testing.T, tables ...Table) []string {
	t.Helper()
	schema, err := schematest.Compile(Schema("1"))
	qt.Assert(t, qt.IsNil(err))
	var out bytes.Buffer
	at := Interval{Number: 3, Start: 1e18, End: 1e18 + 5e9}
	qt.Assert(t, qt.IsNil(NewJSON(&out).Interval(at, tables)))
	lines := strings.SplitAfter(out.String(), "\n")
	for _, line := range lines[:len(lines)-1] {
		qt.Check(t, qt.IsTrue(len(line) < output.MaxLine))
		qt.Check(t, qt.IsNil(schema.Validate([]byte(line))), qt.Commentf("%s", line))
	}
	return lines[:len(lines)-1]
}

const (
	jsonHead = `{"time":"2001-09-09T01:46:45.000000000Z","tool":"argdist","type":"`
	jsonRest = `","start":"2001-09-09T01:46:40.000000000Z","interval":3,"spec":"s","label":`
)

func TestJSON(t *testing.T) {
	lines := jsonLines(t,
		Table{Spec: "s", Label: "l", Exprs: []string{"a", "b", "c", "d", "e", "f", "g", "g", "h"}, Rows: []Row{{Count: math.MaxUint64, Key: []Value{
			Int(math.MinInt64), Uint(math.MaxUint64), Pointer(0xffff888000000000), Bool(true), Char('x'), Enum(2, "AF_INET"),
			Text([]byte("\xff")), {}, Stack([]symbol.Frame{{Name: []byte("f"), Offset: 1}, {Name: []byte("\x1b"), Offset: 2}})}}}},
		Table{Spec: "s", Kind: Log2, Value: "len", Rows: []Row{{Buckets: []Bucket{{3, 7}, {-2, 5}, {4, 0}, {64, 1}}}}},
		Table{Spec: "s", Kind: Linear, Value: "len", Scale: Scale{0, 10, 5}, Rows: []Row{{Buckets: []Bucket{{0, 1}, {2, 2}, {3, 3}}}}},
		Table{Spec: "s", Kind: Stats, Value: "len", Signed: true, Rows: []Row{{Count: 2, Total: 3, Min: uint64(math.MaxUint64), Max: 4}}},
		Table{Spec: "s", Kind: Max, Value: "len", Rows: []Row{{Count: 2, Max: math.MaxUint64}}},
	)
	qt.Check(t, qt.DeepEquals(lines, []string{
		jsonHead + "count" + jsonRest + `"l","key":{"a":-9223372036854775808,"b":18446744073709551615,"c":"0xffff888000000000","d":true,"e":120,` +
			`"f":2,"f_name":"AF_INET","g":"` + "\ufffd" + `","g_b64":"/w==","g#2":null,"h":["f+0x1","\u001b+0x2"]},"key_cut":false,` +
			`"count":18446744073709551615,"cut":[]}` + "\n",
		jsonHead + "hist" + jsonRest + `null,"expr":"len","key":{},"key_cut":false,"count":13,"buckets":[{"min":-3,"max":-2,"count":5},` +
			`{"min":4,"max":7,"count":7},{"min":9223372036854775808,"max":18446744073709551615,"count":1}],"cut":[]}` + "\n",
		jsonHead + "hist" + jsonRest + `null,"expr":"len","key":{},"key_cut":false,"count":6,"buckets":[{"min":null,"max":-1,"count":1},` +
			`{"min":5,"max":9,"count":2},{"min":10,"max":null,"count":3}],"cut":[]}` + "\n",
		jsonHead + "stats" + jsonRest + `null,"expr":"len","key":{},"key_cut":false,"count":2,"total":3,"avg":1,"min":-1,"max":4,"cut":[]}` + "\n",
		jsonHead + "stats" + jsonRest + `null,"expr":"len","key":{},"key_cut":false,"count":2,"total":null,"avg":null,"min":null,` +
			`"max":18446744073709551615,"cut":[]}` + "\n",
	}))
}

// TestJSONFits: lines stay below 16 KiB with the longest strings, stacks and
// histograms that there can be.
func TestJSONFits(t *testing.T) {
	long := bytes.Repeat([]byte("\x1b"), 5000)
	frames := make([]symbol.Frame, 127)
	for i := range frames {
		frames[i] = symbol.Frame{Name: long[:200], Module: long[:200], Offset: math.MaxUint64, User: true}
	}
	full := Row{Key: []Value{Text(long), Int(1), Stack(frames)}}
	for slot := range MaxBuckets + 2 {
		full.Buckets = append(full.Buckets, Bucket{slot, math.MaxUint64 / 200})
	}
	table := Table{Spec: string(long), Label: string(long), Value: string(long), Kind: Linear, Exprs: []string{"a", "b", "c"},
		Scale: Scale{math.MinInt64, math.MaxInt64, math.MaxUint64/MaxBuckets + 1}, Rows: []Row{full}}
	qt.Assert(t, qt.IsNil(table.Scale.Check()))
	line := jsonLines(t, table)[0]
	var m struct {
		Key struct {
			A string
			B int
			C []string
		}
		KeyCut  bool `json:"key_cut"`
		Buckets []any
		Cut     []string
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &m)))
	qt.Check(t, qt.Equals(len(m.Buckets), MaxBuckets+2))
	qt.Check(t, qt.IsTrue(m.KeyCut))
	qt.Check(t, qt.Equals(m.Key.B, 1))
	qt.Check(t, qt.DeepEquals(m.Cut, []string{"spec", "label", "expr"}))
	// A count leaves more room.
	table.Kind, table.Spec, table.Label, table.Value = Count, "s", "", ""
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(jsonLines(t, table)[0]), &m)))
	qt.Check(t, qt.IsTrue(len(m.Key.A) > 500 && len(m.Key.C) > 0), qt.Commentf("%d %d", len(m.Key.A), len(m.Key.C)))
}

func TestCSV(t *testing.T) {
	var out bytes.Buffer
	w, err := NewCSV(&out)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Interval(Interval{Number: 1, Start: 1e18, End: 1e18 + 1e9}, []Table{
		{Spec: "s", Exprs: []string{"$COMM", "$KSTACK"}, Rows: []Row{{Count: 5, Key: []Value{Text([]byte("a\n")),
			Stack([]symbol.Frame{{Name: []byte("f"), Offset: 1}, {Name: []byte("g"), Offset: 2}})}}}},
		{Spec: "s", Label: "l", Kind: Log2, Value: "len", Rows: []Row{{Buckets: []Bucket{{1, 2}, {3, 4}}}}},
		{Spec: "s", Kind: Stats, Value: "len", Rows: []Row{{Count: 2, Total: 5, Min: 1, Max: 4}}},
	})))
	const head = "2001-09-09T01:46:41.000000000Z,argdist,"
	qt.Check(t, qt.Equals(out.String(),
		"time,tool,type,start,interval,spec,label,expr,key,bucket_min,bucket_max,count,total,avg,min,max\n"+
			head+`count,2001-09-09T01:46:40.000000000Z,1,s,,"","$COMM = b'a\n', $KSTACK = g+0x2;f+0x1",,,5,,,,`+"\n"+
			head+`hist,2001-09-09T01:46:40.000000000Z,1,s,l,len,"",0,1,2,,,,`+"\n"+
			head+`hist,2001-09-09T01:46:40.000000000Z,1,s,l,len,"",4,7,4,,,,`+"\n"+
			head+`stats,2001-09-09T01:46:40.000000000Z,1,s,,len,"",,,2,5,2,1,4`+"\n"))
}

// FuzzKeys: whatever a key contains, a table keeps its lines and JSON stays JSON.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("node"), "$COMM", int64(-1), uint16(1))
	f.Add([]byte("\x1b[2J\n\xff'\"\\"), "a\nb", int64(0), uint16(9999))
	f.Fuzz(func(t *testing.T, b []byte, expr string, n int64, repeat uint16) {
		long := bytes.Repeat(b, int(repeat)%512+1)
		key := []Value{Text(long), Enum(n, string(b)), Char(byte(n)), Stack([]symbol.Frame{{Name: long, Offset: 1}}), Int(n)}
		table := Table{Spec: expr, Exprs: []string{expr, expr, "c", "d"}, Rows: []Row{{Key: key, Count: 1}}}
		text := printed(t, false, table)
		qt.Check(t, qt.Equals(strings.Count(text, "\n"), 5))
		for _, c := range []byte(text) {
			qt.Assert(t, qt.IsTrue(c >= ' ' || c == '\n' || c == '\t'), qt.Commentf("%q", text))
		}
		qt.Assert(t, qt.Equals(len(jsonLines(t, table)), 1))
	})
}
