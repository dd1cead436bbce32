package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
)

// audit writes into the system log who looks at what, and when that ends, so that the use
// of the command can be looked into.
type audit struct {
	log interface {
		Notice(string) error
		Close() error
	}
	env *command.Env
}

// openAudit connects to the system log. Without one the command runs all the same, and
// says so at the end.
func openAudit(env *command.Env) *audit {
	log, err := openSystemLog("/dev/log", env.Name)
	if err != nil {
		return &audit{env: env}
	}
	return &audit{log: log, env: env}
}

// start records the beginning.
func (a *audit) start(cfg *config) {
	a.write("start " + describeUse(cfg, a.env))
}

// stop records the end, and how that was.
func (a *audit) stop(err error) {
	how := "done"
	if err != nil {
		how = "error: " + err.Error()
	}
	a.write("stop pid=" + strconv.Itoa(os.Getpid()) + " " + how)
	if a.log != nil {
		a.log.Close()
	} else if err == nil && !a.env.Quiet {
		fmt.Fprintf(a.env.Stderr, "%s: this use was not recorded: there is no system log\n", a.env.Name)
	}
}

func (a *audit) write(line string) {
	if a.log == nil {
		return
	}
	if err := a.log.Notice(string(output.AppendEscaped(nil, []byte(line)))); err != nil && !a.env.Quiet {
		fmt.Fprintf(a.env.Stderr, "%s: use is not recorded: %v\n", a.env.Name, err)
	}
}

// filterText is the expression that packets are filtered by.
func filterText(cfg *config) string {
	if cfg.filter == nil {
		return ""
	}
	return cfg.filter.String()
}

// describeUse is who looks at what, and why.
func describeUse(cfg *config, env *command.Env) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pid=%d uid=%d", os.Getpid(), os.Getuid())
	// Who logged in, whatever user he has become since; 4294967295 for nobody.
	if login, err := os.ReadFile("/proc/self/loginuid"); err == nil {
		fmt.Fprintf(&b, " loginuid=%s", strings.TrimSpace(string(login)))
	}
	fmt.Fprintf(&b, " mode=%s", cfg.mode)
	for _, f := range []struct{ name, value string }{
		{"user", env.Filter.User}, {"comm", env.Filter.Comm}, {"cgroup", env.Filter.Cgroup}, {"container", env.Filter.Container},
		{"mntns", env.Filter.MntNS}, {"cgroupmap", env.Filter.CgroupMap}, {"mntnsmap", env.Filter.MntNSMap},
		{"lib", strings.Join(cfg.libs, ",")}, {"exe", strings.Join(cfg.exes, ",")},
		{"keylog_file", cfg.keylogFile}, {"pcap_file", cfg.pcapFile}, {"interface", strings.Join(cfg.interfaces, ",")},
		{"filter", filterText(cfg)}, {"reason", cfg.reason},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s=%q", f.name, f.value)
		}
	}
	if len(env.Filter.PIDs) > 0 {
		fmt.Fprintf(&b, " pids=%v follow=%t", env.Filter.PIDs, env.Filter.Follow)
	}
	if len(env.Args) > 0 {
		fmt.Fprintf(&b, " command=%q", env.Args)
	}
	return b.String()
}
