package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// errorCases reads testdata/errors.txt.
func errorCases(t testing.TB) (cases []struct{ name, file, want string }) {
	data, err := os.ReadFile("testdata/errors.txt")
	qt.Assert(t, qt.IsNil(err))
	for _, section := range strings.Split(string(data), "\n== ")[1:] {
		name, rest, _ := strings.Cut(section, "\n")
		c := struct{ name, file, want string }{name: name}
		for line := range strings.Lines(rest) {
			if message, ok := strings.CutPrefix(line, "> "); ok {
				c.want += message
			} else if c.want == "" {
				c.file += line
			}
		}
		cases = append(cases, c)
	}
	return cases
}

func TestErrors(t *testing.T) {
	for _, c := range errorCases(t) {
		t.Run(c.name, func(t *testing.T) {
			policies, err := Parse("p", []byte(c.file))
			qt.Assert(t, qt.HasLen(policies, 0))
			qt.Assert(t, qt.IsNotNil(err))
			got := strings.NewReplacer("\np:", "\n", " in p:", " in ").Replace("\n" + err.Error() + "\n")
			qt.Check(t, qt.Equals(got[1:], c.want))
		})
	}
}

// What no text file can show.
func TestHostileBytes(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", `p:1:1: no policy in this file; one begins with "version: 1" and "name: NAME"`},
		{"no UTF-8", "version: 1\nname: \"é\xff\"", "p:2:9: a byte that is no UTF-8 text; policy files are UTF-8 without control characters"},
		{"escape", "version: 1\nname: \x1b[2J\n", "p:2:7: a byte that is no UTF-8 text; policy files are UTF-8 without control characters"},
		{"zero", "version: 1\x00", "p:1:11: a byte that is no UTF-8 text; policy files are UTF-8 without control characters"},
		{"old line end", "version: 1\rname: p", "p:1:11: a byte that is no UTF-8 text; policy files are UTF-8 without control characters"},
		{"large", strings.Repeat("#", maxFile+1), "p:1:1: the file has more than 4194304 bytes"},
		{"deep flow", strings.Repeat("[", 1<<17), "p:1:17: more than 16 lists and mappings in one another"},
		{"deep flow beside shallow", strings.Repeat("[[],", 1<<10), "p:1:62: more than 16 lists and mappings in one another"},
		{"deep keys", deepKeys(17), "p:17:18: more than 16 lists and mappings in one another"},
		{"deep block", strings.Repeat("- ", 1<<17), "p:1:3: a list in a list; policies have none"},
		{"many tokens", strings.Repeat("- a\n", maxTokens/2+1), "p:262145:1: more than 524288 texts and signs in one file"},
		{"many keys", keys(maxKeys + 1), "p:4097:5: more than 4096 keys in one mapping"},
		{"many documents", strings.Repeat("---\n", maxDocuments), "p:256:1: more than 256 documents in one file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			policies, err := Parse("p", []byte(c.file))
			qt.Check(t, qt.HasLen(policies, 0))
			qt.Check(t, qt.ErrorMatches(err, strings.NewReplacer("[", `\[`, "(", `\(`).Replace(c.want)))
			// Seconds would be a square of something; the time itself is not measured.
			qt.Check(t, qt.IsTrue(time.Since(start) < 20*time.Second))
		})
	}
}

func deepKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%04d: 1\n", i)
	}
	return b.String()
}

func TestManyErrors(t *testing.T) {
	file := "version: 1\nname: p\nrules:\n" + strings.Repeat("  - {}\n", 43)
	_, err := Parse("p", []byte(file))
	var all Errors
	qt.Assert(t, qt.ErrorAs(err, &all))
	qt.Assert(t, qt.HasLen(all, maxErrors))
	for i, e := range all {
		qt.Check(t, qt.Equals(e.Pos, Position{File: "p", Line: 4 + i, Column: 5}))
	}
}

// Windows ends its lines otherwise, and columns stay.
func TestCarriageReturn(t *testing.T) {
	for _, c := range errorCases(t) {
		_, want := Parse("p", []byte(c.file))
		_, err := Parse("p", []byte(strings.ReplaceAll(c.file, "\n", "\r\n")))
		qt.Check(t, qt.Equals(err.Error(), want.Error()), qt.Commentf("%s", c.name))
	}
}

func write(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	return path
}

func TestParseFiles(t *testing.T) {
	const text = "version: 1\nname: %s\nrules: [{id: %s, subject: all, action: deny, mount: {}}]\n"
	dir := t.TempDir()
	a := write(t, dir, "b.yaml", fmt.Sprintf(text, "p", "r"))
	b := write(t, dir, "a.yaml", fmt.Sprintf(text, "q", "s"))
	policies, err := ParseFiles(a, b)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(policies, 2))
	qt.Check(t, qt.Equals(policies[0].Rules[0].Pos, Position{File: a, Line: 3, Column: 9}))

	// The order is that of the files, not that of their names.
	c := write(t, dir, "0.yaml", fmt.Sprintf(text, "p", "s"))
	policies, err = ParseFiles(a, b, c)
	qt.Check(t, qt.HasLen(policies, 0))
	qt.Check(t, qt.Equals(err.Error(),
		c+`:2:7: the policy "p" is defined already, in `+a+":2:7\n"+
			c+`:3:14: the rule "s" is there already, in `+b+":3:14"))

	_, err = ParseFiles(a, filepath.Join(dir, "none.yaml"))
	qt.Check(t, qt.ErrorIs(err, fs.ErrNotExist))
	_, err = ParseFiles(dir)
	qt.Check(t, qt.IsNotNil(err))
	var all Errors
	qt.Check(t, qt.IsFalse(errors.As(err, &all)))
}

// A name of a file can be as hostile as its contents.
func TestHostileName(t *testing.T) {
	_, err := Parse("a\x1b[2J\nb", nil)
	qt.Check(t, qt.IsFalse(strings.ContainsAny(err.Error(), "\x1b\n")))
}

// TestScale reads as much as a large installation has.
func TestScale(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("version: 1\nname: p\nrules:\n")
	for i := range 10007 {
		fmt.Fprintf(&b, "  - {id: r%d, subject: all, action: deny, file: {paths: [/data/%d, \"/srv/%d/**\"]}}\n", i, i, i)
	}
	start := time.Now()
	policies, err := Parse("p", b.Bytes())
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(len(policies[0].Rules), 10007))
	qt.Check(t, qt.IsTrue(time.Since(start) < 20*time.Second))
	t.Log(time.Since(start))
}
