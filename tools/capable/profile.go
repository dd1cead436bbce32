package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// Values of bpfUseKey.How (profile.h).
const (
	howUsed      = 0
	howNeedless  = 1
	howRefused   = 2
	howUnaudited = 3
)

// What the lines of a profile are about, in the order in which they come.
const (
	byCommand    = "command"
	byExecutable = "executable"
	byUnit       = "unit"
	byContainer  = "container"
)

var byOrder = []string{byCommand, byExecutable, byUnit, byContainer}

// row is what one executable, unit, container or command did with capabilities.
type row struct {
	by, name  string
	userns    bool // with credentials of a user namespace of its own
	used      preflight.Set
	unaudited preflight.Set // granted by checks that are not audited
	needless  preflight.Set // asked for, but the call needed none
	refused   preflight.Set
	checks    uint64
}

// least is the smallest set with which everything that succeeded will succeed
// again: what was used, audited or not, but for what another one of them implies.
func (r *row) least() preflight.Set {
	least := r.used | r.unaudited
	for _, i := range implied {
		if least.Has(i.by) {
			least = least.Without(i.cap)
		}
	}
	return least
}

// implied are the capabilities that a check accepts another one in place of.
var implied = []struct{ by, cap preflight.Capability }{
	{preflight.DacOverride, preflight.DacReadSearch}, // generic_permission()
	{preflight.SysAdmin, preflight.BPF},              // bpf_capable() and so on, since 5.8
	{preflight.SysAdmin, preflight.Perfmon},
	{preflight.SysAdmin, preflight.CheckpointRestore},
}

// profile prints what was added up.
type profile struct {
	cfg   *config
	names *subjects
}

// Print implements [trace.Totals].
func (p *profile) Print(env *command.Env, h *trace.Host, maps map[string]*ebpf.Map) (uint64, error) {
	title := ""
	if len(env.Args) > 0 {
		title = strings.Join(env.Args, " ")
	}
	var rows []row
	var checks uint64
	table := trace.Rows[row]{Fields: profileFields, Columns: profileColumns,
		Collect: func(*trace.Host, map[string]*ebpf.Map) ([]row, uint64, error) { return rows, checks, nil },
	}
	uses, err := readUses(maps["uses"])
	if err != nil {
		return 0, err
	}
	rows, checks = p.names.group(uses, title)
	if write := formats[p.cfg.format]; write != nil {
		_, err := env.Stdout.Write(write(nil, rows))
		return checks, err
	}
	return table.Print(env, h, maps)
}

// use is a line of the map.
type use struct {
	bpfUseKey
	checks uint64
}

func readUses(m *ebpf.Map) ([]use, error) {
	var uses []use
	var u use
	it := m.Iterate()
	for it.Next(&u.bpfUseKey, &u.checks) {
		uses = append(uses, u)
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	return uses, nil
}

// group adds the uses up by executable, unit, container, and, with a title, all
// together as the command of that name.
func (s *subjects) group(uses []use, title string) (rows []row, checks uint64) {
	index := make(map[row]int)
	if title != "" { // also if it asked for nothing, which is an answer
		key := row{by: byCommand, name: title}
		index[key] = 0
		rows = append(rows, key)
	}
	for _, u := range uses {
		who := s.known[u.Who]
		add := func(by, name string) {
			if name == "" {
				return
			}
			key := row{by: by, name: name, userns: u.Who.UsernsLevel > 0}
			i, ok := index[key]
			if !ok {
				i = len(rows)
				index[key] = i
				rows = append(rows, key)
			}
			rows[i].add(u)
		}
		checks += u.checks
		add(byCommand, title)
		add(byExecutable, cmp.Or(who.exe, "?"))
		add(byUnit, who.unit)
		add(byContainer, who.container)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(byOrder, a.by), slices.Index(byOrder, b.by)),
			cmp.Compare(a.name, b.name),
			cmp.Compare(fmt.Sprint(a.userns), fmt.Sprint(b.userns)))
	})
	return rows, checks
}

func (r *row) add(u use) {
	c := preflight.Capability(u.Cap)
	switch u.How {
	case howUsed:
		r.used = r.used.With(c)
	case howNeedless:
		r.needless = r.needless.With(c)
	case howUnaudited:
		r.unaudited = r.unaudited.With(c)
	case howRefused:
		r.refused = r.refused.With(c)
	}
	r.checks += u.checks
}
