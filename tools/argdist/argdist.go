package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// config is what the flags say.
type config struct {
	counts, histograms []string
	sums, averages     []string
	minima, maxima     []string
	stats              []string
	linear             report.Scale
	interval, duration time.Duration
	number             int
	cumulative         bool
	top                int
	size               int
	tid                int
	keys               int
	verbose            bool
	includes           []string
	list               string
	explain            string
	backend            string
}

func newCommand() *command.Command { return commandOf(new(config)) }

// defaults of bcc, in bytes and keys.
const (
	defaultSize = 80
	defaultKeys = 10240
)

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	cfg.size, cfg.keys, cfg.backend = defaultSize, defaultKeys, nativeBackend
	specs := func(name, letter, usage string, p *[]string) command.Flag {
		return command.Texts(name, letter, "SPEC", usage, p)
	}
	return &command.Command{
		Name:    "argdist",
		Summary: "count and measure arguments and results of functions",
		Description: `Counts in the kernel how often each value of an expression was seen (-C), or
draws a histogram of it (-H), every second. A SPEC says what is probed, and what
of it counts; quote it from the shell:

  {p|r|t|u}:{library|category}:function(signature)[:type,...:expr,...[:filter]][#label]

p is the entry of a function, r its return, t a tracepoint, u a static probe
(USDT). Without a library it is a function of the kernel, whose signature and
types are known: they can be left out. Expressions are C's, with $PID, $TID,
$UID, $GID, $COMM, $CPU, $CGROUP, $KSTACK, $USTACK, and at the return $retval,
$latency (ns), $entry(name). With -H and those below it, the last expression is
measured and those before it are the key.`,
		Flags: []command.Flag{
			specs("count", "C", "count by value; repeatable", &cfg.counts),
			specs("histogram", "H", "histogram by powers of two; repeatable", &cfg.histograms),
			specs("sum", "", "sum; repeatable, as those below", &cfg.sums),
			specs("avg", "", "average", &cfg.averages),
			specs("min", "", "minimum", &cfg.minima),
			specs("max", "", "maximum", &cfg.maxima),
			specs("stats", "", "number, sum, average, minimum and maximum", &cfg.stats),
			command.Parsed("linear", "", "LO,HI,STEP", "histograms in equal steps from LO to HI", &cfg.linear, parseScale),
			command.Duration("interval", "i", "print and begin anew after this time (1s)", &cfg.interval),
			command.Int("number", "n", "N", "end after N outputs", 1, 1<<31-1, &cfg.number),
			command.Bool("cumulative", "c", "do not begin anew: add to what was there", &cfg.cumulative),
			command.Int("top", "T", "N", "only the N most frequent of each count", 1, 1<<31-1, &cfg.top),
			command.Int("tid", "t", "TID", "only this thread, of functions of the kernel and tracepoints", 1, 1<<22, &cfg.tid),
			command.Int("string-size", "z", "N", "bytes of strings that count (80)", 2, 384, &cfg.size),
			command.Int("keys", "", "N", "room for so many values of each count in an interval (10240)", 1, 1<<24, &cfg.keys),
			command.Bool("verbose", "v", "tell which hooks are used, and print the programs", &cfg.verbose),
			command.Texts("include", "I", "HEADER", "taken and not needed: types come from the kernel", &cfg.includes),
			command.Text("list", "", "PATTERN", "print what can be probed: 'tcp_*', 't:sched:*', 'c:mem*', 'u:LIBRARY:*'", &cfg.list),
			command.Text("explain", "", "SPEC", "print how a specifier is understood, its hook and its program", &cfg.explain),
			command.Choice("backend", "", []string{nativeBackend, bccBackend}, "who compiles: argdist itself, or libbcc where it was built with that", &cfg.backend),
			command.Duration("duration", "d", "end after this time (10s, 1m30s, or seconds)", &cfg.duration),
		},
		Common: []string{"pid", "follow", "uid", "comm", "cgroup", "container", "mntns", "cgroupmap", "mntnsmap", "output", "json", "quiet", "check", "btf", "rung", "fail-on-loss", "version"},
		Examples: []command.Example{
			{Line: "argdist -C 'p::cap_capable():int:ctx->dx'", What: "capabilities that are asked for, by number"},
			{Line: "argdist -H 'p::vfs_read(file, buf, count):count'", What: "sizes of reads"},
			{Line: "argdist -C 'p::tcp_sendmsg():u16:ntohs(sk->__sk_common.skc_dport)'", What: "sends by port"},
			{Line: "argdist -H 'r::vfs_read():u64:$latency/1000#us'", What: "how long reads take"},
			{Line: "argdist -C 't:syscalls:sys_enter_openat():char*:args->filename'", What: "files that are opened"},
			{Line: "argdist -p 1005 -C 'p:c:malloc(size_t size):size_t:size:size==16'", What: "allocations of a process"},
			{Line: "argdist --stats 'r::vfs_write():$COMM,$retval'", What: "bytes written by each command"},
			{Line: "argdist -C 'p::kmem_cache_alloc():$KSTACK' -T 3", What: "who allocates most often"},
			{Line: "argdist --list 'tcp_send*'", What: "functions with their signatures"},
			{Line: "argdist --explain 'p::vfs_read():count/512'", What: "how that is understood"},
			{Line: "argdist --check -C 'p::vfs_read()'", What: "whether it works on this kernel, and as whom"},
		},
		Documents: map[string]func() []byte{
			"schema":     func() []byte { return report.Schema(schemaVersion) },
			"fields":     fieldsDocument,
			"privileges": privileges,
		},
		Run: func(ctx context.Context, env *command.Env) error { return run(ctx, cfg, env) },
	}
}

