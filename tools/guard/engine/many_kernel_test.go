//go:build kernel

package engine

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// TestManyPolicies: 64 policies with 10 048 rules between them are all in force.
//
//vmrun:kernels 6.1
func TestManyPolicies(t *testing.T) {
	const policies, each = 64, 157
	dir := t.TempDir()
	first, last, other := write(t, dir+"/p0/f0", "a"), write(t, fmt.Sprintf("%s/p%d/f%d", dir, policies-1, each-1), "b"), write(t, dir+"/p0/other", "c")
	many := func(mode string) (all []string) {
		for p := range policies {
			var b strings.Builder
			fmt.Fprintf(&b, "version: 1\nname: p%d\nmode: %s\nrules:\n", p, mode)
			for r := range each {
				b.WriteString(readRule(fmt.Sprintf("p%d-f%d", p, r), fmt.Sprintf("%s/p%d/f%d", dir, p, r), "deny"))
			}
			all = append(all, b.String())
		}
		return all
	}
	f := start(t)
	for _, mode := range []string{"enforce", "audit"} {
		t.Run(mode, func(t *testing.T) {
			g := &fence{f.Manager, t}
			began := time.Now()
			parsed := parse(t, many(mode)...)
			read := time.Since(began)
			qt.Assert(t, qt.IsNil(g.AttachFor(parsed...)))
			began = time.Now()
			qt.Assert(t, qt.IsNil(g.Set(parsed...)))
			t.Logf("%d rules of %d policies: read in %v, in force after %v", policies*each, policies,
				read.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
			denied := map[string]string{"enforce": "EPERM", "audit": "ok"}[mode]
			qt.Check(t, qt.Equals(do(t, "open", first, "r", "--", "open", last, "r", "--", "open", other, "r"), "open: "+denied+"\nopen: "+denied+"\nopen: ok"))
			qt.Check(t, qt.Equals(g.alert().Rule, "p0-f0"))
			qt.Check(t, qt.Equals(g.alert().Rule, fmt.Sprintf("p%d-f%d", policies-1, each-1)))
			g.silent()
		})
	}
}

// TestThreadsReload: of 64 threads that open a file which both the old and the new rules
// deny, none does while rules change.
//
//vmrun:kernels 6.1
func TestThreadsReload(t *testing.T) {
	const threads, each = 64, 250
	dir := t.TempDir()
	secret, plain := write(t, dir+"/secret", "s"), write(t, dir+"/plain", "p")
	f := startOwn(t)
	for _, mode := range []string{"enforce", "audit"} {
		t.Run(mode, func(t *testing.T) {
			g := &fence{f.Manager, t}
			set := func(i int) {
				lines := "rules:\n" + readRule(fmt.Sprintf("r%d", i), secret, "deny") + readRule("other", fmt.Sprintf("%s/f%d", dir, i), "deny")
				if mode == "audit" {
					g.set(audit(lines))
				} else {
					g.set(enforce(lines))
				}
			}
			set(0)
			stop, drained := make(chan bool), make(chan int)
			go func() { // the ring must not fill up with this
				n := 0
				for {
					select {
					case <-g.Alerts():
						n++
					case <-stop:
						drained <- n
						return
					}
				}
			}()
			opens := func(path string) string {
				done := make(chan string)
				go func() {
					out, err := exec.Command(lookWorkload(t), "threads-open", fmt.Sprint(threads), fmt.Sprint(each), path).CombinedOutput()
					done <- fmt.Sprint(string(out), err)
				}()
				for i := 1; ; i++ {
					select {
					case said := <-done:
						qt.Check(t, qt.IsTrue(i > 1)) // rules did change meanwhile
						t.Logf("%d changes", i-1)
						return said
					default:
						set(i)
					}
				}
			}
			all := fmt.Sprintf("threads-open: ok opened=%d EPERM=0\n<nil>", threads*each)
			want := fmt.Sprintf("threads-open: ok opened=0 EPERM=%d\n<nil>", threads*each)
			if mode == "audit" {
				want = all
			}
			qt.Check(t, qt.Equals(opens(secret), want))
			qt.Check(t, qt.Equals(opens(plain), all))
			time.Sleep(500 * time.Millisecond)
			close(stop)
			_, lost, err := g.Counters()
			qt.Assert(t, qt.IsNil(err))
			if got := <-drained; lost == 0 {
				qt.Check(t, qt.Equals(got, threads*each))
			}
		})
	}
}
