package command

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// house is a command with two subcommands and what they were told.
type house struct {
	files  []string
	strict bool
	ran    string
	env    *Env
}

func (h *house) command() *Command {
	run := func(name string) func(context.Context, *Env) error {
		return func(_ context.Context, env *Env) error { h.ran, h.env = name, env; return nil }
	}
	return &Command{
		Name: "house", Summary: "keep a house",
		Subcommands: []*Command{
			{
				Name: "look", Summary: "look at it: from [all] sides", Arguments: "FILE...", Common: []string{"json", "uid"},
				Flags:     []Flag{Bool("strict", "s", "with both eyes", &h.strict)},
				ExitCodes: "0 fine, 2 not",
				Examples:  []Example{{Line: "house look x", What: "look"}},
				Run:       run("look"),
			},
			{
				Name: "paint", Summary: "paint the house", Common: []string{"duration", "output", "json"},
				Flags: []Flag{
					Texts("file", "f", "FILE", "colours", &h.files),
					Choice("side", "", []string{"north", "south"}, "where", new(string)),
				},
				Examples: []Example{{Line: "house paint -f red", What: "in red"}},
				Run:      run("paint"),
			},
		},
		Examples:  []Example{{Line: "house look x", What: "look"}},
		Documents: map[string]func() []byte{"schema": func() []byte { return []byte("{}\n") }},
	}
}

func (h *house) execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	code = h.command().Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

func TestSubcommands(t *testing.T) {
	h := new(house)
	stdout, stderr, code := h.execute(t, "look", "-s", "--json", "a", "--strict")
	qt.Assert(t, qt.Equals(code, ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(stdout+stderr, ""))
	qt.Check(t, qt.Equals(h.ran, "look"))
	qt.Check(t, qt.Equals(h.strict, true))
	qt.Check(t, qt.Equals(h.env.Name, "house"))
	qt.Check(t, qt.Equals(h.env.Format, "json"))
	qt.Check(t, qt.DeepEquals(h.env.Args, []string{"a", "--strict"}))

	h = new(house)
	_, stderr, code = h.execute(t, "paint", "-f", "a,b", "--file=c", "-f", "a,b", "--duration", "2")
	qt.Assert(t, qt.Equals(code, ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(h.ran, "paint"))
	qt.Check(t, qt.DeepEquals(h.files, []string{"a,b", "c", "a,b"}))
	qt.Check(t, qt.Equals(h.env.Duration, 2*time.Second))
	qt.Check(t, qt.Equals(h.env.Format, "table"))
}

func TestSubcommandErrors(t *testing.T) {
	for args, want := range map[string]string{
		"":                    `no command: want one of look, paint \(--help tells what they do\)`,
		"help":                `unknown command "help": want one of look, paint \(--help tells what they do\)`,
		"--json look":         `unknown flag --json \(--help lists all flags\)`,
		"look --duration 3":   `unknown flag --duration \(house look --help lists all flags\)`,
		"look --version":      `unknown flag --version \(house look --help lists all flags\)`,
		"look --describe x":   `unknown flag --describe \(house look --help lists all flags\)`,
		"paint -p 1":          `unknown flag -p \(house paint --help lists all flags\)`,
		"paint stray":         `unexpected argument "stray": flags come first and there is nothing after them`,
		"paint --file=":       `--file: invalid value "": want a value that is not empty \(house paint --help lists all flags\)`,
		"--describe nonsense": `--describe: no document "nonsense"`,
	} {
		h := new(house)
		stdout, stderr, code := h.execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, ExitUsage), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Matches(stderr, "house: "+want+"\n"), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(h.ran, ""), qt.Commentf("%s", args))
	}
}

