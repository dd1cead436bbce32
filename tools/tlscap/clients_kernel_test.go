//go:build kernel

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// Many clients at once: each one's request and its answer are there once, on a connection of their own.
//
//vmrun:kernels 6.12
func TestParallelClients(t *testing.T) {
	for _, n := range []int{3, 300} {
		t.Run(itoa(n), func(t *testing.T) {
			if kernel != "" && n > 31 {
				n = 31 // an emulated machine starts a few in a second
			}
			url := wwwServer(t)
			r := kerneltest.Start(t, "tlscap", "--json", "--comm", "curl")
			script := fmt.Sprintf("seq %d | xargs -P %d -I{} curl -sk -o /dev/null '%s?{}'", n, n, url)
			out, err := exec.Command("sh", "-c", script).CombinedOutput()
			qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))

			type seen struct {
				requests, responses int
				conn                int64
			}
			clients := make(map[string]*seen)
			conns := make(map[int64]string)
			for _, e := range r.Events(func(e kerneltest.Event) bool { return e["type"] != "lost" }) {
				path := e["path"].(string)
				c := clients[path]
				if c == nil {
					c = &seen{conn: kerneltest.Number(e["conn"])}
					clients[path] = c
				}
				switch e["message"] {
				case "request":
					c.requests++
				case "response":
					c.responses++
					qt.Check(t, qt.Equals(e["body"], any("said inside TLS\n")))
				}
				qt.Check(t, qt.Equals(kerneltest.Number(e["conn"]), c.conn), qt.Commentf("%s", path))
				conns[c.conn] = path
			}
			qt.Check(t, qt.HasLen(clients, n))
			qt.Check(t, qt.HasLen(conns, n))
			for path, c := range clients {
				qt.Check(t, qt.IsTrue(strings.HasPrefix(path, "/hello?")), qt.Commentf("%s", path))
				qt.Check(t, qt.Equals(*c, seen{1, 1, c.conn}), qt.Commentf("%s", path))
			}
		})
	}
}
