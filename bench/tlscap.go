package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tlscap is compared by what bcc's sslsniff has: what is said through OpenSSL, here by an nginx that answers requests
// of a kilobyte. Where only nginx is looked at, so that both tools see the same, its client is one of Go.
func tlscap() command {
	ours, bcc := ourCommand("tlscap", "--comm=nginx", 0), sslsniff("-c", "nginx")
	all, keylog := ourCommand("tlscap", "", 0), ourCommand("tlscap", "--mode=keylog", 0)
	keylog.argv = func(b *bench, _ tuning) []string {
		return []string{b.binary("tlscap"), keylog.mode, "--keylog-file", filepath.Join(b.dir, "keys")}
	}
	return command{
		name:     "tlscap",
		packages: []string{"bpfcc-tools", "nginx", "openssl", "wrk"},
		prepare: func(b *bench) error {
			if err := b.mendSslsniff(); err != nil {
				return err
			}
			return b.startWebServer()
		},
		metrics: func(b *bench) []metric {
			request := b.requestLoad()
			alike := []subject{ours, bcc}
			return []metric{
				b.startMetric(alike, request, target{
					text: "first event at most as late as sslsniff's", peer: "bcc", mode: "--comm=nginx", limit: 1, atMost: true,
				}),
				b.crowdMetric([]subject{all}, 200),
				b.memoryMetric(alike, request),
				kernelMemoryMetric(alike, request),
				verifierMetric(alike, request),
				b.bpfTimeMetric(alike, request, requestBPFText, target{
					text: "BPF time of a request at most sslsniff's", peer: "bcc", mode: "--comm=nginx", limit: 1, atMost: true,
				}),
				b.requestsMetric([]subject{all, keylog, sslsniff()},
					target{text: "text: costs at most half of what sslsniff costs", peer: "bcc", limit: 0.5, atMost: true},
					target{text: "key log: costs at most 3 %", mode: "--mode=keylog", figure: 1, limit: 1.03, atMost: true},
				),
				sizeMetric(alike, target{text: "binary at most 15 MB", mode: "--comm=nginx", limit: 15e6, atMost: true}),
			}
		},
	}
}

const requestBPFText = `Of a request and its response, which nginx reads with one
call and writes with one or two. All that was said is copied. (sslsniff as Debian has it does not compile for Debian's kernels,
because min() is not defined there; what is measured is a copy that has it.)`

// sslsniff is the copy that compiles.
func sslsniff(flags ...string) subject {
	s := bccTool("sslsniff", "", 0)
	s.argv = func(b *bench, _ tuning) []string {
		// It finds libraries by the cache of the dynamic linker, which a virtual machine does not have.
		argv := []string{"/usr/bin/python3", filepath.Join(b.dir, "sslsniff"), "--no-openssl", "--no-gnutls", "--no-nss"}
		if found, _ := filepath.Glob("/usr/lib/*-linux-gnu/libssl.so.3"); len(found) > 0 {
			argv = append(argv, "--extra-lib", "openssl:"+found[0])
		}
		return append(argv, flags...)
	}
	return s
}

// mendSslsniff makes that copy.
func (b *bench) mendSslsniff() error {
	text, err := os.ReadFile(sslsniff().binary(b))
	if err != nil {
		return fmt.Errorf("read the peer: %w", err)
	}
	const line = "#define MAX_BUF_SIZE __MAX_BUF_SIZE__\n"
	mended := bytes.Replace(text, []byte(line), []byte(line+"#undef min\n#define min(a, b) ((a) < (b) ? (a) : (b))\n"), 1)
	if bytes.Equal(mended, text) {
		return fmt.Errorf("mend the peer: %s has no line %q", sslsniff().binary(b), strings.TrimSpace(line))
	}
	if err := os.WriteFile(filepath.Join(b.dir, "sslsniff"), mended, 0o700); err != nil {
		return fmt.Errorf("mend the peer: %w", err)
	}
	return nil
}

