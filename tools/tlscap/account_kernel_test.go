//go:build kernel

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// Nothing stays in the kernel, whether it is asked to end or killed.
//
//vmrun:kernels 5.10 6.12
func TestEndings(t *testing.T) {
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			before := kerneltest.Loaded(t)
			r := kerneltest.Start(t, "tlscap", "--rung", rung, "--comm", "none")
			programs, _, _ := kerneltest.Loaded(t).Without(before)
			qt.Check(t, qt.IsTrue(programs >= 5), qt.Commentf("%d programs", programs))
			qt.Check(t, qt.Equals(r.Stop(), 0))
			kerneltest.NothingLeft(t, before)
			killed := kerneltest.Start(t, "tlscap", "--rung", rung, "--comm", "none")
			qt.Assert(t, qt.IsNil(killed.Cmd.Process.Kill()))
			killed.Wait()
			kerneltest.NothingLeft(t, before)
		})
	}
}

// What a kernel is known to have must not be given up silently.
//
//vmrun:kernels 5.10 6.12
func TestCheck(t *testing.T) {
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "tlscap", "--check", "--json"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	var report struct {
		OK    bool `json:"ok"`
		Hooks []struct {
			Name string  `json:"name"`
			Rung *string `json:"rung"`
		} `json:"hooks"`
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout), &report)))
	qt.Check(t, qt.IsTrue(report.OK))
	var rungs []string
	for _, h := range report.Hooks {
		qt.Assert(t, qt.IsNotNil(h.Rung), qt.Commentf("%s", h.Name))
		rungs = append(rungs, *h.Rung)
	}
	want := []string{"uprobe_multi", "raw_tp", "raw_tp"}
	if kernel == "5.10" || kernel == "6.1" {
		want = []string{"uprobe", "fentry", "raw_tp"}
	}
	qt.Check(t, qt.DeepEquals(rungs, want))
	stdout, stderr, code = kerneltest.Output(t, kerneltest.Command(t, "tlscap", "--check", "--mode", "pcapng", "-i", "lo", "--pcap-file", "/nonexistent/x", "tcp"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(stdout, "packets: "+packetRungsHere()[0]+"\n"))
}

// The documented capabilities are enough, and each of them is needed and named.
//
//vmrun:kernels 5.10 6.12
func TestLeastPrivilege(t *testing.T) {
	libs := strings.Fields(opensslLibrary(t))
	for name, flags := range map[string][]string{
		"found": {"--json", "--raw"},
		"named": {"--json", "--raw", "--lib", libs[0]},
	} {
		t.Run(name, func(t *testing.T) {
			caps := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON}
			if name == "found" {
				caps["CAP_SYS_PTRACE"] = unix.CAP_SYS_PTRACE
			}
			switch kernel {
			case "5.10":
				caps["CAP_SYS_RESOURCE"], caps["CAP_SYS_ADMIN"] = unix.CAP_SYS_RESOURCE, unix.CAP_SYS_ADMIN
			case "6.1":
				caps["CAP_SYS_ADMIN"] = unix.CAP_SYS_ADMIN
			}
			without := func(name string) (list []uintptr) {
				for n, c := range caps {
					if n != name {
						list = append(list, c)
					}
				}
				return list
			}
			cmd := kerneltest.Command(t, "tlscap", flags...)
			kerneltest.OrdinaryUser(t, cmd, without("")...)
			r := kerneltest.StartCmd(t, cmd)
			pid, _ := run(t, peer(t, "exchange", "1", "3", "101"))
			qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			all := conversations(t, r.Events(of(pid)))
			qt.Check(t, qt.Equals(len(all), 2))
			for lacking := range caps {
				if caps["CAP_SYS_ADMIN"] != 0 && (lacking == "CAP_BPF" || lacking == "CAP_PERFMON") {
					continue // it stands for both
				}
				cmd := kerneltest.Command(t, "tlscap", flags...)
				kerneltest.OrdinaryUser(t, cmd, without(lacking)...)
				_, stderr, code := kerneltest.Output(t, cmd)
				qt.Check(t, qt.Equals(code, 4), qt.Commentf("without %s: %s", lacking, stderr))
				qt.Check(t, qt.StringContains(strings.SplitN(stderr, "\n", 2)[0], lacking))
				qt.Check(t, qt.StringContains(stderr, "setcap"))
			}
		})
	}
}

// opensslLibrary is the system's libssl.
func opensslLibrary(t testing.TB) string {
	t.Helper()
	for _, path := range []string{"/usr/lib/x86_64-linux-gnu/libssl.so.3", "/usr/lib/aarch64-linux-gnu/libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.1.1"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("no libssl")
	return ""
}
