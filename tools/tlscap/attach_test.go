package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/tlscap/accessor"
	"github.com/ringside-tools/ringside/tools/tlscap/gotls"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// TestSets: what is probed is what the mode needs; for a key log nothing that is called once a handshake is over,
// where there is a way without.
func TestSets(t *testing.T) {
	var ssl []library.Function
	for _, k := range []library.Kind{library.Read, library.Write, library.Free} {
		ssl = append(ssl, library.Function{Kind: k})
	}
	logs := append(ssl[:len(ssl):len(ssl)], library.Function{Kind: library.Logs})
	random := accessor.Path{0x50}
	for name, test := range map[string]struct {
		lib           library.Library
		text, secrets map[string]int // functions of each program
	}{
		"with a function that logs": {library.Library{Functions: logs, Random: random, Derives: true},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{"secret_logged": 1}},
		"whose client random is not known": {library.Library{Functions: logs, Derives: true},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{"tls_enter": 2, "tls_free": 1, "secret_logged": 1}},
		"that derives": {library.Library{Functions: ssl, Random: random, Derives: true},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{"tls_enter": 2, "tls_free": 1}},
		"without secrets": {library.Library{Functions: ssl},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{}},
		"libcrypto": {library.Library{Functions: []library.Function{{Kind: library.Derive}}, Derives: true},
			map[string]int{}, map[string]int{"derive_enter": 1}},
		"Go": {library.Library{GoConn: &gotls.Conn{}, Functions: []library.Function{{Kind: library.Read}, {Kind: library.GoClose}, {Kind: library.GoSecret}}},
			map[string]int{"go_enter": 1, "go_close": 1}, map[string]int{"go_secret": 1}},
	} {
		for mode, want := range map[string]map[string]int{modeText: test.text, modeKeylog: test.secrets} {
			a := &attacher{cfg: &config{mode: mode}, chosen: &chosen{}}
			got := make(map[string]int)
			for _, s := range a.sets(&test.lib) {
				if n := len(s.functions); n > 0 {
					got[s.enter] = n
				}
			}
			qt.Check(t, qt.DeepEquals(got, want), qt.Commentf("%s, %s", name, mode))
		}
	}
}

// endFirst makes this program one whose first thread ends, and the others go on.
const endFirst = "TLSCAP_TEST_END_FIRST"

func init() {
	if os.Getenv(endFirst) != "" { // main's goroutine stays on the first thread until all of these are done
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
}

// TestFirstEnded: where the kernel could not find the process, others are probed as well.
func TestFirstEnded(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), endFirst+"=1")
	qt.Assert(t, qt.IsNil(cmd.Start()))
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid := uint32(cmd.Process.Pid)
	for end := time.Now().Add(10 * time.Second); !firstEnded(pid); time.Sleep(time.Millisecond) {
		qt.Assert(t, qt.IsTrue(time.Now().Before(end)))
	}
	qt.Check(t, qt.IsFalse(firstEnded(uint32(os.Getpid()))))
	a := &attacher{env: &command.Env{}}
	a.env.Filter.PIDs = []uint32{pid}
	qt.Check(t, qt.Equals(a.only(), 0))
	a.env.Filter.PIDs[0] = uint32(os.Getpid())
	qt.Check(t, qt.Equals(a.only(), uint32(os.Getpid())))
}
