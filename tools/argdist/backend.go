package main

import (
	"context"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// Who compiles specifiers.
const (
	nativeBackend = "native"
	bccBackend    = "bcc" // libbcc, which takes a build of its own: see bcc.go
)

// runWithBCC gathers with programs of bcc's compiler.
func (s *session) runWithBCC(ctx context.Context) error {
	f := &s.env.Filter
	switch {
	case s.cfg.explain != "":
		return command.Usagef("--explain is of the native backend: see what bcc is given with -v")
	case s.env.Rung != "" || s.env.BTF != "":
		return command.Usagef("--rung, --btf: bcc's compiler knows neither")
	case f.Follow || f.Cgroup != "" || f.Container != "" || f.MntNS != "" || f.CgroupMap != "" || f.MntNSMap != "":
		return command.Usagef("--backend bcc: of the filters it has --pid, --tid, --uid and --comm")
	}
	for _, w := range s.cfg.wanted() {
		if w.kind != report.Count && w.kind != report.Log2 {
			return command.Usagef("--backend bcc: only -C and -H, without --linear")
		}
	}
	if err := s.resolve(); err != nil {
		return err
	}
	err := s.prepareBCC()
	defer s.close()
	if s.env.Check {
		return s.check(err)
	}
	if err != nil {
		return err
	}
	return s.follow(ctx)
}
