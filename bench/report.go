package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const preface = `# Benchmarks

Our commands side by side with the tools that do the same today. Every figure
is the median of all runs, with the least and the greatest in brackets; all
subjects of a table were run in turn, again and again. A ratio is the median of
the ratios of the same round, ours over the peer's, of the first figure: below 1 we
take less than the peer, above 1 more.

This page is written by ` + "`make bench`" + ` (as root, some 20 minutes on an otherwise
idle machine); ` + "`go run ./bench -only execsnoop/start`" + ` measures one table again. The
peers are installed from the distribution; the tracefs that they need is
mounted where only they see it. What is measured runs at a higher priority than the rest
of the machine.

`

// render writes the page.
func render(about []string, results []result) string {
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString("Peers:\n\n")
	for _, line := range about {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	writeTargets(&b, results)
	command := ""
	for i := range results {
		r := &results[i]
		if c, _, _ := strings.Cut(r.name, "/"); c != command {
			command = c
			fmt.Fprintf(&b, "\n## %s\n", command)
		}
		r.write(&b)
	}
	return b.String()
}

// writeTargets lists what we promised and whether it holds.
func writeTargets(b *strings.Builder, results []result) {
	var rows [][]string
	for i := range results {
		r := &results[i]
		for _, t := range r.targets {
			value, kept := r.check(t)
			verdict := "missed"
			if kept {
				verdict = "kept"
			}
			shown := ratioText(value)
			if t.peer == "" {
				shown = r.figures[t.figure].format(value)
			}
			c, _, _ := strings.Cut(r.name, "/")
			rows = append(rows, []string{c, t.text, shown, verdict})
		}
	}
	if len(rows) > 0 {
		b.WriteString("\n## Targets\n\n")
		writeTable(b, []string{"command", "target", "measured", ""}, rows)
	}
}

func (r *result) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", r.title, strings.TrimSpace(r.text))
	head := []string{""}
	for _, f := range r.figures {
		head = append(head, f.name)
	}
	var peers []string
	if !r.plain {
		peers = r.peers()
	}
	for _, p := range peers {
		head = append(head, "ratio to "+p)
	}
	var rows [][]string
	for i, s := range r.subjects {
		row := []string{s.label()}
		for j, f := range r.figures {
			row = append(row, statsText(summarize(r.samples[i][j]), f.format))
		}
		for _, p := range peers {
			cell := ""
			if k, ok := r.find(p, s.mode); ok && s.ours() {
				cell = ratioText(pairRatio(r.samples[i][0], r.samples[k][0]))
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	writeTable(b, head, rows)
	if r.measured != "" {
		fmt.Fprintf(b, "\nMeasured %s; %s.\n", r.measured, r.machine)
	}
}

// peers are the tools that are not ours, in their order.
func (r *result) peers() []string {
	var out []string
	for _, s := range r.subjects {
		if !s.ours() && !slices.Contains(out, s.tool) {
			out = append(out, s.tool)
		}
	}
	return out
}

func statsText(s stats, format func(float64) string) string {
	switch {
	case s.n == 0:
		return "–"
	case format(s.min) == format(s.max):
		return format(s.median)
	}
	return fmt.Sprintf("%s (%s–%s)", format(s.median), format(s.min), format(s.max))
}

func ratioText(r float64) string {
	switch {
	case math.IsNaN(r):
		return "–"
	case r < 0.095:
		return fmt.Sprintf("%.3f", r)
	}
	return fmt.Sprintf("%.2f", r)
}

func writeTable(b *strings.Builder, head []string, rows [][]string) {
	fmt.Fprintf(b, "| %s |\n|---%s|\n", strings.Join(head, " | "), strings.Repeat("|---:", len(head)-1))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}
