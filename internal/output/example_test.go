package output_test

import (
	"os"

	"github.com/ringside-tools/ringside/internal/output"
)

// open is the event of a command, as decoded from its record.
type open struct {
	pid  uint32
	path []byte
}

// One table of fields serves every format; hostile names stay harmless in all of them.
func Example() {
	fields := []output.Field[open]{
		{Name: "pid", Type: output.TypeUint, Doc: "Process ID.",
			Get: func(e *open) output.Value { return output.Uint(uint64(e.pid)) }},
		{Name: "path", Type: output.TypeBytes, Doc: "The file as the caller named it.",
			Get: func(e *open) output.Value { return output.Bytes(e.path) }},
	}
	table, err := output.NewTable(os.Stdout, fields, []output.Column[open]{
		{Head: "PID", Width: 7, Field: "pid"},
		{Head: "PATH", Field: "path"},
	}, nil)
	if err != nil {
		panic(err)
	}
	e := open{pid: 4242, path: []byte("/tmp/\x1b[2J\xff")}
	for _, w := range []output.Writer[open]{table, output.NewCSV(os.Stdout, fields), output.NewJSON(os.Stdout, "opens", fields)} {
		w.Header()
		w.Event(&e)
		w.Flush() // reports the error of any call before it, too
	}
	// Output:
	// PID     PATH
	// 4242    /tmp/\x1b[2J\xff
	// pid,path
	// 4242,/tmp/\x1b[2J\xff
	// {"pid":4242,"path":"/tmp/\u001b[2J�","path_b64":"L3RtcC8bWzJK/w==","cut":[]}
}
