package command

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"-help"}, {"-x", "--help"}, {"--help", "stray"}, {"-xh"}} {
		r := execute(t, nil, args...)
		comment := qt.Commentf("%q", args)
		qt.Check(t, qt.Equals(r.code, ExitOK), comment)
		qt.Check(t, qt.Equals(r.stderr, ""), comment)
		qt.Check(t, qt.IsNil(r.env), comment)
		qt.Check(t, qt.IsTrue(strings.HasPrefix(r.stdout, "testsnoop - trace tests\n\nUSAGE\n  testsnoop [flags]\n")), comment)
		qt.Check(t, qt.IsTrue(strings.HasSuffix(r.stdout, `
EXAMPLES
  testsnoop                                # everything
  testsnoop -x                             # failures too
`)), comment)
	}
}

// TestHelpListsFlags checks that every flag but the hidden one is there, its
// own before the common ones, and each line is short enough for a terminal.
func TestHelpListsFlags(t *testing.T) {
	help := execute(t, nil, "--help").stdout
	own, common, ok := strings.Cut(help, "\nCOMMON FLAGS\n")
	qt.Assert(t, qt.IsTrue(ok))
	for i, f := range testCommand(new(ownFlags)).allFlags(new(Env)) {
		part := common
		if i < len(testCommand(new(ownFlags)).Flags) {
			part = own
		}
		comment := qt.Commentf("--%s", f.Name)
		if f.Hidden {
			qt.Check(t, qt.IsFalse(strings.Contains(help, "--"+f.Name)), comment)
			continue
		}
		left := "--" + f.Name
		if f.Value != "" {
			left += " " + f.Value
		}
		if f.Letter != "" {
			left = "-" + f.Letter + ", " + left
		}
		qt.Check(t, qt.StringContains(part, left), comment)
		qt.Check(t, qt.StringContains(part, f.Usage), comment)
	}
	qt.Check(t, qt.StringContains(common, "-h, --help"))
}

func TestVersion(t *testing.T) {
	r := execute(t, nil, "--version")
	qt.Check(t, qt.Equals(r.code, ExitOK))
	qt.Check(t, qt.Equals(r.stderr, ""))
	qt.Check(t, qt.IsNil(r.env))
	qt.Check(t, qt.Matches(r.stdout, `testsnoop [0-9.]+ \(Ringside.*, go[0-9.]+.*\)\n`))
}

func TestDescribe(t *testing.T) {
	r := execute(t, nil, "--describe", "schema")
	qt.Check(t, qt.Equals(r.code, ExitOK))
	qt.Check(t, qt.Equals(r.stdout, "{}\n"))

	r = execute(t, nil, "--describe", "flags")
	qt.Check(t, qt.Equals(r.code, ExitOK))
	lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
	qt.Check(t, qt.DeepEquals(lines[:3], []string{"fails x", "time T", "quote q"}))
	qt.Check(t, qt.SliceContains(lines, "quiet "))
	qt.Check(t, qt.SliceContains(lines, "help h"))
	qt.Check(t, qt.HasLen(lines, len(visible())))

	r = execute(t, nil, "--describe", "novel")
	qt.Check(t, qt.Equals(r.code, ExitUsage))
	qt.Check(t, qt.Equals(r.stdout, ""))
	qt.Check(t, qt.Equals(r.stderr, `testsnoop: --describe: no document "novel"`+"\n"))
}

// visible are the flags that a user is told of.
func visible() []Flag {
	flags := []Flag{{Name: "help", Letter: "h"}}
	for _, f := range testCommand(new(ownFlags)).allFlags(new(Env)) {
		if !f.Hidden {
			flags = append(flags, f)
		}
	}
	return flags
}

func TestCompletion(t *testing.T) {
	for _, shell := range []struct {
		name         string
		long, letter string // how the script names a flag; %s is its name
		fails        string // how it writes an explanation that is full of syntax
		check        []string
	}{
		{"bash", "--%s", "", "", []string{"bash", "-n"}},
		{"zsh", "'*--%s[", "'*-%s[", `[failures \[too\]\: the parent'\''s]'`, []string{"zsh", "-n"}},
		{"fish", " -l %s", " -s %s", `-d 'failures [too]: the parent\'s'`, []string{"fish", "--no-execute"}},
	} {
		r := execute(t, nil, "--describe", "completion-"+shell.name)
		qt.Check(t, qt.Equals(r.code, ExitOK))
		words := strings.FieldsFunc(r.stdout, func(c rune) bool { return c == '\n' || shell.name == "bash" && strings.ContainsRune(` |)"`, c) })
		for _, f := range visible() {
			long := strings.ReplaceAll(shell.long, "%s", f.Name)
			letter := strings.ReplaceAll(shell.letter, "%s", f.Letter)
			comment := qt.Commentf("%s: --%s", shell.name, f.Name)
			if shell.name == "bash" {
				qt.Check(t, qt.SliceContains(words, long), comment)
				continue
			}
			qt.Check(t, qt.SliceAny(words, func(w string) qt.Checker { return qt.StringContains(w, long) }), comment)
			if f.Letter != "" {
				qt.Check(t, qt.SliceAny(words, func(w string) qt.Checker { return qt.StringContains(w, letter) }), comment)
			}
		}
		qt.Check(t, qt.StringContains(r.stdout, shell.fails))
		qt.Check(t, qt.IsFalse(strings.Contains(r.stdout, "describe")), qt.Commentf("%s offers a hidden flag", shell.name))

		path, err := exec.LookPath(shell.check[0])
		if err != nil {
			continue // nobody can say whether the script is one
		}
		cmd := exec.Command(path, shell.check[1:]...)
		cmd.Stdin = strings.NewReader(r.stdout)
		out, err := cmd.CombinedOutput()
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s: %s", shell.name, out))
		qt.Check(t, qt.Equals(string(out), ""), qt.Commentf("%s", shell.name))
	}
}

// TestBashCompletes runs the script as bash does when Tab is pressed.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	script := execute(t, nil, "--describe", "completion-bash").stdout
	for _, test := range []struct {
		words string // what was typed; the last is being completed
		want  string
	}{
		{"testsnoop --fail", "--fails --fail-on-loss"},
		{"testsnoop --output ''", "table json csv"},
		{"testsnoop -o js", "json"},
		{"testsnoop --choice t", "two"},
		{"testsnoop --uid roo", "root"},
		{"testsnoop --cgroup /etc/passw", "/etc/passwd"},
	} {
		cmd := exec.Command(bash, "--norc", "-c", script+`
COMP_WORDS=(`+test.words+`)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_ringside_testsnoop
echo ${COMPREPLY[@]}`)
		out, err := cmd.CombinedOutput()
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", out))
		got := strings.Fields(string(out))
		for _, want := range strings.Fields(test.want) {
			qt.Check(t, qt.SliceContains(got, want), qt.Commentf("%s", test.words))
		}
	}
}
