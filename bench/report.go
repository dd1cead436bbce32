package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/vm"
)

const preface = `# Benchmarks

Our commands side by side with the tools that do the same today. Every figure
is the median of all runs, with the least and the greatest in brackets; all
subjects of a table were run in turn, again and again. A ratio is the median of
the ratios of the same round, ours over the peer's, of the first figure: below 1 we
take less than the peer, above 1 more. A peer that does not run on a kernel stays in
the table, with the last that it said.

This page is written by ` + "`make bench`" + ` (as root, some hours on an otherwise
idle machine); ` + "`go run ./bench -only execsnoop/start`" + ` measures one table again. The
peers are installed from the distribution; the tracefs that they need is
mounted where only they see it. What is measured runs at a higher priority than the rest
of the machine. ` + "`make bench-here`" + ` measures this kernel only, in three quarters of an hour, and
` + "`make bench-vm`" + ` the stock kernel in a virtual machine.

`

const guestPreface = `Some peers cannot run on the kernel above. Here all run on a stock kernel of Debian, with
the peers of that release, on a processor that is emulated in software: times are many times those of
any real machine, and **only ratios mean anything**; memory, bytes and losses are what they are. What is
measured is described above, with smaller loads; bcc, which takes most of a minute to start there, is
measured once. Where clocks count instructions, one a nanosecond (` + "`-count`" + `), the processor is one, and what is told as time is
the same in every run.

`

// part is what was measured on one kernel.
type part struct {
	kernel  string // of a virtual machine; "" is the machine that wrote the page
	results []result
}

// parts takes what is still of use from the samples.
func parts(all map[string]saved) []part {
	list := []part{{}}
	for _, k := range vm.Matrix {
		list = append(list, part{kernel: k.Name})
	}
	b := &bench{commands: commands(), sizes: fullSizes}
	for i := range list {
		key := ""
		if list[i].kernel != "" {
			key = guestKey(list[i].kernel)
		}
		for _, m := range b.metrics() {
			if r, ok := all[key+m.name].result(m); ok {
				list[i].results = append(list[i].results, r)
			}
		}
	}
	return slices.DeleteFunc(list, func(p part) bool { return len(p.results) == 0 })
}

// render writes the page.
func render(list []part) string {
	var b strings.Builder
	b.WriteString(preface)
	described := make(map[string]bool)
	for _, p := range list {
		p.write(&b, described)
	}
	return b.String()
}

// write describes a metric where it appears for the first time.
func (p part) write(b *strings.Builder, described map[string]bool) {
	if p.kernel != "" {
		fmt.Fprintf(b, "\n## In a virtual machine, kernel %s\n\n%s", p.kernel, guestPreface)
	}
	b.WriteString("Peers:\n\n")
	for _, line := range p.packages() {
		fmt.Fprintf(b, "- %s\n", line)
	}
	p.writeTargets(b)
	command := ""
	for i := range p.results {
		r := &p.results[i]
		title := r.title
		if c := commandOf(r.name); p.kernel != "" {
			title = c + ": " + title
		} else if c != command {
			command = c
			fmt.Fprintf(b, "\n## %s\n", command)
		}
		fmt.Fprintf(b, "\n### %s\n\n", title)
		if !described[r.name] {
			fmt.Fprintf(b, "%s\n\n", strings.TrimSpace(r.text))
			described[r.name] = true
		}
		r.write(b)
	}
}

// packages are those of all peers; versions of different times are told.
func (p part) packages() []string {
	var all []string
	for i := range p.results {
		all = append(all, p.results[i].packages...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writeTargets lists what we promised and whether it holds.
func (p part) writeTargets(b *strings.Builder) {
	var rows [][]string
	for i := range p.results {
		r := &p.results[i]
		for _, t := range r.targets {
			if t.native && p.kernel != "" {
				continue
			}
			value, kept := r.check(t)
			verdict := "missed"
			switch {
			case kept:
				verdict = "kept"
			case math.IsNaN(value):
				verdict = "no samples to compare"
			}
			shown := ratioText(value)
			if t.peer == "" {
				shown = r.figures[t.figure].format(value)
			}
			rows = append(rows, []string{commandOf(r.name), t.text, shown, verdict})
		}
	}
	if len(rows) > 0 {
		level := "##"
		if p.kernel != "" {
			level = "###"
		}
		fmt.Fprintf(b, "\n%s Targets\n\n", level)
		writeTable(b, []string{"command", "target", "measured", ""}, rows)
	}
}

func (r *result) write(b *strings.Builder) {
	head := []string{""}
	for _, f := range r.figures {
		head = append(head, f.name)
	}
	var peers []string
	if !r.plain {
		peers = r.peers()
		if slices.ContainsFunc(r.subjects, subject.isFloor) {
			peers = append(peers, floorTool)
		}
	}
	for _, p := range peers {
		head = append(head, "ratio to "+p)
	}
	var rows [][]string
	for i, s := range r.subjects {
		row := []string{s.label()}
		for j, f := range r.figures {
			text := statsText(summarize(r.samples[i][j]), f.format)
			if j == 0 && r.failures[i] != "" && summarize(r.samples[i][j]).n == 0 {
				text = r.failures[i]
			}
			row = append(row, text)
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
		load := ""
		if r.load != "" {
			load = "; " + r.load
		}
		fmt.Fprintf(b, "\nMeasured %s%s; %s.\n", r.measured, load, r.machine)
	}
}

// peers are the tools that are not ours, in their order. The floor is none: nobody
// is as good as that, and what it takes is not what we promise or compare with before.
func (r *result) peers() []string {
	var out []string
	for _, s := range r.subjects {
		if !s.ours() && !s.isFloor() && !slices.Contains(out, s.tool) {
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
