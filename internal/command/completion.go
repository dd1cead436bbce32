package command

import (
	"fmt"
	"slices"
	"strings"
)

// completion returns a completion script for bash, zsh or fish, or the list
// of flags that tests compare with the man page.
func (c *Command) completion(what string) (string, bool) {
	switch what {
	case "completion-bash":
		return c.bash(), true
	case "completion-zsh":
		return c.zsh(), true
	case "completion-fish":
		return c.fish(), true
	case "flags":
		var lines []string
		for _, f := range c.visibleFlags() {
			lines = append(lines, f.Name+" "+f.Letter+"\n")
		}
		for _, s := range c.Subcommands {
			for _, f := range c.subcommand(s.Name).visibleFlags() {
				if line := f.Name + " " + f.Letter + "\n"; !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
		return strings.Join(lines, ""), true
	}
	return "", false
}

// visibleFlags are all that --help lists.
func (c *Command) visibleFlags() (flags []Flag) {
	var env Env
	for _, f := range append(c.allFlags(&env), Flag{Name: "help", Letter: "h", Usage: "print this and exit"}) {
		if !f.Hidden {
			flags = append(flags, f)
		}
	}
	return flags
}

// argumentIsFile reports whether what follows the flags are files.
func (c *Command) argumentIsFile() bool { return strings.Contains(c.Arguments, "FILE") }

func (c *Command) bash() string {
	if len(c.Subcommands) == 0 {
		return fmt.Sprintf(`# bash completion for %[1]s
_ringside_%[1]s() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
%[2]s}
complete -F _ringside_%[1]s %[1]s
`, c.Name, c.bashFlags())
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for %[1]s
_ringside_%[1]s() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        %[2]s) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    case $command in
`, c.Name, strings.Join(c.subcommandNames(), "|"))
	for _, s := range c.Subcommands {
		fmt.Fprintf(&b, "    %s)\n%s    ;;\n", s.Name, c.subcommand(s.Name).bashFlags())
	}
	fmt.Fprintf(&b, "    *)\n%s    ;;\n    esac\n}\ncomplete -F _ringside_%[2]s %[2]s\n", c.bashFlags(), c.Name)
	return b.String()
}

// bashFlags are the lines that complete the values of flags, and flags.
func (c *Command) bashFlags() string {
	var words, files []string
	flags := c.visibleFlags()
	for _, f := range flags {
		words = append(words, "--"+f.Name)
		if takesFile(f) {
			files = append(files, "--"+f.Name)
		}
	}
	words = append(words, c.subcommandNames()...)
	var cases strings.Builder
	if len(files) > 0 {
		fmt.Fprintf(&cases, "    %s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", strings.Join(files, "|"))
	}
	if slices.ContainsFunc(flags, func(f Flag) bool { return f.Name == "uid" }) {
		cases.WriteString("    --uid) COMPREPLY=($(compgen -u -- \"$cur\")); return ;;\n")
	}
	for _, f := range flags {
		if strings.Contains(f.Value, "|") {
			names := "--" + f.Name
			if f.Letter != "" {
				names += "|-" + f.Letter
			}
			fmt.Fprintf(&cases, "    %s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n",
				names, strings.ReplaceAll(f.Value, "|", " "))
		}
	}
	more := ""
	if c.argumentIsFile() {
		more = ` $(compgen -f -- "$cur")`
	}
	return fmt.Sprintf("    case $prev in\n%s    esac\n    COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")%s)\n",
		cases.String(), strings.Join(words, " "), more)
}

func (c *Command) zsh() string {
	var b strings.Builder
	if len(c.Subcommands) == 0 {
		fmt.Fprintf(&b, "#compdef %s\n_arguments -s%s\n", c.Name, c.zshFlags())
		return b.String()
	}
	var commands []string
	for _, s := range c.Subcommands {
		commands = append(commands, fmt.Sprintf(`%s\:"%s"`, s.Name, zshText(s.Summary)))
	}
	fmt.Fprintf(&b, "#compdef %[1]s\n_ringside_%[1]s() {\n  local state line\n  _arguments -s -C%[2]s \\\n  '1:command:((%[3]s))' \\\n  '*::argument:->arguments'\n  case $state in\n  arguments)\n    case $words[1] in\n",
		c.Name, c.zshFlags(), strings.Join(commands, " "))
	for _, s := range c.Subcommands {
		fmt.Fprintf(&b, "    %s) _arguments -s%s ;;\n", s.Name, c.subcommand(s.Name).zshFlags())
	}
	fmt.Fprintf(&b, "    esac ;;\n  esac\n}\n_ringside_%s \"$@\"\n", c.Name)
	return b.String()
}

func zshText(s string) string {
	return strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`, "'", `'\''`).Replace(s)
}

// zshFlags are the arguments of _arguments.
func (c *Command) zshFlags() string {
	var b strings.Builder
	for _, f := range c.visibleFlags() {
		value := ""
		switch {
		case strings.Contains(f.Value, "|"):
			value = ":" + f.Name + ":(" + strings.ReplaceAll(f.Value, "|", " ") + ")"
		case takesFile(f):
			value = ":file:_files"
		case f.Value != "":
			value = ":" + zshText(strings.ToLower(f.Value)) + ": "
		}
		usage := zshText(f.Usage)
		fmt.Fprintf(&b, " \\\n  '*--%s[%s]%s'", f.Name, usage, value)
		if f.Letter != "" {
			fmt.Fprintf(&b, " \\\n  '*-%s[%s]%s'", f.Letter, usage, value)
		}
	}
	if c.argumentIsFile() {
		b.WriteString(" \\\n  '*:file:_files'")
	}
	return b.String()
}

func (c *Command) fish() string {
	if len(c.Subcommands) == 0 {
		return c.fishFlags(c.Name, "")
	}
	var b strings.Builder
	b.WriteString(c.fishFlags(c.Name, " -n __fish_use_subcommand"))
	for _, s := range c.Subcommands {
		fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -f -a %s -d '%s'\n", c.Name, s.Name, fishText(s.Summary))
		b.WriteString(c.subcommand(s.Name).fishFlags(c.Name, " -n '__fish_seen_subcommand_from "+s.Name+"'"))
	}
	return b.String()
}

func fishText(s string) string { return strings.ReplaceAll(s, "'", `\'`) }

// fishFlags are lines for the flags, which hold on a condition.
func (c *Command) fishFlags(command, condition string) string {
	var b strings.Builder
	for _, f := range c.visibleFlags() {
		fmt.Fprintf(&b, "complete -c %s%s -l %s", command, condition, f.Name)
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
		fmt.Fprintf(&b, " -d '%s'\n", fishText(f.Usage))
	}
	return b.String()
}

func takesFile(f Flag) bool { return f.Value == "FILE" || f.Value == "PATH" || f.Value == "NS" }
