package main

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// measured is a metric as if it had been measured: two rounds.
func measured() result {
	return result{
		metric: metric{
			name: "x/start", title: "Start", text: "How long.\n",
			figures:  []figure{{"time", millis}, {"runs", count}},
			subjects: []subject{{tool: ours}, {tool: ours, mode: "-x"}, {tool: "peer"}, {tool: "peer", mode: "-x"}, {tool: "other"}},
			targets: []target{
				{text: "half", peer: "peer", limit: 0.5, atMost: true},
				{text: "soon", limit: 1e6, atMost: true},
				{text: "runs", figure: 1, limit: 10},
			},
		},
		samples: [][][]float64{
			{{2e6, 4e6}, {10, 12345}},
			{{8e6, 8e6}, {1, 1}},
			{{4e6, 8e6}, {1, 1}},
			{{4e6, 4e6}, {1, 1}},
			{{nan, nan}, {nan, nan}},
		},
		failures: []string{"", "", "", "", "does not run: no kprobes"},
		packages: []string{"peer 1.2"},
	}
}

func TestRender(t *testing.T) {
	got := strings.TrimPrefix(render([]part{{results: []result{measured()}}}), preface)
	got = strings.NewReplacer("\u00a0", "~", "\u202f", "'").Replace(got)
	qt.Assert(t, qt.Equals(got, `Peers:

- peer 1.2

## Targets

| command | target | measured |  |
|---|---:|---:|---:|
| x | half | 0.50 | kept |
| x | soon | 3.0~ms | missed |
| x | runs | 6178 | kept |

## x

### Start

How long.

|  | time | runs | ratio to peer | ratio to other |
|---|---:|---:|---:|---:|
| ringside | 3.0~ms (2.0~ms–4.0~ms) | 6178 (10–12'345) | 0.50 | – |
| ringside `+"`-x`"+` | 8.0~ms | 1 | 2.00 | – |
| peer | 6.0~ms (4.0~ms–8.0~ms) | 1 |  |  |
| peer `+"`-x`"+` | 4.0~ms | 1 |  |  |
| other | does not run: no kprobes | – |  |  |
`))
}

// TestRenderGuest: a second part has no texts again, and no targets that it
// cannot keep.
func TestRenderGuest(t *testing.T) {
	r := measured()
	r.targets[1].native = true
	r.targets = append(r.targets, target{text: "against other", peer: "other", limit: 1})
	page := render([]part{{results: []result{r}}, {"6.12", []result{r}}})
	native, guest, ok := strings.Cut(page, "## In a virtual machine, kernel 6.12\n")
	qt.Assert(t, qt.IsTrue(ok))
	for _, text := range []string{"How long.", "| x | soon |"} {
		qt.Check(t, qt.StringContains(native, text))
		qt.Check(t, qt.Not(qt.StringContains(guest, text)))
	}
	for _, text := range []string{"### x: Start\n", "| x | half |", "| x | against other | – | no samples to compare |", "- peer 1.2\n"} {
		qt.Check(t, qt.StringContains(guest, text))
	}
}

func TestFind(t *testing.T) {
	r := measured()
	i, ok := r.find("other", "-x")
	qt.Assert(t, qt.IsTrue(ok), qt.Commentf("a peer without the mode stands as it is"))
	qt.Assert(t, qt.Equals(i, 4))
	_, ok = r.find(ours, "--json")
	qt.Assert(t, qt.IsFalse(ok), qt.Commentf("ours without the mode is not another mode"))
}

func TestNumber(t *testing.T) {
	for want, got := range map[string]string{
		"1234":                          number(0, "")(1234),
		"12\u202f345":                   number(0, "")(12345),
		"1\u202f234\u202f567.9\u00a0ns": number(1, "ns")(1234567.89),
		"−16":                           count(-16),
		"–":                             count(nan),
		"4.68\u00a0MB":                  megabytes(4_680_000),
	} {
		qt.Check(t, qt.Equals(got, want))
	}
}

func TestMetricNames(t *testing.T) {
	b := &bench{commands: commands(), sizes: fullSizes}
	seen := make(map[string]bool)
	for _, m := range b.metrics() {
		qt.Check(t, qt.IsFalse(seen[m.name]), qt.Commentf("%s twice", m.name))
		seen[m.name] = true
		for _, target := range m.targets {
			r := result{metric: m}
			_, ok := r.find(ours, target.mode)
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s: no subject for %q", m.name, target.text))
		}
	}
}
