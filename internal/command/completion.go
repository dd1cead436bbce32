package command

import (
	"fmt"
	"strings"
)

// completion returns a completion script for bash, zsh or fish, or the list
// of flags that tests compare with the man page.
func (c *Command) completion(what string) (string, bool) {
	var env Env
	var flags []Flag
	for _, f := range append(c.allFlags(&env), Flag{Name: "help", Letter: "h", Usage: "print this and exit"}) {
		if !f.Hidden {
			flags = append(flags, f)
		}
	}
	switch what {
	case "completion-bash":
		return c.bash(flags), true
	case "completion-zsh":
		return c.zsh(flags), true
	case "completion-fish":
		return c.fish(flags), true
	case "flags":
		var b strings.Builder
		for _, f := range flags {
			fmt.Fprintf(&b, "%s %s\n", f.Name, f.Letter)
		}
		return b.String(), true
	}
	return "", false
}

func (c *Command) bash(flags []Flag) string {
	var words, files []string
	for _, f := range flags {
		words = append(words, "--"+f.Name)
		if takesFile(f) {
			files = append(files, "--"+f.Name)
		}
	}
	var choices strings.Builder
	for _, f := range flags {
		if strings.Contains(f.Value, "|") {
			names := "--" + f.Name
			if f.Letter != "" {
				names += "|-" + f.Letter
			}
			fmt.Fprintf(&choices, "    %s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n",
				names, strings.ReplaceAll(f.Value, "|", " "))
		}
	}
	return fmt.Sprintf(`# bash completion for %[1]s
_ringside_%[1]s() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case $prev in
    %[2]s) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --uid) COMPREPLY=($(compgen -u -- "$cur")); return ;;
%[3]s    esac
    COMPREPLY=($(compgen -W "%[4]s" -- "$cur"))
}
complete -F _ringside_%[1]s %[1]s
`, c.Name, strings.Join(files, "|"), choices.String(), strings.Join(words, " "))
}

func (c *Command) zsh(flags []Flag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n_arguments -s", c.Name)
	for _, f := range flags {
		value := ""
		switch {
		case strings.Contains(f.Value, "|"):
			value = ":" + f.Name + ":(" + strings.ReplaceAll(f.Value, "|", " ") + ")"
		case takesFile(f):
			value = ":file:_files"
		case f.Value != "":
			value = ":" + strings.ToLower(f.Value) + ": "
		}
		usage := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`, "'", `'\''`).Replace(f.Usage)
		fmt.Fprintf(&b, " \\\n  '*--%s[%s]%s'", f.Name, usage, value)
		if f.Letter != "" {
			fmt.Fprintf(&b, " \\\n  '*-%s[%s]%s'", f.Letter, usage, value)
		}
	}
	b.WriteByte('\n')
	return b.String()
}

func (c *Command) fish(flags []Flag) string {
	var b strings.Builder
	for _, f := range flags {
		fmt.Fprintf(&b, "complete -c %s -l %s", c.Name, f.Name)
		if f.Letter != "" {
			fmt.Fprintf(&b, " -s %s", f.Letter)
		}
		switch {
		case strings.Contains(f.Value, "|"):
			fmt.Fprintf(&b, " -x -a '%s'", strings.ReplaceAll(f.Value, "|", " "))
		case takesFile(f):
			b.WriteString(" -r -F")
		case f.Value != "":
			b.WriteString(" -x")
		}
		fmt.Fprintf(&b, " -d '%s'\n", strings.ReplaceAll(f.Usage, "'", `\'`))
	}
	return b.String()
}

func takesFile(f Flag) bool { return f.Value == "FILE" || f.Value == "PATH" || f.Value == "NS" }
