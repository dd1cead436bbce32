package command

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestUsageErrors(t *testing.T) {
	const (
		pid      = `want a process id from 1 to 4194304`
		duration = `want a time of 1ms or more, such as 10s, 1m30s or 2\.5 \(seconds\)`
		buffer   = `want a power of two from 64K to 1024M`
		count    = `want a number from 1 to 2147483647`
		empty    = `want a value that is not empty`
		truth    = `want true or false`
	)
	for _, test := range []struct {
		args []string
		want string // without name and pointer to --help
	}{
		{[]string{"-p", "0"}, `-p: invalid value "0": ` + pid},
		{[]string{"--pid", "4194305"}, `--pid: invalid value "4194305": ` + pid},
		{[]string{"-p", "-1"}, `-p: invalid value "-1": ` + pid},
		{[]string{"-p", ""}, `-p: invalid value "": ` + pid},
		{[]string{"-p", "1,"}, `-p: invalid value "1,": ` + pid},
		{[]string{"-p", "1 2"}, `-p: invalid value "1 2": ` + pid},
		{[]string{"-p", "99999999999999999999"}, `-p: invalid value "9+": ` + pid},
		{[]string{"-p"}, `-p needs a value`},
		{[]string{"--uid"}, `--uid needs a value`},
		{[]string{"-xTp"}, `-p needs a value`},
		{[]string{"--uid", ""}, `--uid: invalid value "": ` + empty},
		{[]string{"--comm="}, `--comm: invalid value "": ` + empty},
		{[]string{"--cgroup="}, `--cgroup: invalid value "": ` + empty},
		{[]string{"--container="}, `--container: invalid value "": ` + empty},
		{[]string{"--mntns="}, `--mntns: invalid value "": ` + empty},
		{[]string{"--cgroupmap="}, `--cgroupmap: invalid value "": ` + empty},
		{[]string{"--mntnsmap="}, `--mntnsmap: invalid value "": ` + empty},
		{[]string{"--btf="}, `--btf: invalid value "": ` + empty},
		{[]string{"-o", "xml"}, `-o: invalid value "xml": want one of table, json, csv`},
		{[]string{"--output", "JSON"}, `--output: invalid value "JSON": want one of table, json, csv`},
		{[]string{"--json=maybe"}, `--json: invalid boolean value "maybe": ` + truth},
		{[]string{"--follow=2"}, `--follow: invalid boolean value "2": ` + truth},
		{[]string{"-x=2"}, `-x: invalid boolean value "2": ` + truth},
		{[]string{"--count", "0"}, `--count: invalid value "0": ` + count},
		{[]string{"--count", "-1"}, `--count: invalid value "-1": ` + count},
		{[]string{"--count", "2147483648"}, `--count: invalid value "2147483648": ` + count},
		{[]string{"--count", "ten"}, `--count: invalid value "ten": ` + count},
		{[]string{"--duration", "0"}, `--duration: invalid value "0": ` + duration},
		{[]string{"--duration", "-5s"}, `--duration: invalid value "-5s": ` + duration},
		{[]string{"--duration", "1us"}, `--duration: invalid value "1us": ` + duration},
		{[]string{"--duration", "0.0001"}, `--duration: invalid value "0\.0001": ` + duration},
		{[]string{"--duration", "NaN"}, `--duration: invalid value "NaN": ` + duration},
		{[]string{"--duration", "inf"}, `--duration: invalid value "inf": ` + duration},
		{[]string{"--duration", "1e300"}, `--duration: invalid value "1e300": ` + duration},
		{[]string{"--duration", "soon"}, `--duration: invalid value "soon": ` + duration},
		{[]string{"--buffer", "0"}, `--buffer: invalid value "0": ` + buffer},
		{[]string{"--buffer", "32K"}, `--buffer: invalid value "32K": ` + buffer},
		{[]string{"--buffer", "3M"}, `--buffer: invalid value "3M": ` + buffer},
		{[]string{"--buffer", "2G"}, `--buffer: invalid value "2G": ` + buffer},
		{[]string{"--buffer", "4294967296G"}, `--buffer: invalid value "4294967296G": ` + buffer},
		{[]string{"--buffer", "K"}, `--buffer: invalid value "K": ` + buffer},
		{[]string{"--buffer", "4KK"}, `--buffer: invalid value "4KK": ` + buffer},
		{[]string{"--transport", "tape"}, `--transport: invalid value "tape": want one of auto, ring, perf`},
		{[]string{"--max", "11"}, `--max: invalid value "11": want a number from 1 to 10`},
		{[]string{"--choice", ""}, `--choice: invalid value "": want one of one, two`},
		{[]string{"--size", "2M"}, `--size: invalid value "2M": want a power of two from 4K to 1M`},
		{[]string{"--size", "2K"}, `--size: invalid value "2K": want a power of two from 4K to 1M`},
		{[]string{"-n", "("}, `-n: invalid value "\(": want a regular expression: error parsing regexp: missing closing \): .*`},

		{[]string{"-y"}, `unknown flag -y`},
		{[]string{"--yes"}, `unknown flag --yes`},
		{[]string{"--yes=1"}, `unknown flag --yes`},
		{[]string{"-xy"}, `unknown flag --xy`},
		{[]string{"-x", "-T", "--yes"}, `unknown flag --yes`},
		{[]string{"---json"}, `bad flag syntax: ---json`},
		{[]string{"-=1"}, `bad flag syntax: -=1`},
		{[]string{"--generate-bash-completion"}, `unknown flag --generate-bash-completion`},

		// A value cannot pass for another flag's error.
		{[]string{"-p", `x" for flag -comm: y`}, `-p: invalid value "x\\" for flag -comm: y": ` + pid},
		{[]string{"-n", ` for flag -p: (`}, `-n: invalid value " for flag -p: \(": want a regular expression: .*`},
		{[]string{"--json= for x: "}, `--json: invalid boolean value " for x: ": ` + truth},
	} {
		r := execute(t, nil, test.args...)
		comment := qt.Commentf("%q", test.args)
		qt.Check(t, qt.Equals(r.code, ExitUsage), comment)
		qt.Check(t, qt.Equals(r.stdout, ""), comment)
		qt.Check(t, qt.IsNil(r.env), comment)
		checkOneLine(t, r.stderr)
		qt.Check(t, qt.Matches(r.stderr, `testsnoop: `+test.want+` \(--help lists all flags\)\n`), comment)
	}
}

