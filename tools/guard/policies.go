package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// answer is how a subcommand ends that did what it was asked, where that is not 0.
type answer struct {
	code int
	text string // "" where all is told already
}

func (a answer) Error() string { return a.text }
func (a answer) ExitCode() int { return a.code }

// exitFindings is for policies that are not as they should be.
const exitFindings = 2

// filesOf returns the files that follow the flags, of which there must be some.
func filesOf(env *command.Env) ([]string, error) {
	for _, arg := range env.Args {
		if strings.HasPrefix(arg, "-") && arg != "-" {
			return nil, command.Usagef("unexpected flag %q: flags come before the files (a file of that name is ./%s)", arg, arg)
		}
	}
	if len(env.Args) == 0 {
		return nil, command.Usagef("no file with policies is given")
	}
	return env.Args, nil
}

// readPolicies reads files that are enforced together. Their mistakes are findings of
// the code syntax, and then there are no policies; a file that cannot be read is a
// mistake of who named it.
func readPolicies(files []string) ([]*policy.Policy, []policy.Finding, error) {
	policies, err := policy.ParseFiles(files...)
	if findings := syntax(err); findings != nil {
		return nil, findings, nil
	}
	if err != nil {
		return nil, nil, &command.UsageError{Err: err}
	}
	return policies, nil, nil
}

// syntax returns the mistakes in files that an error is made of, or nil.
func syntax(err error) (findings []policy.Finding) {
	var mistakes policy.Errors
	if !errors.As(err, &mistakes) {
		return nil
	}
	for _, m := range mistakes {
		findings = append(findings, policy.Finding{Severity: policy.Fatal, Pos: m.Pos, Code: "syntax", Msg: m.Msg})
	}
	return findings
}

// inOrder sorts findings by their places in the files.
func inOrder(findings []policy.Finding, files []string) {
	slices.SortStableFunc(findings, func(a, b policy.Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, a.Pos.File), slices.Index(files, b.Pos.File)),
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
}

// count returns how many findings are errors, and how many are not.
func count(findings []policy.Finding) (fatal, warnings int) {
	for _, f := range findings {
		if f.Severity == policy.Fatal {
			fatal++
		} else {
			warnings++
		}
	}
	return fatal, warnings
}

// plural is "1 rule", "2 rules"; of policies, "2 policies".
func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ownPath is the path of this program, which no policy may lock out; "" where it is not
// known.
func ownPath() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// tell tells findings on stderr, a line for each.
func tell(env *command.Env, findings []policy.Finding) {
	for _, f := range findings {
		fmt.Fprintf(env.Stderr, "%s: %s\n", env.Name, output.AppendEscaped(nil, []byte(f.String())))
	}
}
