package rules

import (
	"strings"
	"time"
)

// process is what is counted of a process in two halves of a window, so that a
// count is of the last window to the last half.
type process struct {
	began     int64
	now, old  [len(kinds)]int
	progress  map[string][]int // file to how far each pattern has come
	startedAt uint64
}

const (
	processesMax = 1 << 14
	progressMax  = 4096
)

// count keeps the numbers of the founding detector.
func (e *Engine) count(ev *Event) Verdict {
	v := Verdict{Over: "----"}
	kind := kindOf(ev.Op)
	if kind == 0 {
		return v
	}
	p := e.processOf(ev)
	i := strings.IndexByte(kinds, kind)
	p.now[i]++
	over := []byte("----")
	for k := range kinds {
		if p.now[k]+p.old[k] > e.cfg.Thresholds[k] {
			over[k] = kinds[k]
			v.Severity = Minor
		}
	}
	v.Over = string(over)
	files := e.treeOf(ev).files // a shell has a process for each file
	files.turn(ev.Time, e.cfg.Window)
	if files.match(e.cfg.Patterns, kind, ev.Path) {
		v.Match = true
		v.Severity = Major
	}
	return v
}

func (e *Engine) processOf(ev *Event) *process {
	p := e.counts[ev.PID]
	if p == nil || p.startedAt != ev.Start { // another process of that number
		if len(e.counts) >= processesMax {
			for pid, old := range e.counts {
				if ev.Time-old.began > 2*int64(e.cfg.Window) {
					delete(e.counts, pid)
				}
			}
			if len(e.counts) >= processesMax {
				clear(e.counts)
				e.Forgotten++
			}
		}
		p = newProcess(ev.Time, ev.Start)
		e.counts[ev.PID] = p
	}
	p.turn(ev.Time, e.cfg.Window)
	return p
}

func newProcess(now int64, start uint64) *process {
	return &process{began: now, progress: make(map[string][]int), startedAt: start}
}

// turn forgets what is older than the window.
func (p *process) turn(now int64, window time.Duration) {
	switch age := time.Duration(now - p.began); {
	case age >= window:
		p.now, p.old, p.began = [len(kinds)]int{}, [len(kinds)]int{}, now
		clear(p.progress)
	case age >= window/2:
		p.old, p.now, p.began = p.now, [len(kinds)]int{}, now
	}
}

// match follows the patterns for one file. What is made counts for the file that
// it is made of as well: a.txt.aes for a.txt. Not so what compressors make.
func (p *process) match(patterns []string, kind byte, file string) bool {
	if file == "" {
		return false
	}
	if len(p.progress) > progressMax {
		clear(p.progress)
	}
	matched := p.step(patterns, kind, file)
	if kind == 'C' {
		stems(file, func(stem, suffix string) {
			if _, known := p.progress[stem]; known && !isFamiliar(suffix) && p.step(patterns, kind, stem) {
				matched = true
			}
		})
	}
	return matched
}

func (p *process) step(patterns []string, kind byte, file string) bool {
	at := p.progress[file]
	if at == nil {
		at = make([]int, len(patterns))
		p.progress[file] = at
	}
	matched := false
	for i, pattern := range patterns {
		switch {
		case pattern[at[i]] == kind:
			at[i]++
		case pattern[0] == kind:
			at[i] = 1
		}
		if at[i] == len(pattern) {
			at[i], matched = 0, true
		}
	}
	return matched
}