// TestSubcommandRun: a command can look by itself what there is, and flags of its own do
// not get lost before the name of a subcommand.
func TestSubcommandRun(t *testing.T) {
	h := new(house)
	c := h.command()
	c.Common = []string{"check", "version"}
	c.Run = func(_ context.Context, env *Env) error { h.ran, h.env = "itself", env; return nil }
	var out, err bytes.Buffer
	qt.Check(t, qt.Equals(c.Execute(t.Context(), []string{"--check"}, &out, &err), ExitOK))
	qt.Check(t, qt.Equals(h.ran, "itself"))
	qt.Check(t, qt.IsTrue(h.env.Check))
	qt.Check(t, qt.Equals(c.Execute(t.Context(), nil, &out, new(bytes.Buffer)), ExitUsage))
	qt.Check(t, qt.Equals(c.Execute(t.Context(), []string{"--check", "paint"}, &out, &err), ExitUsage))
	qt.Check(t, qt.Equals(err.String(), "house: flags of house paint come behind its name (house paint --help lists all flags)\n"))
	qt.Check(t, qt.Equals(out.String(), ""))
}

func TestSubcommandHelp(t *testing.T) {
	h := new(house)
	stdout, _, code := h.execute(t, "--help")
	qt.Check(t, qt.Equals(code, ExitOK))
	qt.Check(t, qt.Equals(stdout, `house - keep a house

USAGE
  house [flags] COMMAND

COMMANDS (house COMMAND --help tells more)
  look       look at it: from [all] sides
  paint      paint the house

COMMON FLAGS
      --version              print the version and exit
  -h, --help                 print this and exit

EXIT CODES
  0 done, 1 failure, 2 usage, 3 the kernel lacks something, 4 a privilege is missing

EXAMPLES
  house look x                             # look
`))
	stdout, _, _ = h.execute(t, "look", "--help")
	qt.Check(t, qt.Equals(stdout, `house look - look at it: from [all] sides

USAGE
  house look [flags] FILE...

FLAGS
  -s, --strict               with both eyes

COMMON FLAGS
  -u, --uid USER             only this user, by name or number
      --json                 the same as --output json
  -h, --help                 print this and exit

EXIT CODES
  0 fine, 2 not

EXAMPLES
  house look x                             # look
`))
	stdout, _, _ = h.execute(t, "--version")
	qt.Check(t, qt.StringContains(stdout, "house "+Version))
	stdout, _, _ = h.execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(stdout, "{}\n"))
	stdout, _, _ = h.execute(t, "--describe", "flags")
	qt.Check(t, qt.Equals(stdout, "version \nhelp h\nstrict s\nuid u\njson \nfile f\nside \noutput o\nduration \n"))
}

// TestSubcommandCompletions has the shells that are here read the scripts, and bash use
// its.
func TestSubcommandCompletions(t *testing.T) {
	h := new(house)
	for _, shell := range []struct{ name, check, want string }{
		{"bash", "bash -n", "paint)"}, {"zsh", "zsh -n", `paint\:"paint the house"`},
		{"fish", "fish -n", "complete -c house -n '__fish_seen_subcommand_from paint' -l side -x -a 'north south' -d 'where'"},
	} {
		script, _, code := h.execute(t, "--describe", "completion-"+shell.name)
		qt.Check(t, qt.Equals(code, ExitOK))
		qt.Check(t, qt.StringContains(script, shell.want))
		words := strings.Fields(shell.check)
		if _, err := exec.LookPath(words[0]); err != nil {
			continue
		}
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s: %s", shell.name, out))
		qt.Check(t, qt.Equals(string(out), ""))
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	script, _, _ := h.execute(t, "--describe", "completion-bash")
	for words, want := range map[string]string{
		"house ''":                     "--version --help look paint",
		"house pa":                     "paint",
		"house look --":                "--strict --uid --json --help",
		"house look --uid roo":         "root",
		"house look --strict /etc/pas": "/etc/passwd",
		"house paint --side s":         "south",
		"house paint --file /etc/pas":  "/etc/passwd",
		"house paint --d":              "--duration",
	} {
		out, err := exec.Command(bash, "--norc", "-c", script+`
COMP_WORDS=(`+words+`)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_ringside_house
echo ${COMPREPLY[@]}`).CombinedOutput()
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", out))
		got := strings.Fields(string(out))
		for _, word := range strings.Fields(want) {
			qt.Check(t, qt.SliceContains(got, word), qt.Commentf("%s", words))
		}
	}
}
