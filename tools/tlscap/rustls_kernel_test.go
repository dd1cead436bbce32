//go:build kernel

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// rustlsPeer builds testdata/rustls, as its users build theirs: optimized, with symbols.
func rustlsPeer(t testing.TB, cargo string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "target")
	cmd := exec.Command(cargo, "build", "--release", "--offline", "--quiet", "--target-dir", target)
	cmd.Dir = "testdata/rustls"
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(cargo)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
	return filepath.Join(target, "release", "rustls-peer")
}

// TestRustls: a server and a client, in one thread each, with connections that they use in turn and move in memory.
// Programs of an older and of a newer compiler return differently, so it is done with all that are here.
//
//vmrun:kernels here
func TestRustls(t *testing.T) {
	cargos := []string{"/usr/bin/cargo"}
	if other, err := exec.LookPath("cargo"); err == nil && other != cargos[0] {
		cargos = append(cargos, other)
	}
	for _, cargo := range cargos {
		t.Run(strings.Trim(strings.ReplaceAll(cargo, "/", "_"), "_"), func(t *testing.T) { rustls(t, rustlsPeer(t, cargo)) })
	}
}

func rustls(t *testing.T, program string) {
	const connections, lines, size = 3, 4, 20_000
	list, _, code := kerneltest.Output(t, exec.Command("tlscap", "--list", "--json", "--exe", program))
	qt.Assert(t, qt.Equals(code, 0))
	qt.Check(t, qt.StringContains(list, `"version":"rustls-0.20`))
	qt.Check(t, qt.StringContains(list, `functions","keylog":null`))

	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--exe", program)
	server := exec.Command(program, "server", certFile, keyFile, fmt.Sprint(connections))
	stdout, err := server.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(server.Start()))
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	address, err := bufio.NewReader(stdout).ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	address = strings.TrimSpace(address)
	client, answers := run(t, exec.Command(program, "client", address, certFile, fmt.Sprint(connections), fmt.Sprint(lines), fmt.Sprint(size)))
	qt.Assert(t, qt.IsNil(server.Wait()))
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	validate(t, r)

	events := r.Events(func(kerneltest.Event) bool { return true })
	port := address[strings.LastIndexByte(address, ':')+1:]
	want := make(map[string]said) // by connection
	for i, line := range strings.SplitAfter(strings.TrimSuffix(answers, "\n"), "\n") {
		n := fmt.Sprint(i % connections)
		if want[n] == nil {
			want[n] = make(said)
		}
		want[n]["write"] = append(want[n]["write"], strings.TrimSuffix(line, "\n")+"\n"...)
	}
	got := conversations(t, events)
	qt.Assert(t, qt.HasLen(got, 2*connections))
	for key, c := range got {
		n := strings.Fields(string(c["write"][:min(20, len(c["write"]))]))[1]
		qt.Check(t, qt.HasLen(c, 2), qt.Commentf("%s", key))
		for _, op := range []string{"read", "write"} {
			equalBytes(t, key+" "+op, c[op], want[n]["write"])
		}
		if pid, ports, _ := strings.Cut(key, ":"); pid == fmt.Sprint(client) {
			qt.Check(t, qt.IsTrue(strings.HasSuffix(ports, "-"+port)), qt.Commentf("%s", key))
		} else {
			qt.Check(t, qt.Equals(pid, fmt.Sprint(server.Process.Pid)))
			qt.Check(t, qt.IsTrue(strings.HasPrefix(ports, port+"-")), qt.Commentf("%s", key))
		}
	}
	// Both directions of a connection have its number, and nothing else has.
	numbers := make(map[string]string)
	for _, e := range events {
		conn, ports := fmt.Sprint(e["conn"]), fmt.Sprintf("%v:%v-%v", e["pid"], e["local_port"], e["remote_port"])
		if numbers[conn] == "" {
			numbers[conn] = ports
		}
		qt.Check(t, qt.Equals(numbers[conn], ports), qt.Commentf("connection %s", conn))
	}
	qt.Check(t, qt.HasLen(numbers, 2*connections))

	// Who is not asked for is not told.
	r = kerneltest.Start(t, "tlscap", "--json", "--exe", program, "--comm", "nobody")
	run(t, exec.Command("sh", "-c", fmt.Sprintf("%[1]s server %[2]s %[3]s 1 >%[4]s & while ! [ -s %[4]s ]; do sleep .05; done; %[1]s client $(cat %[4]s) %[2]s 1 1 100; wait",
		program, certFile, keyFile, filepath.Join(t.TempDir(), "address"))))
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	qt.Check(t, qt.HasLen(r.Events(func(kerneltest.Event) bool { return true }), 0))
	// Two writes, two reads, and the one that finds the end.
	qt.Check(t, qt.StringContains(r.Stderr(), "0 read + 5 filtered + 0 lost"))
}
