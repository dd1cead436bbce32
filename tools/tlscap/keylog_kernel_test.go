//go:build kernel

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// freePort is a port that nobody has.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	qt.Assert(t, qt.IsNil(err))
	defer l.Close()
	return itoa(l.Addr().(*net.TCPAddr).Port)
}

// openssl is s_server, with a file in which it logs its secrets, and one for what it is told.
type openssl struct {
	port, log, told string
	clients         int
	dir             string
}

func startOpenssl(t testing.TB, flags ...string) *openssl {
	t.Helper()
	s := &openssl{port: freePort(t), dir: t.TempDir()}
	s.log, s.told = filepath.Join(s.dir, "server"), filepath.Join(s.dir, "told")
	cmd := exec.Command("openssl", append([]string{"s_server", "-accept", "127.0.0.1:" + s.port, "-cert", certFile, "-key", keyFile,
		"-keylogfile", s.log, "-quiet"}, flags...)...)
	stdin, err := cmd.StdinPipe() // at its end the server would end
	qt.Assert(t, qt.IsNil(err))
	told, err := os.Create(s.told)
	qt.Assert(t, qt.IsNil(err))
	defer told.Close()
	cmd.Stdout = told
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { stdin.Close(); cmd.Process.Kill(); cmd.Wait() })
	waitListen(t, s.port)
	return s
}

// waitListen waits until somebody listens on a port.
func waitListen(t testing.TB, port string) {
	t.Helper()
	waitFor(t, func() bool {
		return exec.Command("sh", "-c", "grep -q ':"+fmt.Sprintf("%04X", atoi(port))+" .* 0A ' /proc/net/tcp /proc/net/tcp6").Run() == nil
	})
}

// waitFor waits for a condition.
func waitFor(t testing.TB, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(kerneltest.Patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to be")
		}
	}
}

// client runs s_client, which says the lines; K and k are its own commands to change keys.
// It ends when the server was told all of them, a session that it is to keep is there, and
// complete says so.
func (s *openssl) client(t testing.TB, flags []string, complete func() bool, lines ...string) {
	t.Helper()
	s.clients++
	cmd := exec.Command("openssl", append([]string{"s_client", "-connect", "127.0.0.1:" + s.port,
		"-keylogfile", s.clientLog(s.clients)}, flags...)...)
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	out, err := os.Create(filepath.Join(s.dir, "out"+itoa(s.clients)))
	qt.Assert(t, qt.IsNil(err))
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	qt.Assert(t, qt.IsNil(cmd.Start()))
	waitFor(t, func() bool { return occurs(t, out.Name(), "Cipher") > 0 })
	for _, line := range lines {
		before := occurs(t, s.told, line)
		io.WriteString(stdin, line+"\n")
		if strings.EqualFold(line, "k") {
			time.Sleep(pause()) // what it read with a command is ignored
			continue
		}
		waitFor(t, func() bool { return occurs(t, s.told, line) > before })
	}
	if i := slices.Index(flags, "-sess_out"); i >= 0 {
		waitFor(t, func() bool { return occurs(t, flags[i+1], "END SSL SESSION") > 0 })
	}
	waitFor(t, complete)
	stdin.Close()
	cmd.Wait() // its exit status is of no use: the server never says goodbye
}

// pause is long enough for a process to read a line.
func pause() time.Duration {
	if kernel != "" {
		return 2 * time.Second
	}
	return 300 * time.Millisecond
}

// clientLog is where a client, from 1, logs its secrets.
func (s *openssl) clientLog(n int) string { return filepath.Join(s.dir, "client"+itoa(n)) }

// occurs is how often text is in a file, which need not be there yet.
func occurs(t testing.TB, name, text string) int {
	t.Helper()
	data, err := os.ReadFile(name)
	if !os.IsNotExist(err) {
		qt.Assert(t, qt.IsNil(err))
	}
	return strings.Count(string(data), text)
}

func atoi(s string) (n int) { fmt.Sscan(s, &n); return n }