// requestsMetric has a web server answer as many requests as it can.
func (b *bench) requestsMetric(subjects []subject, targets ...target) metric {
	seconds := max(b.overhead/500, 2)
	return metric{
		name:  "requests",
		title: "Cost to a web server",
		load:  fmt.Sprintf("8 connections, %d s", seconds),
		text: `wrk asks an nginx of one process for a kilobyte over TLS, again and again on open connections, with the tool running, and
without it right before and after. The cost is the CPU time of server, client and tool together that each request takes
with the tool, less that without, and the slowdown is the one over the other. (wrk itself speaks TLS by OpenSSL, so
that both ends are looked at.) Lost is what the tool itself says that it missed, of all that it saw: these are as many requests
as this machine can make.`,
		figures: []figure{
			{"cost per request", scaled(1e3, 1, "µs")}, {"slowdown", number(3, "")},
			{"CPU per request, untraced", scaled(1e3, 1, "µs")}, {"of which in the tool", scaled(1e3, 1, "µs")},
			{"requests/s, untraced", count}, {"traced", count}, {"lost", scaled(0.01, 2, "%")},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			before, err := b.web.ask(b, seconds)
			if err != nil {
				return nil, err
			}
			t, err := b.startTracing(s)
			if err != nil {
				return nil, err
			}
			defer t.end()
			if _, err := b.web.ask(b, seconds); err != nil { // to warm caches; emulated, the first can take a second
				return nil, err
			}
			var with asked
			spent, err := t.spends(func() (err error) { with, err = b.web.ask(b, seconds); return err })
			if err != nil {
				return nil, err
			}
			stderr, err := t.finish()
			if err != nil {
				return nil, err
			}
			lost, err := lostOfPieces(s, stderr)
			if err != nil {
				return nil, err
			}
			after, err := b.web.ask(b, seconds)
			if err != nil {
				return nil, err
			}
			own := float64(spent) / with.requests
			without, traced := (before.cpu+after.cpu)/2, with.cpu+own
			return []float64{traced - without, traced / without, without, own, (before.rate + after.rate) / 2, with.rate, lost}, nil
		},
	}
}

// startTracing is startReady for what tells by itself when it traces: ours by its banner, and the others by what they print.
func (b *bench) startTracing(s subject) (*started, error) {
	if !s.ours() {
		return b.startReady(s, tuning{}, b.requestLoad())
	}
	out, err := b.newCapture(eventMark)
	if err != nil {
		return nil, err
	}
	p, err := b.start(s, tuning{}, out.File)
	if err != nil {
		out.remove()
		return nil, err
	}
	t := &started{p, out}
	for began := time.Now(); time.Since(began) < b.ready; time.Sleep(time.Millisecond) {
		if text, _ := os.ReadFile(p.stderr.Name()); bytes.Contains(text, []byte(": tracing")) {
			return t, nil
		}
		if t.exited() {
			text, _ := t.out.text()
			defer t.end()
			return nil, t.whyEnded(text)
		}
	}
	t.end()
	return nil, fmt.Errorf("wait until it traces: no banner in %v", b.ready)
}

// lostOfPieces is the share that was lost, by the account of ours, which must add up. Others do not tell how much they saw.
func lostOfPieces(s subject, stderr string) (float64, error) {
	if !s.ours() {
		return math.NaN(), nil
	}
	a, err := parseSummary(stderr)
	if err != nil {
		return 0, err
	}
	if err := a.adds(); err != nil {
		return 0, err
	}
	return float64(a.lost) / float64(max(a.seen, 1)), nil
}

// asked is what came of many requests.
type asked struct {
	requests, rate float64
	cpu            float64 // ns for each request, of server and client
}

var wrkTotal = regexp.MustCompile(`(?m)^\s+(\d+) requests in ([0-9.]+)(ms|s|m),`)

// ask has wrk make requests for some seconds.
func (w *webServer) ask(b *bench, seconds int) (asked, error) {
	cmd := exec.CommandContext(b.ctx, "wrk", "-t1", "-c8", fmt.Sprintf("-d%ds", seconds), fmt.Sprintf("https://127.0.0.1:%d/%s", w.port, eventMark))
	cpu1, err := w.cpuTime()
	if err != nil {
		return asked{}, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return asked{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	cpu2, err := w.cpuTime()
	if err != nil {
		return asked{}, err
	}
	m := wrkTotal.FindSubmatch(out)
	if m == nil || bytes.Contains(out, []byte("Non-2xx")) {
		return asked{}, fmt.Errorf("wrk: not all as expected:\n%s", out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	took, err := time.ParseDuration(string(m[2]) + string(m[3]))
	if err != nil || n == 0 {
		return asked{}, fmt.Errorf("wrk: no requests:\n%s", out)
	}
	client := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return asked{requests: n, rate: n / took.Seconds(), cpu: float64(cpu2-cpu1+client) / n}, nil
}
