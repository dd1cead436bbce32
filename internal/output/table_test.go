package output

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// rows writes events as a table without a head line.
func rows(t *testing.T, cols []Column[exec], events ...*exec) string {
	t.Helper()
	var out bytes.Buffer
	w, err := NewTable(&out, execFields(), cols, nil)
	qt.Assert(t, qt.IsNil(err))
	for _, e := range events {
		qt.Assert(t, qt.IsNil(w.Event(e)))
		qt.Assert(t, qt.IsNil(w.Lost(Loss{Counts: []Count{{"lost", 1}}})))
	}
	qt.Assert(t, qt.IsNil(w.Flush()))
	return out.String()
}

func TestTableGolden(t *testing.T) {
	var out bytes.Buffer
	w, err := NewTable(&out, execFields(), execColumns(), nil)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Header()))
	e := newExec()
	qt.Assert(t, qt.IsNil(w.Event(e)))
	e.comm, e.ret = []byte("größe"), -2
	e.args = [][]byte{[]byte("/tmp/\x1b[2Ja"), []byte("x\ny"), []byte("\xff")}
	qt.Assert(t, qt.IsNil(w.Event(e)))
	e.comm = []byte("longer-than-the-column")
	e.args = nil
	qt.Assert(t, qt.IsNil(w.Event(e)))
	qt.Assert(t, qt.IsNil(w.Flush()))

	clock := time.Unix(0, e.time).Format("15:04:05")
	qt.Assert(t, qt.Equals(out.String(), ""+
		"TIME     PCOMM            PID     PPID    RET ARGS\n"+
		clock+" ls               4242    4100      0 ls --color=auto -l /var/lib/postgresql/data\n"+
		clock+` größe            4242    4100     -2 /tmp/\x1b[2Ja x\ny \xff`+"\n"+
		clock+" longer-than-the-column 4242    4100     -2 \n"))
}

func TestTableValues(t *testing.T) {
	cols := func(field string) []Column[exec] { return []Column[exec]{{Head: "X", Field: field}} }
	for field, want := range map[string]string{
		"time": "2026-01-02T03:04:05.123456789Z", "setuid": "0", "entry": "0x55d0c0ffee00", "container_id": "-", "caps": "CAP_NET_RAW",
	} {
		qt.Check(t, qt.Equals(rows(t, cols(field), newExec()), want+"\n"))
	}
	e := newExec()
	e.setuid = true
	qt.Check(t, qt.Equals(rows(t, cols("setuid"), e), "1\n"))

	qt.Check(t, qt.Equals(rows(t, []Column[exec]{
		{Head: "CONTAINER", Field: "container_id", Null: "host", Width: 6},
		{Head: "ERR", Field: "error", Right: true, Width: 4},
	}, e), "host      -\n"))
}

func TestCell(t *testing.T) {
	for want, fill := range map[string]func(c *Cell){
		`127.0.0.1:53`:          func(c *Cell) { c.Text("127.0.0.1"); c.Text(":"); c.Uint(53) },
		`a\x1b`:                 func(c *Cell) { c.Text("a\x1b") },
		`\u{202e}`:              func(c *Cell) { c.Bytes([]byte("\u202e")) },
		`"a\"\n"`:               func(c *Cell) { c.Quoted([]byte("a\"\n")) },
		`-5`:                    func(c *Cell) { c.Int(-5) },
		`0xff`:                  func(c *Cell) { c.Hex(255) },
		`1`:                     func(c *Cell) { c.Value(Bool(true)) },
		`a b`:                   func(c *Cell) { c.Value(TextList([]string{"a", "b"})) },
		`-`:                     func(c *Cell) { c.Value(Null()) },
		`1.234`:                 func(c *Cell) { c.Decimal(1234, 3) },
		`0.004`:                 func(c *Cell) { c.Decimal(4, 3) },
		`0.00`:                  func(c *Cell) { c.Decimal(0, 2) },
		`-12.5`:                 func(c *Cell) { c.Decimal(-125, 1) },
		`7`:                     func(c *Cell) { c.Decimal(7, 0) },
		`-9223372036854775.808`: func(c *Cell) { c.Decimal(-1<<63, 3) },
	} {
		got := rows(t, []Column[exec]{{Head: "X", Text: func(c *Cell, _ *exec) { fill(c) }}}, newExec())
		qt.Check(t, qt.Equals(got, want+"\n"))
	}
}

func TestTableErrors(t *testing.T) {
	text := func(*Cell, *exec) {}
	for _, test := range []struct {
		col  Column[exec]
		want string
	}{
		{Column[exec]{Head: "X"}, `column "X": needs either Text or Field`},
		{Column[exec]{Head: "X", Text: text, Field: "pid"}, `column "X": needs either Text or Field`},
		{Column[exec]{Head: "X", Field: "pdi"}, `column "X": no field "pdi"`},
	} {
		_, err := NewTable(nil, execFields(), []Column[exec]{test.col}, nil)
		qt.Check(t, qt.ErrorMatches(err, test.want))
	}
}

// TestTableBelow: lines below a row are escaped, ended where they say, and written
// with their row.
func TestTableBelow(t *testing.T) {
	var out bytes.Buffer
	cols := []Column[exec]{{Head: "COMM", Width: 6, Field: "comm"}, {Head: "PID", Field: "pid"}}
	n := 0
	w, err := NewTable(&out, execFields(), cols, func(c *Cell, e *exec) {
		for range n {
			c.Text("  at ")
			c.Bytes([]byte("f\n\x1b+"))
			c.Hex(uint64(n))
			c.EndLine()
		}
	})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Header()))
	for n = range 3 {
		qt.Assert(t, qt.IsNil(w.Event(newExec())))
	}
	qt.Check(t, qt.Equals(out.String(), "")) // until it is flushed
	qt.Assert(t, qt.IsNil(w.Flush()))
	const row, below = "ls     4242\n", `  at f\n\x1b+`
	qt.Check(t, qt.Equals(out.String(), "COMM   PID\n"+row+row+below+"0x1\n"+row+below+"0x2\n"+below+"0x2\n"))

	// A block that is full ends with a row; what is below it is not lost.
	out.Reset()
	n = 1
	for range 10007 {
		qt.Assert(t, qt.IsNil(w.Event(newExec())))
	}
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Check(t, qt.IsTrue(out.String() == strings.Repeat(row+below+"0x1\n", 10007)))
}
