package main

import (
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// pinnedPolicy is a line of guard status: a policy, with all that is the same for all.
type pinnedPolicy struct {
	*engine.Status
	engine.PolicyStatus
	now   int64 // ns since 1970
	dir   string
	hooks []string
}

type statusField = output.Field[pinnedPolicy]

func countField(name, doc string, of func(*engine.Status) uint64) statusField {
	return statusField{Name: name, Type: output.TypeUint, Doc: doc,
		Get: func(p *pinnedPolicy) output.Value { return output.Uint(of(p.Status)) }}
}

// statusFields are the line of type status, in JSON.
var statusFields = []statusField{
	{Name: "time", Type: output.TypeTime, Doc: "When guard status looked, in UTC.",
		Get: func(p *pinnedPolicy) output.Value { return output.Time(p.now) }},
	{Name: "tool", Type: output.TypeText, Doc: "The command that looked.",
		Get: func(*pinnedPolicy) output.Value { return output.Text("guard") }},
	{Name: "type", Type: output.TypeText, Enum: []string{"status"}, Doc: "The type of the line: status.",
		Get: func(*pinnedPolicy) output.Value { return output.Text("status") }},
	{Name: "policy", Type: output.TypeText, Doc: "Name of the policy; where there are very many, their number.",
		Get: func(p *pinnedPolicy) output.Value { return output.Text(p.Name) }},
	{Name: "mode", Type: output.TypeText, Nullable: true, Enum: []string{"audit", "enforce"}, Doc: "Its mode; null where policy is a number of them.",
		Get: func(p *pinnedPolicy) output.Value {
			if p.Mode == "" {
				return output.Null()
			}
			return output.Text(p.Mode)
		}},
	{Name: "rules", Type: output.TypeUint, Doc: "How many rules it has.",
		Get: func(p *pinnedPolicy) output.Value { return output.Uint(uint64(p.Rules)) }},
	{Name: "pin_dir", Type: output.TypeBytes, Doc: "The directory where it is pinned.",
		Get: func(p *pinnedPolicy) output.Value { return output.Bytes([]byte(p.dir)) }},
	countField("revision", "Of the policies in force.", func(s *engine.Status) uint64 { return uint64(s.Revision) }),
	{Name: "since", Type: output.TypeTime, Doc: "When these policies were put in force, in UTC.",
		Get: func(p *pinnedPolicy) output.Value { return output.Time(p.Since.UnixNano()) }},
	{Name: "manager_alive", Type: output.TypeBool, Doc: "Whether a guard runs that reads the alerts.",
		Get: func(p *pinnedPolicy) output.Value { return output.Bool(p.Manager != nil) }},
	{Name: "manager_pid", Type: output.TypeUint, Nullable: true, Doc: "Its process; null where there is none, or it is of another pid namespace.",
		Get: func(p *pinnedPolicy) output.Value {
			if p.Manager == nil || p.Manager.PID == 0 {
				return output.Null()
			}
			return output.Uint(uint64(p.Manager.PID))
		}},
	{Name: "hooks", Type: output.TypeTextList, Doc: "The security hooks whose programs are pinned.",
		Get: func(p *pinnedPolicy) output.Value { return output.TextList(p.hooks) }},
	countField("alerts", "Alerts since the programs were loaded, those that were lost included.", func(s *engine.Status) uint64 { return s.Alerts }),
	countField("alerts_lost", "Alerts that found the ring full.", func(s *engine.Status) uint64 { return s.Lost }),
	countField("unresolved", "Decisions about paths that could not be found out.", func(s *engine.Status) uint64 { return s.Unresolved }),
	countField("no_memory", "Decisions and labels of tasks that the kernel had no memory for.", func(s *engine.Status) uint64 { return s.NoMemory }),
	countField("skipped", "Decisions that the kernel did not ask for, and so allowed, because another task was in the middle of one on that CPU: some kernels from 5.12 to 6.1 do that, if they can be preempted.", func(s *engine.Status) uint64 { return s.Skipped }),
	countField("older", "Instances that are in force besides, of guards that were killed as they took over.", func(s *engine.Status) uint64 { return uint64(s.Older) }),
}

// writeStatus prints a line of JSON for each policy.
func writeStatus(env *command.Env, dir string, s *engine.Status) error {
	w := output.NewJSON(env.Stdout, env.Name, statusFields)
	line := pinnedPolicy{Status: s, now: time.Now().UnixNano(), dir: dir}
	for _, h := range s.Hooks {
		line.hooks = append(line.hooks, string(h))
	}
	for _, p := range s.Policies {
		line.PolicyStatus = p
		if err := w.Event(&line); err != nil {
			return err
		}
	}
	return w.Flush()
}
