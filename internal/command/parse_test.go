package command

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// defaults are the common values where no flag is given.
func defaults() Common {
	return Common{Format: "table", Buffer: DefaultBuffer, Transport: "auto"}
}

func TestCommonFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want func(*Common)
	}{
		{nil, func(*Common) {}},
		{[]string{"-p", "1"}, func(c *Common) { c.Filter.PIDs = []uint32{1} }},
		{[]string{"--pid=4194304"}, func(c *Common) { c.Filter.PIDs = []uint32{1 << 22} }},
		{[]string{"--pid", "7"}, func(c *Common) { c.Filter.PIDs = []uint32{7} }},
		{[]string{"-p", "1,2"}, func(c *Common) { c.Filter.PIDs = []uint32{1, 2} }},
		{[]string{"-p", "3", "-p", "2,1", "-p", "3"}, func(c *Common) { c.Filter.PIDs = []uint32{3, 2, 1} }},
		{[]string{"-p", "1", "--pid", "2"}, func(c *Common) { c.Filter.PIDs = []uint32{1, 2} }},
		{[]string{"-p", "1", "--follow"}, func(c *Common) { c.Filter.PIDs, c.Filter.Follow = []uint32{1}, true }},
		{[]string{"-u", "root"}, func(c *Common) { c.Filter.User = "root" }},
		{[]string{"--uid", "0"}, func(c *Common) { c.Filter.User = "0" }},
		{[]string{"-u", "a", "--uid", "b"}, func(c *Common) { c.Filter.User = "b" }},
		{[]string{"--comm", "a b"}, func(c *Common) { c.Filter.Comm = "a b" }},
		{[]string{"--comm=--json"}, func(c *Common) { c.Filter.Comm = "--json" }},
		{[]string{"--cgroup", "/x"}, func(c *Common) { c.Filter.Cgroup = "/x" }},
		{[]string{"--container", "3f"}, func(c *Common) { c.Filter.Container = "3f" }},
		{[]string{"--mntns", "/proc/1/ns/mnt"}, func(c *Common) { c.Filter.MntNS = "/proc/1/ns/mnt" }},
		{[]string{"--cgroupmap", "/a", "--mntnsmap", "/b"}, func(c *Common) { c.Filter.CgroupMap, c.Filter.MntNSMap = "/a", "/b" }},
		{[]string{"-o", "table"}, func(*Common) {}},
		{[]string{"-o", "json"}, func(c *Common) { c.Format = "json" }},
		{[]string{"--output=csv"}, func(c *Common) { c.Format = "csv" }},
		{[]string{"--json"}, func(c *Common) { c.Format, c.json = "json", true }},
		{[]string{"--json", "-o", "csv"}, func(c *Common) { c.Format, c.json = "json", true }},
		{[]string{"--json=false"}, func(*Common) {}},
		{[]string{"--count", "1"}, func(c *Common) { c.Count = 1 }},
		{[]string{"--count", "2147483647"}, func(c *Common) { c.Count = 1<<31 - 1 }},
		{[]string{"--duration", "10s"}, func(c *Common) { c.Duration = 10 * time.Second }},
		{[]string{"--duration", "1m30s"}, func(c *Common) { c.Duration = 90 * time.Second }},
		{[]string{"--duration", "5"}, func(c *Common) { c.Duration = 5 * time.Second }},
		{[]string{"--duration", "2.5"}, func(c *Common) { c.Duration = 2500 * time.Millisecond }},
		{[]string{"--duration", "1ms"}, func(c *Common) { c.Duration = time.Millisecond }},
		{[]string{"--quiet"}, func(c *Common) { c.Quiet = true }},
		{[]string{"--verbose"}, func(c *Common) { c.Verbose = true }},
		{[]string{"--check"}, func(c *Common) { c.Check = true }},
		{[]string{"--btf", "/f"}, func(c *Common) { c.BTF = "/f" }},
		{[]string{"--buffer", "64K"}, func(c *Common) { c.Buffer = 64 << 10 }},
		{[]string{"--buffer", "65536"}, func(c *Common) { c.Buffer = 64 << 10 }},
		{[]string{"--buffer", "8m"}, func(c *Common) { c.Buffer = 8 << 20 }},
		{[]string{"--buffer", "1G"}, func(c *Common) { c.Buffer = 1 << 30 }},
		{[]string{"--transport", "perf"}, func(c *Common) { c.Transport = "perf" }},
		{[]string{"--transport", "ring"}, func(c *Common) { c.Transport = "ring" }},
		{[]string{"--fail-on-loss"}, func(c *Common) { c.FailOnLoss = true }},
	} {
		r := execute(t, nil, test.args...)
		comment := qt.Commentf("%q: %s", test.args, r.stderr)
		want := defaults()
		test.want(&want)
		qt.Check(t, qt.Equals(r.code, ExitOK), comment)
		qt.Check(t, qt.Equals(r.stdout+r.stderr, ""), comment)
		if qt.Check(t, qt.IsNotNil(r.env), comment) {
			qt.Check(t, qt.Equals(fmt.Sprintf("%+v", r.env.Common), fmt.Sprintf("%+v", want)), comment)
		}
	}
}

