package main

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

// hostileName is a name that is to forge nothing.
const hostileName = "/tmp/a|b\n\x1b[31m\xff"

func named(o op) *record {
	return seen(o, func(r *record) {
		r.path, r.Flags, r.FileMode, r.Inode, r.Size = hostileName, flagPath|flagInode, unix.S_IFREG|0o640, 77, 9
	})
}

// TestTimesketch: each line has what Timesketch demands, in both forms, and is one line.
func TestTimesketch(t *testing.T) {
	h := tooltest.Host(t)
	text := show(t, h, "--format timesketch", named(opDelete), seen(opRename, moved))
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	qt.Assert(t, qt.HasLen(lines, 2))
	var e map[string]any
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(lines[0]), &e)))
	for _, name := range []string{"message", "datetime", "timestamp_desc"} {
		qt.Check(t, qt.Not(qt.Equals(e[name], any(""))), qt.Commentf("%s", name))
	}
	at, err := time.Parse(time.RFC3339Nano, e["datetime"].(string))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(e["timestamp"], any(float64(at.UnixMicro()))))
	qt.Check(t, qt.Equals(e["timestamp_desc"], any("Deletion Time")))
	qt.Check(t, qt.IsFalse(strings.ContainsAny(e["message"].(string), "\n\x1b")))
	qt.Check(t, qt.StringContains(lines[1], `"message":"rename /tmp/a -> /tmp/b by cat (9662)"`))

	rows, err := csv.NewReader(strings.NewReader(show(t, h, "--format timesketch -o csv", named(opDelete)))).ReadAll()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(rows, 2))
	qt.Check(t, qt.DeepEquals(rows[0], sketchColumns))
	qt.Check(t, qt.Equals(any(rows[1][slices.Index(sketchColumns, "message")]), e["message"]))
}

// TestBodyfile: eleven fields whatever the name, and the time in the column of the op.
func TestBodyfile(t *testing.T) {
	h := tooltest.Host(t)
	for _, test := range []struct {
		record *record
		column int // from 7: atime, mtime, ctime, crtime; 0 for no line
		name   string
	}{
		{named(opOpen), 7, `/tmp/a\x7cb\n\x1b[31m\xff`},
		{named(opTruncate), 8, `/tmp/a\x7cb\n\x1b[31m\xff`},
		{named(opChmod), 9, `/tmp/a\x7cb\n\x1b[31m\xff`},
		{named(opCreate), 10, `/tmp/a\x7cb\n\x1b[31m\xff`},
		{named(opDelete), 9, `/tmp/a\x7cb\n\x1b[31m\xff (deleted)`},
		{opened(failed), 0, ""},
	} {
		text := show(t, h, "--all --errors --format bodyfile", test.record)
		if test.column == 0 {
			qt.Check(t, qt.Equals(text, ""))
			continue
		}
		fields := strings.Split(strings.TrimSuffix(text, "\n"), "|")
		qt.Assert(t, qt.HasLen(fields, 11), qt.Commentf("%s", text))
		qt.Check(t, qt.Equals(fields[1], test.name))
		qt.Check(t, qt.Equals(fields[3], "r/rrw-r-----"))
		for i := 7; i < 11; i++ {
			qt.Check(t, qt.Equals(fields[i] != "0", i == test.column), qt.Commentf("%s", text))
		}
	}
	text := show(t, h, "--format bodyfile", seen(opRename, moved))
	qt.Check(t, qt.Equals(strings.Count(text, "\n"), 2))
	qt.Check(t, qt.StringContains(text, "0|/tmp/a (deleted)|"))
}

// TestFeaturesIdle: a row is written when its window is over, though nothing comes
// after it.
func TestFeaturesIdle(t *testing.T) {
	var b strings.Builder
	f := newFeatures(&b, time.Second)
	qt.Assert(t, qt.IsNil(f.see(newEvent(opDelete, 5_000_000_000, 7))))
	qt.Assert(t, qt.IsNil(f.idle(5_900_000_000)))
	qt.Check(t, qt.Equals(strings.Count(b.String(), "\n"), 1)) // the header
	qt.Assert(t, qt.IsNil(f.idle(6_000_000_000)))
	qt.Check(t, qt.Equals(strings.Count(b.String(), "\n"), 2))
	qt.Assert(t, qt.IsNil(f.idle(7_000_000_000)))
	qt.Check(t, qt.Equals(strings.Count(b.String(), "\n"), 2))
}
