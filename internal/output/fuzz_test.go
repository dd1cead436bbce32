package output

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-quicktest/qt"
)

// fuzzValues makes eight values that vary in length and fifteen that do not of what the fuzzer finds. repeat makes
// long ones of short input.
func fuzzValues(text, list []byte, repeat uint16, n int64) []Value {
	long := bytes.Repeat(text, int(repeat)%4096+1)
	parts := bytes.Split(list, []byte(","))
	longParts := bytes.Split(bytes.Repeat(list, int(repeat)%1024+1), []byte(","))
	vals := []Value{
		Bytes(text), Bytes(long), Bytes(list), Bytes(nil), ByteList(parts), ByteList(longParts), Text(string(list)),
		TextList(strings.Split(string(text), " ")),
	}
	for range 3 {
		vals = append(vals, Int(n), Uint(uint64(n)), Hex(uint64(n)), Bool(n < 0), Time(n))
	}
	return vals
}

func seeds(f *testing.F) {
	f.Add([]byte("/usr/bin/ls"), []byte("ls,-l,/tmp"), uint16(0), int64(0))
	f.Add([]byte("\x1b]0;title\x07\xff\u202e\"\\"), []byte("\xff,,\n,\u2028,\","), uint16(3), int64(-1))
	f.Add([]byte("\xff"), []byte(","), uint16(4095), int64(1<<62))
	f.Add([]byte("\x00"), []byte("\xe2\x82,\xac"), uint16(65535), int64(-1<<63))
	f.Add([]byte("日本語 🦊"), []byte("é,\U000e0041"), uint16(999), int64(1))
}

func FuzzJSONLine(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text, list []byte, repeat uint16, n int64) {
		vals := fuzzValues(text, list, repeat, n)
		fields := wideFields(len(vals))
		var out bytes.Buffer
		w := NewJSON(&out, "wide", fields)
		qt.Assert(t, qt.IsNil(w.Event(&wide{vals})))
		qt.Assert(t, qt.IsNil(w.Flush()))
		m := checkJSONLine(t, out.Bytes())

		cut := make(map[string]bool)
		for _, name := range m["cut"].([]any) {
			cut[name.(string)] = true
		}
		for i, v := range vals {
			if v.variable() {
				checkRoundTrip(t, v, m[fields[i].Name], m[fields[i].Name+"_b64"], cut[fields[i].Name])
			}
		}
	})
}

// checkRoundTrip checks that what the line says of a value is true, and all of it unless it was cut.
func checkRoundTrip(t *testing.T, v Value, text, twin any, cut bool) {
	t.Helper()
	texts, isList := text.([]any)
	if !isList {
		texts = []any{text}
	}
	twins, _ := twin.([]any)
	if s, ok := twin.(string); ok {
		twins = []any{s}
	}
	if isList != v.isList() || len(texts) > v.count() || !cut && len(texts) != v.count() {
		t.Fatalf("%d of %d elements, cut %v", len(texts), v.count(), cut)
	}
	if twins != nil && len(twins) != len(texts) {
		t.Fatalf("%d elements, %d twins", len(texts), len(twins))
	}
	valid := true
	for i := range texts {
		want, got := v.elem(i), texts[i].(string)
		valid = valid && utf8.Valid(want)
		if cut && i == len(texts)-1 {
			if twins != nil {
				raw, err := base64.StdEncoding.DecodeString(twins[i].(string))
				qt.Assert(t, qt.IsNil(err))
				want = want[:min(len(raw), len(want))]
			} else { // as many runes as are shown
				k := 0
				for range utf8.RuneCountInString(got) {
					_, size := utf8.DecodeRune(want[k:])
					k += size
				}
				want = want[:k]
			}
		}
		if got != string([]rune(string(want))) {
			t.Fatalf("%q is shown as %q", want, got)
		}
		if twins != nil && twins[i] != base64.StdEncoding.EncodeToString(want) {
			t.Fatalf("%q has the twin %q", want, twins[i])
		}
	}
	if !cut && (twins != nil) != (!valid && (v.t == TypeBytes || v.t == TypeList)) {
		t.Fatalf("valid %v, twin %v", valid, twin)
	}
}

func FuzzTableLine(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text, list []byte, repeat uint16, n int64) {
		vals := fuzzValues(text, list, repeat, n)
		fields := wideFields(len(vals))
		cols := []Column[wide]{{Head: string(text), Width: 7, Text: func(c *Cell, _ *wide) {
			c.Bytes(text)
			c.Quoted(list)
			c.Decimal(n, int(repeat%20))
			c.Clock(n)
		}}}
		for i, fld := range fields {
			cols = append(cols, Column[wide]{Head: fld.Name, Width: i, Right: i%2 == 0, Field: fld.Name, Null: string(list)})
		}
		var out bytes.Buffer
		w, err := NewTable(&out, fields, cols, nil)
		qt.Assert(t, qt.IsNil(err))
		vals[3] = Null()
		for _, write := range []func() error{w.Header, func() error { return w.Event(&wide{vals}) }} {
			out.Reset()
			qt.Assert(t, qt.IsNil(write()))
			qt.Assert(t, qt.IsNil(w.Flush()))
			body, ok := bytes.CutSuffix(out.Bytes(), []byte("\n"))
			qt.Assert(t, qt.IsTrue(ok))
			checkSafe(t, body)
		}
	})
}

func FuzzCSV(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text, list []byte, repeat uint16, n int64) {
		vals := fuzzValues(text, list, repeat, n)
		line := csvLine(t, vals...)
		checkSafe(t, []byte(line[:len(line)-1]))

		r := csv.NewReader(strings.NewReader(line))
		cells, err := r.Read()
		qt.Assert(t, qt.IsNil(err))
		_, err = r.Read()
		qt.Assert(t, qt.Equals(err, io.EOF))
		qt.Assert(t, qt.HasLen(cells, len(vals)))
		for i, v := range vals {
			switch {
			case v.isList():
				var elems []string
				qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(cells[i]), &elems)))
				qt.Assert(t, qt.HasLen(elems, v.count()))
				for k := range elems {
					if b := v.elem(k); utf8.Valid(b) {
						qt.Assert(t, qt.Equals(elems[k], string(b)))
					}
				}
			case v.variable():
				qt.Assert(t, qt.Equals(cells[i], string(AppendEscaped(nil, v.elem(0)))))
			}
		}
	})
}