func TestPositionalArguments(t *testing.T) {
	for _, args := range [][]string{
		{"stray"},
		{"stray", "--json"}, // the flag would silently not count
		{"--json", "stray"},
		{"--", "stray"},
		{"-x", "stray", "-T"},
		{"help"}, // the library's subcommand
		{"h"},
	} {
		r := execute(t, nil, args...)
		word := args[len(args)-1]
		if !strings.HasPrefix(args[0], "-") {
			word = args[0]
		} else if len(args) == 3 {
			word = args[1]
		}
		comment := qt.Commentf("%q", args)
		qt.Check(t, qt.Equals(r.code, ExitUsage), comment)
		qt.Check(t, qt.Equals(r.stdout, ""), comment)
		qt.Check(t, qt.IsNil(r.env), comment)
		qt.Check(t, qt.Equals(r.stderr, `testsnoop: unexpected argument "`+word+`": flags come first and there is nothing after them`+"\n"), comment)
	}
}

// TestHostileUsage checks that what was typed cannot reach the terminal as it
// is: arguments of scripts come from anywhere.
func TestHostileUsage(t *testing.T) {
	for _, args := range [][]string{
		{"-p", "\x1b[2J\n1"},
		{"--\x1b]0;title\x07\nok"},
		{"\x1b[31m\ntestsnoop: fine"},
		{"-n", "(\x1b[2J\n\u202e\xff"},
		{"-o", "a\r\nb"},
	} {
		r := execute(t, nil, args...)
		qt.Check(t, qt.Equals(r.code, ExitUsage), qt.Commentf("%q", args))
		checkOneLine(t, r.stderr)
		checkPrintable(t, r.stderr)
	}
}

// checkPrintable checks that a terminal shows all of text, and nothing else happens.
func checkPrintable(t *testing.T, text string) {
	t.Helper()
	for _, c := range strings.TrimSuffix(text, "\n") {
		if c < 0x20 || c == 0x7f || c == 0x202e || c == '\ufffd' {
			t.Errorf("%q has an unescaped %U", text, c)
		}
	}
}
