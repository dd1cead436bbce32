package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// at is an interval that ends at 19:57:56, wherever the test runs.
var at = func() Interval {
	end := time.Date(2026, 1, 2, 19, 57, 56, 123456789, time.Local).UnixNano()
	return Interval{Number: 3, Start: end - 1e9, End: end}
}()

func printed(t *testing.T, blocks bool, tables ...Table) string {
	t.Helper()
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(NewText(&out, blocks).Interval(at, tables)))
	text, ok := strings.CutPrefix(out.String(), "[19:57:56]\n")
	qt.Assert(t, qt.IsTrue(ok))
	return text
}

// rows are counts of one number each.
func rows(pairs ...uint64) (out []Row) {
	for ; len(pairs) > 0; pairs = pairs[2:] {
		out = append(out, Row{Key: []Value{Uint(pairs[0])}, Count: pairs[1]})
	}
	return out
}

func TestCounts(t *testing.T) {
	for _, test := range []struct {
		name  string
		table Table
		want  string
	}{
		{"string", Table{Spec: "t:syscalls:sys_exit_epoll_wait():char*:$COMM", Exprs: []string{"$COMM"},
			Rows: []Row{{Key: []Value{Text([]byte("node"))}, Count: 4}}},
			"t:syscalls:sys_exit_epoll_wait():char*:$COMM\n\tCOUNT      EVENT\n\t4          $COMM = b'node'\n"},
		{"two expressions", Table{Spec: "p::k(size_t size, gfp_t flags):gfp_t,size_t:flags,size", Exprs: []string{"flags", "size"},
			Rows: []Row{{Key: []Value{Uint(131280), Uint(8)}, Count: 6}, {Key: []Value{Uint(16), Uint(152)}, Count: 1}}},
			"p::k(size_t size, gfp_t flags):gfp_t,size_t:flags,size\n\tCOUNT      EVENT\n" +
				"\t1          flags = 16, size = 152\n\t6          flags = 131280, size = 8\n"},
		{"label", Table{Spec: "p:c:fork()#fork calls", Label: "fork calls", Rows: []Row{{Count: 7}}},
			"fork calls\n\tCOUNT      EVENT\n\t7          total calls\n"},
		{"return value", Table{Spec: "r:c:gets()", Exprs: []string{"retval"}, Rows: []Row{{Key: []Value{Int(-1)}, Count: 12345678901}}},
			"r:c:gets()\n\tCOUNT      EVENT\n\t12345678901 retval = -1\n"},
		{"none", Table{Spec: "p:c:fork()"}, "p:c:fork()\n\tCOUNT      EVENT\n"},
		{"top", Table{Spec: "s", Exprs: []string{"x"}, Top: 2, Rows: rows(1, 30, 2, 10, 3, 20)},
			"s\n\tCOUNT      EVENT\n\t20         x = 3\n\t30         x = 1\n"},
		{"same counts by key", Table{Spec: "s", Exprs: []string{"x"}, Rows: []Row{
			{Key: []Value{Int(1)}, Count: 5}, {Key: []Value{Int(-1)}, Count: 5}, {Key: []Value{Int(0)}, Count: 5}}},
			"s\n\tCOUNT      EVENT\n\t5          x = -1\n\t5          x = 0\n\t5          x = 1\n"},
		{"values", Table{Spec: "s", Exprs: strings.Split("abcdefgh", ""), Rows: []Row{{Count: 1, Key: []Value{
			Int(math.MinInt64), Uint(math.MaxUint64), Pointer(4096), Bool(true), Bool(false), Char('x'), Enum(2, "AF_INET"), Enum(99, "")}}}},
			"s\n\tCOUNT      EVENT\n\t1          a = -9223372036854775808, b = 18446744073709551615, c = 4096, d = True, e = False, " +
				"f = b'x', g = AF_INET, h = 99\n"},
		{"unknown", Table{Spec: "s", Exprs: []string{"x"}, Rows: []Row{{Count: 1, Key: []Value{{}}}}}, "s\n\tCOUNT      EVENT\n\t1          x = -\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			qt.Check(t, qt.Equals(printed(t, false, test.table), test.want))
		})
	}
}