// parseScale reads LO,HI,STEP.
func parseScale(text string) (report.Scale, error) {
	var s report.Scale
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return s, fmt.Errorf("want three numbers: LO,HI,STEP")
	}
	var err error
	if s.Low, err = strconv.ParseInt(strings.TrimSpace(parts[0]), 0, 64); err != nil {
		return s, fmt.Errorf("want a number for LO")
	}
	if s.High, err = strconv.ParseInt(strings.TrimSpace(parts[1]), 0, 64); err != nil {
		return s, fmt.Errorf("want a number for HI")
	}
	if s.Step, err = strconv.ParseUint(strings.TrimSpace(parts[2]), 0, 64); err != nil {
		return s, fmt.Errorf("want a number for STEP")
	}
	return s, s.Check()
}

// wanted is a specifier and what is to be made of it.
type wanted struct {
	text string
	kind report.Kind
}

// wanted lists the specifiers in the order of the output: that of bcc, where counts
// come before histograms.
func (cfg *config) wanted() []wanted {
	var out []wanted
	add := func(kind report.Kind, texts []string) {
		for _, t := range texts {
			out = append(out, wanted{t, kind})
		}
	}
	histogram := report.Log2
	if cfg.linear.Step != 0 {
		histogram = report.Linear
	}
	add(report.Count, cfg.counts)
	add(histogram, cfg.histograms)
	add(report.Sum, cfg.sums)
	add(report.Avg, cfg.averages)
	add(report.Min, cfg.minima)
	add(report.Max, cfg.maxima)
	add(report.Stats, cfg.stats)
	return out
}

// gathers is what the program does for a kind of output.
func gathers(k report.Kind) gen.Kind {
	switch k {
	case report.Count:
		return gen.Count
	case report.Log2:
		return gen.Log2
	case report.Linear:
		return gen.Linear
	}
	return gen.Stats
}

// resolve says what is wrong with flags that are right each by itself.
func (cfg *config) resolve(env *command.Env) error {
	alone := cfg.list != "" || cfg.explain != ""
	if env.Check && !alone && len(cfg.wanted()) == 0 {
		cfg.counts = []string{"p::vfs_read()"} // whether functions of the kernel can be probed at all
	}
	n := len(cfg.wanted())
	switch {
	case cfg.list != "" && cfg.explain != "":
		return command.Usagef("--list and --explain: one at a time")
	case alone && n > 0:
		return command.Usagef("--list and --explain trace nothing: leave -C, -H and their like out")
	case !alone && n == 0:
		return command.Usagef("at least one specifier is required: -C SPEC or -H SPEC (--help shows some)")
	case cfg.linear.Step != 0 && len(cfg.histograms) == 0:
		return command.Usagef("--linear: there is no histogram (-H)")
	}
	return nil
}
