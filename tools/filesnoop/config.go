package main

import (
	"slices"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
)

// config is what the flags say.
type config struct {
	format      string
	timestamp   bool
	printUID    bool
	extended    bool
	fullPath    bool
	failed      bool
	errors      bool
	tid         int
	name        string
	openFlags   []uint32
	duration    time.Duration
	write       bool
	create      bool
	delete      bool
	rename      bool
	attributes  bool
	all         bool
	paths       []string
	notPaths    []string
	globs       []*glob
	exec        bool
	replay      string
	features    time.Duration
	alertOnly   bool
	thresholds  []threshold
	patterns    []string
	window      time.Duration
	canaries    []string
	onAlert     string
	freeze      bool
	entropy     bool
	crypto      bool
	cryptoFiles []string

	asCSV bool                  // of a format that is one or the other
	idle  func(now int64) error // nothing came for a while; nil for nothing to do
	ended func() error          // when all is printed
}

// resolve says what is wrong with flags that are right each by itself, and sets
// those that others imply.
func (cfg *config) resolve(env *command.Env) error {
	if cfg.failed && cfg.errors {
		return command.Usagef("-x and --errors: only failures, or failures too: give one of them")
	}
	if cfg.exec && len(env.Args) == 0 {
		return command.Usagef("--exec: needs the COMMAND to trace, behind --")
	}
	selects := cfg.write || cfg.create || cfg.delete || cfg.rename || cfg.attributes || cfg.all
	if cfg.format != formats[0] {
		if selects && !slices.Contains([]string{"classic", "timesketch", "bodyfile"}, cfg.format) {
			return command.Usagef("--format %s: has the events of that tool: leave out --write, --create, --delete, --rename, --attributes and --all", cfg.format)
		}
		if env.Format != "table" && !(cfg.format == "timesketch" && env.Format == "csv") {
			return command.Usagef("--format %s: has a form of its own: leave out --output %s", cfg.format, env.Format)
		}
	}
	if cfg.format == "opensnoop" && !cfg.failed {
		cfg.errors = true
	}
	if (cfg.failed || cfg.errors) && (cfg.format == "filelife" || cfg.format == "filegone") {
		return command.Usagef("--format %s: has no failures: leave out -x and --errors", cfg.format)
	}
	if len(cfg.openFlags) > 0 && cfg.ops()&opsOpen == 0 {
		return command.Usagef("--flag-filter: there are no opens among what was asked for")
	}
	if cfg.entropy && !cfg.judges() {
		return command.Usagef("--entropy: is for the rules, which --format %s does not ask", cfg.format)
	}
	if len(cfg.cryptoFiles) > 0 && !cfg.crypto {
		return command.Usagef("--crypto-file: needs --crypto")
	}
	if cfg.crypto && (cfg.ops()&opsOpen == 0 || !cfg.judges() || cfg.failed) {
		return command.Usagef("--crypto: finds libraries by their opens: leave out what drops those, such as --write, --format filelife or -x")
	}
	if cfg.features > 0 && (cfg.alertOnly || cfg.format != formats[0] || env.Format == "json") {
		return command.Usagef("--features: prints rows of its own: leave out --alert-only, --format and --json")
	}
	if cfg.features > 0 || cfg.format == "timesketch" || cfg.format == "bodyfile" {
		cfg.asCSV = env.Format == "csv"
		env.Format = "json" // which has no header of its own
	}
	if cfg.replay != "" && (cfg.freeze || cfg.onAlert != "") {
		return command.Usagef("--replay: is about processes of the past: leave out --freeze and --on-alert")
	}
	if cfg.replay != "" && len(env.Args) > 0 {
		return command.Usagef("--replay: reads a file: leave out the COMMAND")
	}
	if cfg.duration > 0 {
		env.Duration = cfg.duration
	}
	return nil
}

// judges reports whether the rules are asked.
func (cfg *config) judges() bool {
	return cfg.format == formats[0] || cfg.format == "classic" || cfg.format == "timesketch" || cfg.alertOnly || len(cfg.canaries) > 0 || cfg.acts()
}

// asksFiles reports whether anybody looks at where and what the files are. The table of
// opensnoop has names as given: the file, its way up to the root and what it is are half of
// the time that an open takes in the kernel.
func (cfg *config) asksFiles() bool {
	return cfg.format != "opensnoop" || cfg.fullPath || cfg.judges() || len(cfg.paths)+len(cfg.notPaths)+len(cfg.globs) > 0
}

// acts reports whether something is to be done about alarms.
func (cfg *config) acts() bool { return cfg.freeze || cfg.onAlert != "" }

// ops are what was asked for.
func (cfg *config) ops() opSet {
	var ops opSet
	for _, s := range []struct {
		given bool
		ops   opSet
	}{
		{cfg.write, opsWrite}, {cfg.create, opsCreate | opsOpen&^setOf(opOpen)}, {cfg.delete, opsDelete},
		{cfg.rename, setOf(opRename)}, {cfg.all, opsDefault | opsWrite | opsAttributes},
	} {
		if s.given {
			ops |= s.ops
		}
	}
	switch {
	case len(cfg.openFlags) > 0 && ops == 0:
		return opsOpen
	case cfg.format == "opensnoop":
		return opsOpen
	case cfg.format == "filelife":
		return setOf(opCreate, opMknod, opDelete, opRename)
	case cfg.format == "filegone":
		return setOf(opDelete, opRename)
	case ops == 0:
		ops = opsDefault
	}
	if cfg.attributes {
		ops |= opsAttributes
	}
	if cfg.entropy {
		ops |= setOf(opWrite)
	}
	if cfg.crypto {
		ops |= setOf(opEncrypt)
	}
	return ops
}

func (cfg *config) failures() bool { return cfg.failed || cfg.errors }