// TestHostile: whatever a program is called, a row stays a row.
func TestHostile(t *testing.T) {
	evil := "\x1b[2J\nx'\u202e\xff\\\""
	got := printed(t, false, Table{Spec: "s\n" + evil, Exprs: []string{"$COMM", "$K\n"}, Rows: []Row{{Count: 1, Key: []Value{
		Text([]byte(evil)), Stack([]symbol.Frame{{Name: []byte("f\n\x1b"), Offset: 1}})}}}})
	qt.Check(t, qt.Equals(got, `s\n\x1b[2J\nx'\u{202e}\xff\"`+"\n\tCOUNT      EVENT\n"+
		`	1          $COMM = b'\x1b[2J\nx\'\xe2\x80\xae\xff\\"'`+"\n"+
		`	           $K\n:`+"\n"+`	               f\n\x1b+0x1`+"\n"))
	for _, text := range [][2]string{{"it's", `b"it's"`}, {`"`, `b'"'`}, {"\x00\t\r\x7f~", `b'\x00\t\r\x7f~'`}, {"", `b''`}} {
		qt.Check(t, qt.Equals(string(Text([]byte(text[0])).append(nil)), text[1]))
	}
}

func TestStacks(t *testing.T) {
	frames := []symbol.Frame{{Name: []byte("vfs_read"), Offset: 1}, {Name: []byte("ksys_read"), Offset: 0x6f, Module: []byte("m")}}
	got := printed(t, false, Table{Spec: "s", Exprs: []string{"$KSTACK", "n"}, Rows: []Row{{Count: 3, Key: []Value{Stack(frames), Int(2)}}}},
		Table{Spec: "s", Exprs: []string{"$KSTACK"}, Rows: []Row{{Count: 3, Key: []Value{Stack(frames[:1])}}}})
	qt.Check(t, qt.Equals(got, `s
	COUNT      EVENT
	3          n = 2
	           $KSTACK:
	               vfs_read+0x1
	               ksys_read+0x6f [m]
s
	COUNT      EVENT
	3          $KSTACK:
	               vfs_read+0x1
`))
}

func TestStats(t *testing.T) {
	row := func(key string, n, total, low, high int64) Row {
		return Row{Key: []Value{Text([]byte(key))}, Count: uint64(n), Total: uint64(total), Min: uint64(low), Max: uint64(high)}
	}
	table := Table{Spec: "r:c:read()", Kind: Stats, Exprs: []string{"$COMM"}, Value: "$retval", Signed: true,
		Rows: []Row{row("dd", 3, -7, -9, 1), row("cat", 2, 131072, 0, 131072)}}
	qt.Check(t, qt.Equals(printed(t, false, table), `r:c:read()
	COUNT      TOTAL          AVG        MIN        MAX        EVENT
	2          131072         65536      0          131072     $COMM = b'cat'
	3          -7             -2         -9         1          $COMM = b'dd'
`))
	for kind, want := range map[Kind]string{
		Sum: "\tSUM        EVENT\n\t-7         $COMM = b'dd'\n\t131072     $COMM = b'cat'\n",
		Avg: "\tAVG        EVENT\n\t-2         $COMM = b'dd'\n\t65536      $COMM = b'cat'\n",
		Min: "\tMIN        EVENT\n\t-9         $COMM = b'dd'\n\t0          $COMM = b'cat'\n",
		Max: "\tMAX        EVENT\n\t1          $COMM = b'dd'\n\t131072     $COMM = b'cat'\n",
	} {
		table.Kind = kind
		qt.Check(t, qt.Equals(printed(t, false, table), "r:c:read()\n"+want))
	}
	alone := Table{Spec: "s", Kind: Max, Value: "len", Rows: []Row{{Count: 1, Max: math.MaxUint64}}}
	qt.Check(t, qt.Equals(printed(t, false, alone), "s\n\tMAX        EVENT\n\t18446744073709551615 len\n"))
}
