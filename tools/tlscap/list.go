package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// listed is a library that was found.
type listed struct {
	time int64
	path string
	lib  *library.Library
	err  error    // why it cannot be captured
	pids []uint32 // of processes that have it mapped
}

// list prints what there is to attach to, and loads nothing.
func list(cfg *config, env *command.Env) error {
	var files []*listed
	known := make(map[symbol.FileID]*listed)
	add := func(m symbol.Mapped, pid uint32) {
		f, id, err := m.Open()
		if err != nil {
			return
		}
		defer f.Close()
		l := known[id]
		if l == nil {
			l = &listed{time: time.Now().UnixNano(), path: m.Path}
			l.lib, l.err = library.Inspect(f, id.Size)
			known[id] = l
			if !errors.Is(l.err, library.ErrNothing) && (l.err == nil || hasLibraryName(m.Path)) {
				files = append(files, l)
			}
		}
		if pid != 0 {
			l.pids = append(l.pids, pid)
		}
	}
	find(cfg, add)
	slices.SortFunc(files, func(a, b *listed) int {
		return cmp.Or(cmp.Compare(len(b.pids), len(a.pids)), strings.Compare(a.path, b.path))
	})
	w, err := output.New(env.Stdout, env.Format, env.Name, listFields, listColumns, nil)
	if err != nil {
		return err
	}
	if err := w.Header(); err != nil {
		return err
	}
	for _, l := range files {
		if err := w.Event(l); err != nil {
			return err
		}
	}
	return w.Flush()
}

// text says how what is said is captured.
func (l *listed) text() string {
	if l.lib == nil {
		return ""
	}
	n := 0
	for _, f := range l.lib.Functions {
		if f.Kind.Carries() {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d functions", n)
}

// keylog says how secrets are captured.
func (l *listed) keylog() string {
	switch {
	case l.lib == nil:
		return ""
	case l.lib.Has(library.GoSecret):
		return "writeKeyLog"
	case l.lib.Has(library.Logs):
		i := slices.IndexFunc(l.lib.Functions, func(f library.Function) bool { return f.Kind == library.Logs })
		return l.lib.Functions[i].Name
	case l.lib.Has(library.Derive):
		return "EVP_KDF_derive"
	case l.lib.Derives:
		return "by libcrypto"
	}
	return ""
}

// random says how the client random of TLS 1.3 is found, which is part of each line.
func (l *listed) random() string {
	switch {
	case l.lib == nil || l.lib.Random == nil:
		return ""
	}
	return l.lib.Random.String() + " by " + l.lib.RandomFrom
}

var listFields = []output.Field[listed]{
	{Name: "time", Type: output.TypeTime, Doc: "When it was looked at, in UTC.",
		Get: func(l *listed) output.Value { return output.Time(l.time) }},
	{Name: "tool", Type: output.TypeText, Doc: "The command.",
		Get: func(*listed) output.Value { return output.Text("tlscap") }},
	{Name: "type", Type: output.TypeText, Enum: []string{"library"}, Doc: "The type of the line: library.",
		Get: func(*listed) output.Value { return output.Text("library") }},
	{Name: "library", Type: output.TypeBytes, Doc: "Path, as a process that has it mapped knows it.",
		Get: func(l *listed) output.Value { return output.Bytes([]byte(l.path)) }},
	{Name: "version", Type: output.TypeBytes, Nullable: true, Doc: "What the file says of itself.",
		Get: func(l *listed) output.Value {
			if l.lib == nil {
				return output.Null()
			}
			return bytesOrNull([]byte(l.lib.Version))
		}},
	{Name: "text", Type: output.TypeText, Nullable: true, Doc: "How what is said is captured; null if it cannot be.",
		Get: func(l *listed) output.Value { return trace.TextOrNull(l.text()) }},
	{Name: "keylog", Type: output.TypeText, Nullable: true, Doc: "How secrets are captured; null if they cannot be.",
		Get: func(l *listed) output.Value { return trace.TextOrNull(l.keylog()) }},
	{Name: "client_random", Type: output.TypeText, Nullable: true, Doc: "Where objects have the client random, and how that was found.",
		Get: func(l *listed) output.Value { return trace.TextOrNull(l.random()) }},
	{Name: "pids", Type: output.TypeTextList, Doc: "Processes that have it mapped.",
		Get: func(l *listed) output.Value {
			out := []string{}
			for _, p := range l.pids {
				out = append(out, strconv.FormatUint(uint64(p), 10))
			}
			return output.TextList(out)
		}},
	{Name: "refused", Type: output.TypeText, Nullable: true, Doc: "Why nothing of it can be captured.",
		Get: func(l *listed) output.Value {
			if l.err == nil {
				return output.Null()
			}
			return output.Text(l.err.Error())
		}},
}

var listColumns = []output.Column[listed]{
	{Head: "PROCS", Width: 5, Right: true, Text: func(c *output.Cell, l *listed) { c.Uint(uint64(len(l.pids))) }},
	{Head: "VERSION", Width: 16, Field: "version"},
	{Head: "TEXT", Width: 12, Field: "text"},
	{Head: "KEYLOG", Width: 14, Field: "keylog"},
	{Head: "LIBRARY", Text: func(c *output.Cell, l *listed) {
		c.Text(l.path)
		if l.err != nil {
			c.Text(" (" + l.err.Error() + ")")
		}
	}},
}
