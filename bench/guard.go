package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// guard has no peer that is packaged: what the same rule costs with AppArmor is in
// docs/guard-cost.md. Here a policy tells of one file, the one that the driver opens,
// and refuses nothing.
func guard() command {
	table, json := guardCommand(""), guardCommand("--json")
	return command{
		name: "guard",
		prepare: func(b *bench) error {
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find the driver: %w", err)
			}
			policy := fmt.Sprintf("version: 1\nname: bench\nmode: audit\nrules:\n  - {id: opened, subject: all, file: {paths: [%q], access: read}, action: deny}\n", program)
			return os.WriteFile(b.guardPolicy(), []byte(policy), 0o644)
		},
		metrics: func(b *bench) []metric {
			open := openLoad()
			both := []subject{table, json}
			return []metric{
				b.startMetric([]subject{table}, open),
				b.memoryMetric(both, open),
				kernelMemoryMetric([]subject{table}, open),
				verifierMetric([]subject{table}, open),
				b.bpfTimeMetric(withFloor(both, floor(1, "lsm/file_open")), open, guardBPFText),
				sizeMetric([]subject{table}),
			}
		},
	}
}

const guardBPFText = `One program decides on an open: it finds the way from the file up to the root, what rules
that finds, and sends the alert. It needs a kernel with bpf in its list of security modules.`

func (b *bench) guardPolicy() string { return filepath.Join(b.dir, "policy.yaml") }

func guardCommand(mode string) subject {
	s := ourCommand("guard", mode, 1)
	s.argv = func(b *bench, t tuning) []string {
		argv := append(withMode(b.binary("guard"), "run"), "--policy", b.guardPolicy())
		if mode != "" {
			argv = append(argv, mode)
		}
		if t.buffer != "" {
			argv = append(argv, "--buffer", t.buffer)
		}
		return argv
	}
	return s
}
