package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// judge filters events by what they are, and asks the rules about those that pass.
type judge struct {
	filter func(*event) bool          // nil: all pass
	engine *rules.Engine              // nil: nobody is asked
	act    func(*event, *rules.Alert) // nil: nothing is done about alarms
	alerts int

	comm, exe string // of the last event: most have those of the one before
}

// same returns the text of b, which is *last if it is the same, and remembers it.
func same(last *string, b []byte) string {
	if *last != string(b) {
		*last = string(b)
	}
	return *last
}

// see puts into the event whether it passed, and the verdict.
func (j *judge) see(e *event) {
	e.verdict = rules.Verdict{Over: "----"}
	// What is encrypted is no file, which filters are about.
	e.passed = j.filter == nil || e.op() == opEncrypt || j.filter(e)
	if !e.passed || j.engine == nil || e.Ret < 0 {
		return
	}
	ev := rules.Event{
		Time: e.Time, PID: e.PID, PPID: e.PPID, Start: e.StartNs, Comm: same(&j.comm, e.Comm), Exe: same(&j.exe, e.exe),
		Op: e.op().String(), Path: string(e.path), Path2: string(e.path2),
	}
	if e.op() == opOpen {
		ev.Writing = e.OpenFlags&accessMode != unix.O_RDONLY && e.OpenFlags&unix.O_APPEND == 0
		ev.Emptied, ev.MayMake = e.OpenFlags&unix.O_TRUNC != 0, e.OpenFlags&unix.O_CREAT != 0
	}
	if e.op() == opEncrypt {
		ev.Bytes = e.Bytes
	}
	ev.Special, ev.Content = e.special(), e.content
	if ev.Exe == "" {
		ev.Exe = ev.Comm // as far as it is known in the table
	}
	e.verdict = j.engine.Judge(&ev)
	if e.verdict.Alert != nil {
		j.alerts++
		if j.act != nil {
			j.act(e, e.verdict.Alert)
		}
	}
}

// special reports whether an open is of something that has no content to lose.
func (e *event) special() bool {
	if e.Flags&flagInode != 0 {
		return e.FileMode&unix.S_IFMT != unix.S_IFREG
	}
	for _, dir := range []string{"/dev/", "/proc/", "/sys/"} {
		if strings.HasPrefix(string(e.path), dir) {
			return true
		}
	}
	return false
}

// below writes the alert under the row of the event that raised it.
func below(c *output.Cell, e *event) {
	a := e.verdict.Alert
	if a == nil {
		return
	}
	c.Text("ALERT " + a.Rule + ": process tree of " + strconv.FormatUint(uint64(a.Root), 10))
	if a.RootExe != "" {
		c.Text(" (")
		c.Bytes([]byte(a.RootExe))
		c.Text(")")
	}
	c.Text(fmt.Sprintf(", %d files, seen since ", a.Files))
	c.Clock(a.RootSeen)
	c.Text(", the first is ")
	c.Bytes([]byte(a.First))
	c.EndLine()
	for _, line := range a.Evidence {
		c.Text("    ")
		c.Bytes([]byte(line))
		c.EndLine()
	}
}

