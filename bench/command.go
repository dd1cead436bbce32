package main

import (
	"slices"
	"strings"
)

// command is one of our commands with its peers.
type command struct {
	name     string
	packages []string // of the peers
	metrics  func(*bench) []metric
	prepare  func(*bench) error // nil, or what is to be done before its first metric
}

// subject is one way to run one tool.
type subject struct {
	tool   string // "ringside", or the peer's project
	mode   string // "" is what everybody gets; else the flags
	argv   func(*bench, tuning) []string
	binary func(*bench) string // whose size counts
	// runs is how often its BPF programs run for each event; 0 if that depends
	// on what else happens.
	runs int
	// slow to start: once must be enough where all is slow.
	slow bool
}

// tuning is what a measurement asks of a subject; a peer cannot follow and is
// measured as it is.
type tuning struct {
	buffer string // of --buffer; "" is the default
	record int    // bytes that the floor submits; 0: nothing
}

const ours = "ringside"

func (s subject) ours() bool { return s.tool == ours }

func (s subject) label() string {
	if s.mode == "" {
		return s.tool
	}
	return s.tool + " `" + s.mode + "`"
}

// header is how many lines one of ours prints before the first event.
func (s subject) header() int {
	if s.mode == "--json" {
		return 0
	}
	return 1
}

// ourCommand is a command of ours, which is built in the folder of its name.
func ourCommand(name, mode string, runs int) subject {
	return subject{
		tool: ours, mode: mode, runs: runs,
		binary: func(b *bench) string { return b.binary(name) },
		argv: func(b *bench, t tuning) []string {
			argv := withMode(b.binary(name), mode)
			if t.buffer != "" {
				argv = append(argv, "--buffer", t.buffer)
			}
			return argv
		},
	}
}

// commands are all that there are, each from the file of its name.
func commands() []command {
	return []command{execsnoop(), capable(), tcpconnect(), bindsnoop(), filesnoop(), argdist(), tlscap(), guard()}
}

func peerPackages(commands []command) []string {
	var all []string
	for _, c := range commands {
		all = append(all, c.packages...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// commandOf is the command of a metric's name.
func commandOf(name string) string {
	c, _, _ := strings.Cut(name, "/")
	return c
}

func (b *bench) metrics() []metric {
	var all []metric
	for _, c := range b.commands {
		for _, m := range c.metrics(b) {
			m.name, m.prepare = c.name+"/"+m.name, inTurn(c.prepare, m.prepare)
			all = append(all, m)
		}
	}
	return all
}

// inTurn does what is to be done for a command, and then for a metric of it.
func inTurn(steps ...func(*bench) error) func(*bench) error {
	return func(b *bench) error {
		for _, step := range steps {
			if step == nil {
				continue
			}
			if err := step(b); err != nil {
				return err
			}
		}
		return nil
	}
}

// inModes keeps the subjects whose mode is listed.
func inModes(subjects []subject, modes ...string) []subject {
	var out []subject
	for _, s := range subjects {
		if slices.Contains(modes, s.mode) {
			out = append(out, s)
		}
	}
	return out
}