func TestOwnFlags(t *testing.T) {
	none := ownFlags{choice: "one"}
	for _, test := range []struct {
		args []string
		want func(*ownFlags)
	}{
		{nil, func(*ownFlags) {}},
		{[]string{"-x"}, func(o *ownFlags) { o.fails = true }},
		{[]string{"--fails"}, func(o *ownFlags) { o.fails = true }},
		{[]string{"-xT"}, func(o *ownFlags) { o.fails, o.time = true, true }},
		{[]string{"-Tx", "-q"}, func(o *ownFlags) { o.fails, o.time, o.quote = true, true, true }},
		{[]string{"-xTw", "3"}, func(o *ownFlags) { o.fails, o.time, o.wait = true, true, 3*time.Second }},
		{[]string{"--max", "1"}, func(o *ownFlags) { o.max = 1 }},
		{[]string{"--max=10"}, func(o *ownFlags) { o.max = 10 }},
		{[]string{"--choice", "two"}, func(o *ownFlags) { o.choice = "two" }},
		{[]string{"--size", "4k"}, func(o *ownFlags) { o.size = 4 << 10 }},
	} {
		r := execute(t, nil, test.args...)
		comment := qt.Commentf("%q: %s", test.args, r.stderr)
		want := none
		test.want(&want)
		qt.Check(t, qt.Equals(r.code, ExitOK), comment)
		qt.Check(t, qt.Equals(r.own, want), comment)
	}
	r := execute(t, nil, "-n", "^a+$")
	qt.Assert(t, qt.IsNotNil(r.own.name))
	qt.Assert(t, qt.Equals(r.own.name.String(), "^a+$"))
}

// TestLetterConflict checks that a letter which a command uses itself means
// that, and that the common flag of that letter still has its name.
func TestLetterConflict(t *testing.T) {
	r := execute(t, nil, "-q", "-c", "x", "--cgroup", "/y")
	qt.Assert(t, qt.Equals(r.code, ExitOK), qt.Commentf("%s", r.stderr))
	qt.Check(t, qt.IsTrue(r.own.quote))
	qt.Check(t, qt.IsFalse(r.env.Quiet))
	qt.Check(t, qt.Equals(r.own.count, "x"))
	qt.Check(t, qt.Equals(r.env.Filter.Cgroup, "/y"))

	help := execute(t, nil, "--help").stdout
	qt.Check(t, qt.Matches(help, `(?s).*\n  -q, --quote .*\n      --quiet .*`))
	qt.Check(t, qt.Matches(help, `(?s).*\n  -c, --class CLASS .*\n      --cgroup PATH .*`))
}

// TestNameConflict checks that a command can have a common flag of its own
// making.
func TestNameConflict(t *testing.T) {
	var count string
	c := &Command{Name: "t", Flags: []Flag{Text("count", "", "WHAT", "what to count", &count)}}
	var names []string
	for _, f := range c.allFlags(new(Env)) {
		if f.Name == "count" {
			names = append(names, f.Usage)
		}
	}
	qt.Assert(t, qt.DeepEquals(names, []string{"what to count"}))
}
