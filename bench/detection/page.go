package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// results are what came of all runs.
type results struct {
	Outcomes []outcome `json:"outcomes"`
}

func load(path string) (*results, error) {
	r := &results{}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read outcomes: %s: %w", path, err)
	}
	return r, nil
}

func (r *results) store(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("save outcomes: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("save outcomes: %w", err)
	}
	return nil
}

// drop forgets the outcomes of a workload in a mode.
func (r *results) drop(old outcome) {
	r.Outcomes = slices.DeleteFunc(r.Outcomes, func(o outcome) bool { return o.Workload == old.Workload && o.Mode == old.Mode })
}

func (r *results) of(name, mode string) []outcome {
	var out []outcome
	for _, o := range r.Outcomes {
		if o.Workload == name && o.Mode == mode {
			out = append(out, o)
		}
	}
	return out
}

// kernels are the releases that the runs were on.
func (r *results) kernels() (list []string) {
	for _, o := range r.Outcomes {
		if !slices.Contains(list, o.Kernel) {
			list = append(list, o.Kernel)
		}
	}
	slices.Sort(list)
	return list
}

// String is an outcome as one line.
func (o outcome) String() string {
	return fmt.Sprintf("%-4s %-10s alarms [%s], %d touched, %d events, %d lost, %.1f s%s", o.Workload, o.Mode,
		strings.Join(o.Rules, " "), o.Touched, o.Events, o.Lost, o.Seconds, map[bool]string{true: "", false: ", stopped " + o.Problem}[o.Finished])
}

// sections are the parts of the page.
var sections = []struct{ prefix, title, text string }{
	{"A", "Attacks", "The rules were made with these and with the harmless ones of the next table."},
	{"B", "Harmless", "None of these is to raise an alarm."},
	{"X", "Other attacks", "The rules were not changed for these."},
	{"Y", "Other harmless ones", ""},
	{"Z", "Harmless, with an alarm", "These do what an attack does, and only who started them knows better."},
}

// wants says what is to come of a workload in a mode.
func (w workload) wants(mode string) string {
	switch w.kind {
	case attack, alike:
		return "alarm"
	case contents:
		if mode != "" {
			return "alarm"
		}
	}
	return "none"
}

func page(r *results) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What filesnoop's rules find

Written by `+"`make detection`"+` (some hours in a virtual machine): each workload of bench/detection/workloads.go is run
on %d documents of its own in %d directories, under a filesnoop of its own, with default settings and with --entropy.
The kernel is %s, emulated, with 2 processors.

- *alarm*: in how many of the runs there was one, and by which rules; an attack is stopped %d s after the first one.
- *files*: documents that had been opened for writing, renamed or deleted when the first alarm was raised, that one
  included: least to greatest of all runs.
- *events*: what filesnoop saw while the workload ran, by whomever, at most; *lost*: all that were lost, of all runs.

`, documentCount, directoryCount, strings.Join(r.kernels(), " or "), int(afterAlarm.Seconds()))
	b.WriteString(summary(r))
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.text != "" {
			b.WriteString(s.text + "\n\n")
		}
		b.WriteString("| | workload | alarm | files | events | lost | with --entropy | files | events | lost |\n|---|---|---|--:|--:|--:|---|--:|--:|--:|\n")
		for _, w := range workloads {
			if strings.HasPrefix(w.name, s.prefix) {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", w.name, w.what, cells(w, r, ""), cells(w, r, "--entropy"))
			}
		}
	}
	return b.String()
}

// The documents of filesnoop's workload.
const documentCount, directoryCount = 400, 40

// cells are the columns of one mode.
func cells(w workload, r *results, mode string) string {
	all := r.of(w.name, mode)
	if len(all) == 0 {
		return "not run | | |"
	}
	alarms, least, most := 0, 0, 0
	var events, lost uint64
	var rules []string
	problem := ""
	for _, o := range all {
		if len(o.Rules) > 0 {
			if alarms == 0 || o.Touched < least {
				least = o.Touched
			}
			alarms, most = alarms+1, max(most, o.Touched)
		}
		for _, rule := range o.Rules {
			if !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
		}
		events, lost = max(events, o.Events), lost+o.Lost
		if o.Problem != "" {
			problem = " (" + strings.ReplaceAll(strings.Join(strings.Fields(o.Problem), " "), "|", "/") + ")"
		}
	}
	verdict, files := "none", ""
	if alarms > 0 {
		verdict = fmt.Sprintf("%d of %d: %s", alarms, len(all), strings.Join(rules, ", "))
		files = span(least, most)
	}
	if !keeps(w, mode, all) {
		verdict = "**" + verdict + "**"
	}
	return fmt.Sprintf("%s%s | %s | %d | %d", verdict, problem, files, events, lost)
}

func span(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d-%d", least, most)
}

// filesLimit is how many files an attack may cost.
const filesLimit = 30

// keeps reports whether all that came of a workload is what is wanted.
func keeps(w workload, mode string, all []outcome) bool {
	for _, o := range all {
		alarm := len(o.Rules) > 0
		if alarm != (w.wants(mode) == "alarm") || alarm && w.kind != alike && o.Touched >= filesLimit || o.Problem != "" {
			return false
		}
	}
	return len(all) > 0
}

// summary says how many workloads keep what is wanted of them.
func summary(r *results) string {
	var b strings.Builder
	b.WriteString("| | settings | workloads that were run | as wanted |\n|---|---|--:|--:|\n")
	for _, s := range sections[:4] {
		for _, mode := range modes {
			n, good := 0, 0
			for _, w := range workloads {
				if !strings.HasPrefix(w.name, s.prefix) {
					continue
				}
				if len(r.of(w.name, mode)) == 0 {
					continue
				}
				n++
				if keeps(w, mode, r.of(w.name, mode)) {
					good++
				}
			}
			name := mode
			if name == "" {
				name = "default"
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", s.title, name, n, good)
		}
	}
	fmt.Fprintf(&b, `
Wanted is an alarm before %d files of an attack are touched, and none of a harmless workload. Where an attack has the
calls of a harmless program (A5, A6, X7, X8), an alarm is wanted with --entropy, and none without. X9 and X10 are there to
be missed. What is not as wanted is in bold.
`, filesLimit)
	return b.String()
}
