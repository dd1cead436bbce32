package process

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

func TestContainerOfCgroups(t *testing.T) {
	for _, test := range []struct {
		what, text string
		id         string
		unified    bool
	}{
		{"v2", "0::/system.slice/docker-" + idA + ".scope\n", idA, true},
		{"v2, no newline", "0::/docker/" + idA, idA, true},
		{"v2 outside", "0::/init.scope\n", "", false},
		{"v1", "12:pids:/docker/" + idA + "\n11:memory:/docker/" + idA + "\n0::/\n", idA, false},
		{"v1 in part", "2:cpu,cpuacct:/\n1:name=systemd:/docker/" + idA + "\n", idA, false},
		{"v2 wins over v1", "12:pids:/docker/" + idB + "\n0::/docker/" + idA + "\n", idA, true},
		{"colons in the path", "0::/system.slice/kubepods-pod1.slice:cri-containerd:" + idA + "\n", idA, true},
		{"empty", "", "", false},
		{"nonsense", "\n::\n" + idA + "\n0:/docker/" + idA + "\n", "", false},
	} {
		id, unified := containerOfCgroups(test.text)
		qt.Check(t, qt.Equals(id, test.id), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(unified, test.unified), qt.Commentf("%s", test.what))
	}
}

// machine is a machine as Containers sees it.
type machine struct{ root, proc string }

// newMachine makes a cgroup tree and a /proc of processes; self is what the
// first line of its own cgroup file says.
func newMachine(t *testing.T, self string, paths ...string) *machine {
	m := &machine{root: cgroups(t, paths...), proc: t.TempDir()}
	m.start(t, "self", self)
	return m
}

// start adds a process with the text of its cgroup file.
func (m *machine) start(t *testing.T, pid any, text string) {
	dir := filepath.Join(m.proc, fmt.Sprint(pid))
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir, 0o700)))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "cgroup"), []byte(text), 0o600)))
}

// end takes a process away.
func (m *machine) end(t *testing.T, pid any) {
	qt.Assert(t, qt.IsNil(os.RemoveAll(filepath.Join(m.proc, fmt.Sprint(pid)))))
}

// cgroup returns the id of a cgroup, which it makes if need be.
func (m *machine) cgroup(t *testing.T, path string) uint64 {
	dir := filepath.Join(m.root, path)
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir, 0o700)))
	var st unix.Stat_t
	qt.Assert(t, qt.IsNil(unix.Stat(dir, &st)))
	return st.Ino
}

func TestContainers(t *testing.T) {
	const v2 = "0::/init.scope\n"
	docker := "system.slice/docker-" + idA + ".scope"
	m := newMachine(t, v2, docker+"/inner", "system.slice/ssh.service")
	c := newContainers(m.root, m.proc)

	// Known from the start: no process is asked, there is none.
	qt.Check(t, qt.Equals(c.ID(m.cgroup(t, docker), 10), idA))
	qt.Check(t, qt.Equals(c.ID(m.cgroup(t, docker+"/inner"), 10), idA))
	qt.Check(t, qt.Equals(c.ID(m.cgroup(t, "system.slice/ssh.service"), 10), ""))
	qt.Check(t, qt.Equals(c.ID(m.cgroup(t, "/"), 10), ""))

	// Made later, and the process is still there.
	const unseen = 1 << 60
	m.start(t, 11, "0::/docker/"+idB+"\n")
	qt.Check(t, qt.Equals(c.ID(unseen, 11), idB))
	m.end(t, 11)
	qt.Check(t, qt.Equals(c.ID(unseen, 11), idB), qt.Commentf("the answer is not remembered"))

	// Made later, and the process has ended: a new scan finds it.
	later := m.cgroup(t, "docker/"+idF)
	qt.Check(t, qt.Equals(c.ID(later, 12), idF))

	// Gone with its process. The empty answer is remembered too: a scan for
	// every event would be too slow.
	qt.Check(t, qt.Equals(c.ID(unseen+1, 13), ""))
	m.start(t, 13, "0::/docker/"+idB+"\n")
	qt.Check(t, qt.Equals(c.ID(unseen+1, 13), ""))
}

// TestContainersV1 is of a machine whose containers are in v1 hierarchies: in
// v2 all of them share the root's id.
func TestContainersV1(t *testing.T) {
	v1 := func(id string) string {
		return "4:memory:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n0::/\n"
	}
	for _, mounted := range []bool{true, false} {
		m := newMachine(t, "4:memory:/\n0::/\n", "unit.service")
		root, cgroup := m.root, m.cgroup(t, "/")
		if !mounted {
			root, cgroup = "", 1
		}
		c := newContainers(root, m.proc)
		m.start(t, 1, "4:memory:/\n1:name=systemd:/init.scope\n0::/\n")
		m.start(t, 20, v1(idA))
		m.start(t, 21, v1(idB))
		comment := qt.Commentf("cgroup2 mounted: %v", mounted)
		qt.Check(t, qt.Equals(c.ID(cgroup, 20), idA), comment)
		qt.Check(t, qt.Equals(c.ID(cgroup, 21), idB), comment)
		qt.Check(t, qt.Equals(c.ID(cgroup, 1), ""), comment)
		qt.Check(t, qt.Equals(c.ID(cgroup, 20), idA), comment)
		m.end(t, 20)
		qt.Check(t, qt.Equals(c.ID(cgroup, 20), ""), comment)
	}
}

func TestContainersBound(t *testing.T) {
	m := newMachine(t, "0::/\n")
	c := newContainers(m.root, m.proc)
	for i := range uint64(maxContainers + 10) {
		c.remember(1<<40+i, "x")
	}
	qt.Check(t, qt.IsTrue(len(c.ids) <= maxContainers))
	qt.Check(t, qt.Equals(c.ids[1<<40+maxContainers+9], "x"))
}

// TestContainersHere asks the real machine about the test itself.
func TestContainersHere(t *testing.T) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no cgroups here")
	}
	want, _ := containerOfCgroups(string(b))
	qt.Assert(t, qt.Equals(NewContainers().ID(1<<60, uint32(os.Getpid())), want))
}