// logged are the lines of key logs, each once.
func logged(t testing.TB, files ...string) []string {
	t.Helper()
	var lines []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		qt.Assert(t, qt.IsNil(err))
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// The lines are those that OpenSSL itself writes, all of them and no others.
func TestKeylog(t *testing.T) {
	session := filepath.Join(t.TempDir(), "session")
	early := filepath.Join(t.TempDir(), "early")
	qt.Assert(t, qt.IsNil(os.WriteFile(early, []byte("early, early\n"), 0o600)))
	for _, test := range []struct {
		name   string
		server string
		client []string // of each connection
		lines  []string // that each says
		want   int      // lines of the log
	}{
		{"1.2", "-tls1_2", []string{""}, []string{"hello"}, 1},
		{"1.2 resumed", "-tls1_2", []string{"-sess_out " + session, "-sess_in " + session}, []string{"hello"}, 2},
		{"1.2 without extended master secret", "-tls1_2 -no_ems", []string{""}, []string{"hello"}, 1},
		{"1.3", "", []string{"-tls1_3"}, []string{"hello"}, 5},
		{"1.3 SHA-256", "", []string{"-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256"}, []string{"hello"}, 5},
		{"1.3 CCM", "-ciphersuites TLS_AES_128_CCM_SHA256", []string{"-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256"}, []string{"hello"}, 5},
		{"1.3 resumed", "", []string{"-tls1_3 -sess_out " + session, "-tls1_3 -sess_in " + session}, []string{"hello"}, 10},
		{"1.3 key update", "", []string{"-tls1_3"}, []string{"hello", "K", "again", "k", "again"}, 8},
		{"1.3 early data", "-early_data -max_early_data 4096",
			[]string{"-tls1_3 -sess_out " + session, "-tls1_3 -sess_in " + session + " -early_data " + early}, []string{"hello"}, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			os.Remove(session)
			if test.name == "1.2 without extended master secret" && exec.Command("sh", "-c", "openssl s_server -help 2>&1 | grep -q no_ems").Run() != nil {
				t.Skip("this openssl cannot do without")
			}
			ours := filepath.Join(t.TempDir(), "ours")
			r := kerneltest.Start(t, "tlscap", "--mode", "keylog", "--keylog-file", ours, "--json", "--comm", "openssl")
			s := startOpenssl(t, words(test.server)...)
			files := []string{s.log}
			updates := kernel != "5.10" || !strings.Contains(test.name, "update") // OpenSSL 1.1.1 does not log them
			for i, flags := range test.client {
				files = append(files, s.clientLog(i+1))
				last := i == len(test.client)-1
				s.client(t, words(flags), func() bool {
					return !last || !updates || len(logged(t, files...)) == test.want
				}, test.lines...)
			}
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			want := logged(t, files...)
			if updates {
				qt.Check(t, qt.Equals(len(want), test.want), qt.Commentf("what openssl logged: %q", want))
			}
			qt.Check(t, qt.DeepEquals(logged(t, ours), want))
			validate(t, r)
			info, err := os.Stat(ours)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(info.Mode(), os.FileMode(0o600)))
			// Secrets are in the file only.
			for _, line := range want {
				qt.Check(t, qt.IsFalse(strings.Contains(r.Stdout()+r.Stderr(), words(line)[2])))
			}
		})
	}
}

// The file is appended to; a link, and a file that others can read, are refused.
//
//vmrun:kernels 6.12
func TestKeylogFile(t *testing.T) {
	dir := t.TempDir()
	link, open, mine := filepath.Join(dir, "link"), filepath.Join(dir, "open"), filepath.Join(dir, "mine")
	qt.Assert(t, qt.IsNil(os.Symlink(filepath.Join(dir, "target"), link)))
	qt.Assert(t, qt.IsNil(os.WriteFile(open, nil, 0o644)))
	qt.Assert(t, qt.IsNil(os.WriteFile(mine, []byte("# before\n"), 0o600)))
	for _, path := range []string{link, open, dir, filepath.Join(dir, "none", "x")} {
		_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "tlscap", "--mode", "keylog", "--keylog-file", path))
		qt.Check(t, qt.Equals(code, 2), qt.Commentf("%s: %s", path, stderr))
	}
	_, err := os.Stat(filepath.Join(dir, "target"))
	qt.Check(t, qt.IsTrue(os.IsNotExist(err)))
	r := kerneltest.Start(t, "tlscap", "--mode", "keylog", "--keylog-file", mine)
	run(t, peer(t, "exchange", "1", "1", "3"))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	text, err := os.ReadFile(mine)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(strings.HasPrefix(string(text), "# before\n")))
	qt.Check(t, qt.Equals(strings.Count(string(text), "\n"), 6))
}
