package output

import (
	"bytes"
	"io"
	"testing"

	"github.com/go-quicktest/qt"
)

func writers(tb testing.TB, out io.Writer) map[string]Writer[exec] {
	table, err := NewTable(out, execFields(), execColumns(), nil)
	qt.Assert(tb, qt.IsNil(err))
	return map[string]Writer[exec]{
		"json":  NewJSON(out, "execsnoop", execFields()),
		"csv":   NewCSV(out, execFields()),
		"table": table,
	}
}

func events() map[string]*exec {
	hostile := newExec()
	hostile.path = []byte("/tmp/\x1b[2J\xff\u202e日本語\n")
	hostile.args = append(hostile.args, []byte("\xff\xfe"))
	long := newExec()
	long.path = bytes.Repeat([]byte("/long\n"), 4096)
	return map[string]*exec{"usual": newExec(), "hostile": hostile, "long": long}
}

func TestNoAllocations(t *testing.T) {
	for format, w := range writers(t, io.Discard) {
		for name, e := range events() {
			for range 100 { // let buffers reach their size
				qt.Assert(t, qt.IsNil(w.Event(e)))
			}
			allocs := testing.AllocsPerRun(1000, func() {
				e.time += 1e8 // a new second now and then
				if err := w.Event(e); err != nil {
					t.Fatal(err)
				}
			})
			qt.Check(t, qt.Equals(allocs, 0), qt.Commentf("%s, %s event", format, name))
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	for _, format := range []string{"json", "csv", "table"} {
		for _, name := range []string{"usual", "hostile", "long"} {
			b.Run(format+"/"+name, func(b *testing.B) {
				w, e := writers(b, io.Discard)[format], events()[name]
				b.ReportAllocs()
				for b.Loop() {
					e.time += 9973
					if err := w.Event(e); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
