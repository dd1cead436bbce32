package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// replayed runs --replay on a text with flags.
func replayed(t *testing.T, text, flags string) (stdout, stderr string, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte(text), 0o600)))
	return execute(t, append([]string{"--replay", file}, strings.Fields(flags)...)...)
}

const foundingHeader = "TS,PID,TYPE,FLAG,PATTERN,OPEN,CREATE,DELETE,ENCRYPT,FILENAME\n"

// founding is a log of the founding detector in which a process replaces files.
func founding(files int) string {
	var b strings.Builder
	b.WriteString(foundingHeader)
	for i := range files {
		name := "/tmp/f" + itoa(i)
		for kind, file := range []string{name, name + ".aes", name} {
			b.WriteString(itoa(1_000_000*(3*i+kind)) + ",77," + itoa(kind) + ",0,-,0,0,0,0," + file + "\n")
		}
	}
	return b.String()
}

// TestReplayRoundTrip: what --json writes is read as it was.
func TestReplayRoundTrip(t *testing.T) {
	h := tooltest.Host(t)
	records := []*record{
		opened(func(r *record) { r.exe, r.StartNs = "/usr/bin/cat", 42; r.Flags |= flagExe | flagDetails }),
		opened(failed),
		seen(opCreate, func(r *record) {
			r.path, r.OpenFlags, r.Mode, r.Flags = "/tmp/a\xff\n", 0o101, 0o640, flagPath|flagOpenFlags
		}),
		seen(opRename, moved),
		seen(opClose, func(r *record) { r.Bytes, r.Writes, r.Flags = 9, 2, r.Flags|flagSize }),
		seen(opSymlink, func(r *record) { r.name2, r.Flags = "target", r.Flags|flagName2 }),
	}
	text := show(t, h, "--all --errors --json", records...)
	stdout, stderr, code := replayed(t, text, "--json --all")
	qt.Assert(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
	want, got := strings.Split(text, "\n"), strings.Split(stdout, "\n")
	qt.Assert(t, qt.Equals(len(got), len(want)))
	for i := range want {
		// What goes by directory and name is one path in the file.
		qt.Check(t, qt.Equals(got[i], strings.ReplaceAll(want[i], `"path_lexical":true`, `"path_lexical":false`)))
	}
	qt.Check(t, qt.Equals(stderr, "filesnoop: 6 events read, 6 printed, 0 alarms\n"))
}

// TestReplayFounding: the founding detector's logs raise the alarm that their own
// rules were meant for, and thresholds can be tried.
func TestReplayFounding(t *testing.T) {
	stdout, stderr, code := replayed(t, founding(20), "--alert-only")
	qt.Assert(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(stdout, "ALERT replace: process tree of 77, 20 files"))
	qt.Check(t, qt.Equals(strings.Count(stdout, "ALERT"), 1))

	stdout, _, _ = replayed(t, founding(19), "--alert-only")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), 1))

	stdout, _, _ = replayed(t, founding(2), "--format classic")
	qt.Check(t, qt.StringContains(stdout, "     77 Open OK   -     ----  /tmp/f0\n     77 Crea OK   -     ----  /tmp/f0.aes\n     77 Del  MAJ  Match ----  /tmp/f0\n"))
	stdout, _, _ = replayed(t, founding(3), "--format classic --threshold O=1,C=2 --pattern ODC")
	qt.Check(t, qt.StringContains(stdout, "     77 Open MIN  -     O---  /tmp/f1\n"))
	qt.Check(t, qt.StringContains(stdout, "     77 Crea MIN  -     OC--  /tmp/f2.aes\n"))
	qt.Check(t, qt.IsFalse(strings.Contains(stdout, "Match")))
}

// TestReplayFilters: filters, --count and the account are those of a run.
func TestReplayFilters(t *testing.T) {
	stdout, stderr, _ := replayed(t, founding(10), "--glob *.aes --count 3")
	qt.Check(t, qt.Equals(strings.Count(stdout, ".aes\n"), 3))
	qt.Check(t, qt.Equals(stderr, "filesnoop: 8 events read, 3 printed, 0 alarms\n"))
	stdout, stderr, _ = replayed(t, founding(1), "--path /tmp/f0.aes -q")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), 2))
	qt.Check(t, qt.Equals(stderr, ""))
}

