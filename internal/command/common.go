package command

import (
	"time"

	"github.com/ringside-tools/ringside/internal/filter"
)

// Common are the values of the flags that every command has.
type Common struct {
	Filter     filter.Flags
	Format     string // table, json, csv
	Quiet      bool
	Verbose    bool
	Check      bool
	FailOnLoss bool
	BTF        string
	Buffer     uint32 // bytes, a power of two
	Transport  string // auto, ring, perf
	Rung       string // "" for the best one
	Count      int    // 0: no limit
	Duration   time.Duration

	json     bool
	version  bool
	document string
}

// DefaultBuffer is the ring's size in bytes: room for some 5000 ordinary
// records. A ring is mapped twice in a row, so that each of its bytes counts
// double in our resident memory.
const DefaultBuffer = 1 << 20

// flags returns the common flags. They are listed after the command's own.
func (c *Common) flags() []Flag {
	c.Buffer = DefaultBuffer
	transport := Choice("transport", "", []string{"auto", "ring", "perf"}, "how records leave the kernel; auto takes the ring buffer where there is one", &c.Transport)
	return []Flag{
		PIDs("pid", "p", "only this process; repeatable", &c.Filter.PIDs),
		Bool("follow", "", "with --pid: its children too, present and future", &c.Filter.Follow),
		Text("uid", "u", "USER", "only this user, by name or number", &c.Filter.User),
		Text("comm", "", "NAME", "only tasks of exactly this name", &c.Filter.Comm),
		Text("cgroup", "c", "PATH", "only tasks in this cgroup v2 directory or below", &c.Filter.Cgroup),
		Text("container", "", "ID", "only this container, by id or the beginning of one", &c.Filter.Container),
		Text("mntns", "", "NS", "only this mount namespace, by number or file", &c.Filter.MntNS),
		Text("cgroupmap", "", "PATH", "only cgroups in this pinned map (u64 id -> u64)", &c.Filter.CgroupMap),
		Text("mntnsmap", "", "PATH", "only mount namespaces in this pinned map (u64 number -> u32)", &c.Filter.MntNSMap),

		Choice("output", "o", []string{"table", "json", "csv"}, "format of the events", &c.Format),
		Bool("json", "", "the same as --output json", &c.json),
		Int("count", "", "N", "end after N events", 1, 1<<31-1, &c.Count),
		Duration("duration", "", "end after this time (10s, 1m30s, or seconds)", &c.Duration),
		Bool("quiet", "q", "no banner, and no summary unless something was lost", &c.Quiet),
		Bool("verbose", "", "tell which hooks are used and what they cannot see", &c.Verbose),
		Bool("check", "", "tell what this kernel and this process offer, and exit as a real run would", &c.Check),
		Text("btf", "", "FILE", "the kernel's type information, where the kernel does not have it", &c.BTF),
		Size("buffer", "", "size of the ring (1M), or of each CPU's perf buffer", 64<<10, 1<<30, &c.Buffer),
		transport,
		Text("rung", "", "NAME", "stand on this kind of hook (fexit, kprobe, raw_tp ...) where there is one", &c.Rung),
		Bool("fail-on-loss", "", "exit with 1 if an event was lost", &c.FailOnLoss),
		Bool("version", "", "print the version and exit", &c.version),
		{Name: "describe", Value: "DOCUMENT", Usage: "print a generated document", Hidden: true, dest: &parsed[string]{p: &c.document, parse: func(s string) (string, error) { return s, nil }}},
	}
}