// ruleFields are what the rules add to an event.
var ruleFields = []output.Field[event]{
	{Name: "severity", Type: output.TypeText, Enum: rules.Names, Doc: "What the rules say of the event: ok; minor, where a kind of events is over its threshold or the rule alone is no reason for an alarm; major, where a rule or a pattern holds.",
		Get: func(e *event) output.Value { return output.Text(rules.Names[e.verdict.Severity]) }},
	{Name: "rule", Type: output.TypeText, Nullable: true, Doc: "The rule that holds: replace, rename, overwrite, rewrite, note, remove or canary; null for none.",
		Get: func(e *event) output.Value { return textOrNull(e.verdict.Rule) }},
	{Name: "pattern_match", Type: output.TypeBool, Doc: "Whether the event is the last of a --pattern about one file.",
		Get: func(e *event) output.Value { return output.Bool(e.verdict.Match) }},
	{Name: "over", Type: output.TypeText, Doc: "Which kinds of events are over their threshold in the process: letters of OCDE (open, create, delete, encrypt), - for each that is not.",
		Get: func(e *event) output.Value { return output.Text(e.verdict.Over) }},
	{Name: "alert", Type: output.TypeText, Nullable: true, Doc: "The rule whose alarm this event raised, once for a process tree and again after a pause; null for all other events.",
		Get: func(e *event) output.Value {
			return ofAlert(e, func(a *rules.Alert) output.Value { return output.Text(a.Rule) })
		}},
	{Name: "alert_root", Type: output.TypeUint, Nullable: true, Doc: "Process at the top of the tree, as far as it was seen; null without an alarm.",
		Get: func(e *event) output.Value {
			return ofAlert(e, func(a *rules.Alert) output.Value { return output.Uint(uint64(a.Root)) })
		}},
	{Name: "alert_exe", Type: output.TypeBytes, Nullable: true, Doc: "Executable, or in the table the name, of the first process of the tree that did anything; null without an alarm.",
		Get: func(e *event) output.Value {
			return ofAlert(e, func(a *rules.Alert) output.Value { return output.Bytes([]byte(a.RootExe)) })
		}},
	{Name: "alert_since", Type: output.TypeTime, Nullable: true, Doc: "When the tree was first seen; null without an alarm.",
		Get: func(e *event) output.Value {
			return ofAlert(e, func(a *rules.Alert) output.Value { return output.Time(a.RootSeen) })
		}},
	{Name: "alert_files", Type: output.TypeUint, Nullable: true, Doc: "How many files the rule had counted when the alarm was raised; null without an alarm.",
		Get: func(e *event) output.Value {
			return ofAlert(e, func(a *rules.Alert) output.Value { return output.Uint(uint64(a.Files)) })
		}},
	{Name: "alert_evidence", Type: output.TypeList, Nullable: true, Doc: "The first events that the rule was about, with their paths; null without an alarm.",
		Get: func(e *event) output.Value {
			return ofAlert(e, func(a *rules.Alert) output.Value {
				lines := make([][]byte, len(a.Evidence))
				for i, line := range a.Evidence {
					lines[i] = []byte(line)
				}
				return output.ByteList(lines)
			})
		}},
}

func textOrNull(s string) output.Value {
	if s == "" {
		return output.Null()
	}
	return output.Text(s)
}

func ofAlert(e *event, value func(*rules.Alert) output.Value) output.Value {
	if e.verdict.Alert == nil {
		return output.Null()
	}
	return value(e.verdict.Alert)
}

// parseThreshold reads O=50.
func parseThreshold(s string) (threshold, error) {
	kind, number, ok := strings.Cut(s, "=")
	n, err := strconv.Atoi(number)
	i := strings.Index("OCDE", kind)
	if !ok || err != nil || n < 1 || n > 1<<30 || len(kind) != 1 || i < 0 {
		return threshold{}, fmt.Errorf("want O=50, C=25, D=25 or E=50, or several with commas")
	}
	return threshold{i, n}, nil
}

type threshold struct{ kind, n int }

// parsePattern reads OCD.
func parsePattern(s string) (string, error) {
	const most = 16
	if len(s) < 2 || len(s) > most || strings.Trim(s, "OCDE") != "" {
		return "", fmt.Errorf("want 2 to %d letters of O, C, D and E, such as OCD", most)
	}
	return s, nil
}

// ruleConfig is what the flags say of the rules.
func (cfg *config) ruleConfig() (rules.Config, error) {
	c := rules.Default()
	for _, t := range cfg.thresholds {
		c.Thresholds[t.kind] = t.n
	}
	if len(cfg.patterns) > 0 {
		c.Patterns = cfg.patterns
	}
	if cfg.window > 0 {
		c.Window = cfg.window
	}
	for _, p := range cfg.canaries {
		p, err := filepath.Abs(p)
		if err != nil {
			return c, fmt.Errorf("--canary: %w", err)
		}
		if real, err := filepath.EvalSymlinks(p); err == nil {
			p = real
		}
		c.Canaries = append(c.Canaries, p)
	}
	return c, nil
}