// TestReplayFeatures: rows by process and window.
func TestReplayFeatures(t *testing.T) {
	stdout, _, code := replayed(t, founding(400), "--features 1s")
	qt.Assert(t, qt.Equals(code, command.ExitOK))
	rows := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	qt.Assert(t, qt.Equals(len(rows), 3)) // 1.2 seconds
	head := strings.Split(rows[0], ",")
	value := func(row, column string) string {
		for i, name := range head {
			if name == column {
				return strings.Split(row, ",")[i]
			}
		}
		t.Fatalf("no column %s", column)
		return ""
	}
	for column, want := range map[string]string{"pid": "77", "O_sum": "334", "C_sum": "333", "D_sum": "333", "O_max": "334", "P_sum": "333",
		"OCD": "333", "CDO": "333", "DOC": "332", "OOO": "0", "distinct_files": "667", "distinct_dirs": "1", "n_write_open": "0", "label": ""} {
		qt.Check(t, qt.Equals(value(rows[1], column), want), qt.Commentf("%s", column))
	}
	qt.Check(t, qt.Equals(value(rows[2], "O_sum"), "66"))
	qt.Check(t, qt.Equals(len(strings.Split(rows[1], ",")), len(head)))
}

// TestReplayFeaturesMax: the most of a second in a longer window.
func TestReplayFeaturesMax(t *testing.T) {
	stdout, _, code := replayed(t, founding(400), "--features 10s")
	qt.Assert(t, qt.Equals(code, command.ExitOK))
	rows := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	qt.Assert(t, qt.Equals(len(rows), 2))
	head, row := strings.Split(rows[0], ","), strings.Split(rows[1], ",")
	at := slices.Index(head, "O_max")
	qt.Check(t, qt.Equals(head[at+1], "O_sum"))
	qt.Check(t, qt.DeepEquals(row[at:at+2], []string{"334", "400"})) // 1.2 seconds
}

// TestReplayRefuses: what cannot be read is told with its line.
func TestReplayRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{}\nx\n": "line 2: read JSON",
		`{"type":"event","op":"fly","time":"2026-01-01T00:00:00Z"}`:     "line 1: want one of open, create",
		`{"type":"event","op":"open"}`:                                  "line 1: no time",
		`{"type":"event","op":"open","time":"today"}`:                   "line 1: read time",
		foundingHeader + "1,2,0,0,-,0,0,0,0,/a\nx,2,0,0,-,0,0,0,0,/a\n": "line 3: want nanoseconds for TS",
		foundingHeader + "1,2,7,0,-,0,0,0,0,/a\n":                       "line 2: want 0 to 3 for TYPE",
		foundingHeader + "1,2\n":                                        "read CSV",
		strings.Repeat("x", lineMax+1):                                  "token too long",
	} {
		_, stderr, code := replayed(t, text, "")
		qt.Check(t, qt.Equals(code, command.ExitFailure), qt.Commentf("%.40s", text))
		qt.Check(t, qt.StringContains(stderr, want))
	}
	stdout, _, code := replayed(t, "", "")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), 1))
}

// TestOverwriting: which opens are of files that lose their content.
func TestOverwriting(t *testing.T) {
	for _, test := range []struct {
		what string
		edit func(r *record)
		want int
	}{
		{"for writing", func(r *record) { r.OpenFlags = unix.O_RDWR }, 1},
		{"for reading", func(r *record) { r.OpenFlags = unix.O_RDONLY }, 0},
		{"by touch", func(r *record) { r.OpenFlags = unix.O_WRONLY | unix.O_CREAT }, 0},
		{"of a device", func(r *record) { r.OpenFlags, r.FileMode = unix.O_RDWR, unix.S_IFCHR }, 0},
		{"of a device, by its path", func(r *record) { r.OpenFlags, r.path = unix.O_RDWR, "/dev/"+r.path; r.Flags &^= flagInode }, 0},
		{"failed", func(r *record) { r.OpenFlags, r.Ret = unix.O_RDWR, -13 }, 0},
	} {
		var records []*record
		for i := range 50 {
			records = append(records, opened(func(r *record) { r.path = "/d/f" + itoa(i); test.edit(r) }))
		}
		out := show(t, tooltest.Host(t), "--errors --alert-only", records...)
		qt.Check(t, qt.Equals(strings.Count(out, "ALERT overwrite"), test.want), qt.Commentf("%s", test.what))
	}
}
