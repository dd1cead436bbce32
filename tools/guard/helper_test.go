package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output/schematest"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// fake enforces nothing, and remembers what it was told.
type fake struct {
	mu         sync.Mutex
	sets       []string // the policies of each Set, by name, mode and number of rules
	alerts     chan engine.Alert
	seen, lost uint64
	skipped    uint64
	attachErr  error
	setErr     error
	closed     bool
	opened     engine.Options
	pinned     []string // directories
	protected  bool     // after it was pinned
	protectErr error
	pinErr     error
	freeErr    error // what keeps from pinning
}

func newFake() *fake { return &fake{alerts: make(chan engine.Alert, 256)} }

func (f *fake) AttachFor(policies ...*policy.Policy) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attachErr
}

func (f *fake) Set(policies ...*policy.Policy) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.setErr != nil && len(policies) > 0 {
		return f.setErr
	}
	var all []string
	for _, p := range policies {
		all = append(all, p.Name+" "+p.Mode.String()+" "+plural(len(p.Rules), "rule"))
	}
	f.sets = append(f.sets, strings.Join(all, ", "))
	return nil
}

func (f *fake) Alerts() <-chan engine.Alert { return f.alerts }

func (f *fake) Counters() (uint64, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen, f.lost, nil
}

func (f *fake) Skipped() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}

func (f *fake) Pin(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pinErr != nil {
		return f.pinErr
	}
	f.pinned = append(f.pinned, dir)
	return nil
}

func (f *fake) Protect() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.protected = len(f.pinned) > 0
	return f.protectErr
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// send has alerts arrive.
func (f *fake) send(alerts ...engine.Alert) {
	f.mu.Lock()
	f.seen += uint64(len(alerts))
	f.mu.Unlock()
	for _, a := range alerts {
		f.alerts <- a
	}
}

func (f *fake) setSoFar() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.sets...)
}

// machine is one that has the fake, and no kernel.
func (f *fake) machine() machine {
	return machine{
		privileged: func() error { return nil },
		probe:      func(string) (policy.Kernel, error) { return policy.KernelOf(policy.Version{Major: 6, Minor: 12}), nil },
		open:       func(o engine.Options) (enforcer, error) { f.opened = o; return f, nil },
		drop:       func() error { return nil },
		system:     policy.Root("testdata/root"),
		mntns:      func() uint64 { return 4026531841 },
		pins:       pins{free: func(string) error { return f.freeErr }},
	}
}

// stream is what a command writes, while it writes.
type stream struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// file writes a policy and returns its name.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "p.yaml")
	write(t, name, text)
	return name
}

func write(t *testing.T, name, text string) {
	t.Helper()
	qt.Assert(t, qt.IsNil(os.WriteFile(name, []byte(text), 0o644)))
}

const (
	head   = "version: 1\nname: test\nmode: enforce\nrules:\n"
	shadow = "  - {id: shadow, subject: {any: all, except: {exe: /usr/bin/passwd}}, action: deny, file: {paths: /etc/shadow}}\n"
	group  = "  - {id: group, subject: {exe: /usr/bin/busybox}, action: deny, file: {paths: /etc/group}}\n"
)

// alert is one about a file; change changes it.
func alert(change func(*engine.Alert)) engine.Alert {
	a := engine.Alert{
		Time: time.Date(2026, 3, 1, 12, 0, 0, 7, time.UTC), Hook: engine.FileOpen, Denied: true, Reason: engine.ByRule,
		Policy: "web", Rule: "shadow", Message: "credential file", Position: policy.Position{File: "web.yaml", Line: 13, Column: 5},
		Revision: 3, Kind: "read",
		Process: engine.Process{
			PID: 4711, TID: 4712, PPID: 4710, UID: 1000, GID: 1000, EUID: 1001, Comm: "cat", Exe: "/usr/bin/cat", ExeDev: 8<<20 | 1, ExeIno: 77,
			CgroupID: 912, MountNS: 4026531841, Subjects: []string{"all", "nginx"},
		},
		Object: engine.Object{Path: "/etc/shadow", Dev: 8<<20 | 1, Ino: 123},
	}
	if change != nil {
		change(&a)
	}
	return a
}

// connected is an alert about a connect.
func connected(to string, protocol uint32) engine.Alert {
	return alert(func(a *engine.Alert) {
		addr := netip.MustParseAddrPort(to)
		a.Kind, a.Hook, a.Rule, a.Reason = "connect", engine.SocketConnect, "", engine.ByDefault
		a.Object = engine.Object{Addr: addr, Family: unix.AF_INET, Protocol: protocol, SocketType: unix.SOCK_STREAM}
		if addr.Addr().Is6() {
			a.Object.Family = unix.AF_INET6
		}
	})
}

func compiled(t testing.TB) *schematest.Schema {
	t.Helper()
	s, err := schematest.Compile(schema())
	qt.Assert(t, qt.IsNil(err))
	return s
}
