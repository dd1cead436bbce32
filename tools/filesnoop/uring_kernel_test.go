//go:build kernel

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// onUring are by io_uring, which only some rungs see.
var onUring = []way{
	{"open-uring", "open there"},
	{"create-uring", "create new 0640"},
	{"delete-uring", "create gone 0644,delete gone"},
	{"rename-uring", "rename there new"},
}

// ring is what the workload maps for a request.
const ring = "mmap [io_uring],mmap [io_uring],mmap [io_uring]"

// written are by io_uring with --write; what fails and what is read is not.
var written = []way{
	{"write-uring", ring + ",write there 7/1," + ring + "," + ring + ",close there 10/2"},
	{"read-uring", ring + "," + ring},
}

// TestUring has what io_uring does. With raw_tp that is what the tracepoint of completed
// requests tells: no names.
//
//vmrun:kernels 5.10 newest
func TestUring(t *testing.T) {
	if out, err := exec.Command(workload, t.TempDir(), "open-uring").CombinedOutput(); err != nil || strings.HasPrefix(string(out), "none") || strings.HasPrefix(string(out), "ENOSYS") {
		if kernel != "" {
			t.Fatalf("kernel %s is known to have io_uring: %s", kernel, out)
		}
		t.Skipf("no io_uring here: %s", out)
	}
	seen := map[string]string{"open-uring": "open there", "create-uring": "create new 0640", "delete-uring": "create gone 0644"}
	if kernel == "5.10" {
		seen = map[string]string{}
	}
	eachRung(t, func(t *testing.T, rung string) {
		var ways []way
		for _, w := range onUring {
			if kernel == "5.10" && (w.name == "delete-uring" || w.name == "rename-uring") {
				continue // from 5.11 on
			}
			if rung == "raw_tp" {
				w.want = seen[w.name]
			}
			ways = append(ways, w)
		}
		check(t, rung, "", []string{workload}, ways)
		if kernel != "5.10" { // whose tracepoint does not have the request
			check(t, rung, "--write", []string{workload}, written)
		}
	})
}
