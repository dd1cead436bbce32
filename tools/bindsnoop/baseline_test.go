package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

const list = `
# what is expected here
tcp 0.0.0.0 22 /usr/sbin/sshd
tcp 0.0.0.0 22	/usr/lib/systemd/systemd
  tcp 127.0.0.1 8000-8100
udp * * "/opt/with \"marks\"/\u00e9"
udp 0.0.0.0 51820 -
tcp ::ffff:192.0.2.7 443 /opt/a b
`

func TestBaseline(t *testing.T) {
	b, err := readBaseline(strings.NewReader(list))
	qt.Assert(t, qt.IsNil(err))
	for _, test := range []struct {
		protocol, addr string
		port           uint16
		exe            string
		want           bool
	}{
		{"tcp", "0.0.0.0", 22, "/usr/sbin/sshd", true},
		{"tcp", "0.0.0.0", 22, "/usr/lib/systemd/systemd", true},
		{"tcp", "0.0.0.0", 22, "/usr/sbin/sshd2", false},
		{"tcp", "0.0.0.0", 22, "", false},
		{"tcp", "::", 22, "/usr/sbin/sshd", false},
		{"udp", "0.0.0.0", 22, "/usr/sbin/sshd", false},
		{"tcp", "0.0.0.0", 23, "/usr/sbin/sshd", false},
		{"tcp", "127.0.0.1", 8000, "/any", true},
		{"tcp", "127.0.0.1", 8100, "", true},
		{"tcp", "127.0.0.1", 8101, "/any", false},
		{"tcp", "127.0.0.2", 8000, "/any", false},
		{"udp", "::1", 1, `/opt/with "marks"/é`, true},
		{"tcp", "::1", 1, `/opt/with "marks"/é`, false},
		{"udp", "0.0.0.0", 51820, "", true},
		{"udp", "0.0.0.0", 51820, "-", false},
		{"tcp", "192.0.2.7", 443, "/opt/a b", true},
	} {
		got := b.has(place{test.protocol, netip.MustParseAddr(test.addr), test.port}, []byte(test.exe))
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%v", test))
	}
}

func TestBadBaseline(t *testing.T) {
	for text, want := range map[string]string{
		"tcp":                      "line 1: want PROTOCOL ADDRESS PORT .*",
		"\n\ntcp 0.0.0.0":          "line 3: want PROTOCOL ADDRESS PORT .*",
		"sctp * 1":                 `line 1: protocol "sctp": want tcp or udp`,
		"TCP * 1":                  `line 1: protocol "TCP": .*`,
		"tcp localhost 1":          `line 1: address "localhost": want an IP address .*`,
		"tcp fe80::1%eth0 1":       `line 1: address .*`,
		"tcp 0.0.0.0/0 1":          `line 1: address .*`,
		"tcp * 0":                  `line 1: port "0": want ports .*`,
		"tcp * 65536":              `line 1: port .*`,
		"tcp * 9-8":                `line 1: port .*`,
		"tcp * +9":                 `line 1: port .*`,
		"tcp * -":                  `line 1: port .*`,
		"tcp * 9-":                 `line 1: port .*`,
		`tcp * 9 "open`:            `line 1: executable .*`,
		`tcp * 9 ""`:               `line 1: executable .*`,
		`tcp * 9 "a" b`:            `line 1: executable .*`,
		strings.Repeat("x", 1<<16): `read: .* too long`,
	} {
		_, err := readBaseline(strings.NewReader(text))
		qt.Check(t, qt.ErrorMatches(err, want), qt.Commentf("%.40s", text))
	}
	_, err := openBaseline(filepath.Join(t.TempDir(), "none"))
	qt.Check(t, qt.ErrorMatches(err, "--baseline: open .*"))
}

// TestWatch: what is not expected is printed and is the answer; what was seen is
// written, each once and sorted, in place of what was there.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	expected, saved := filepath.Join(dir, "expected"), filepath.Join(dir, "saved")
	qt.Assert(t, qt.IsNil(os.WriteFile(expected, []byte("tcp 0.0.0.0 80 /usr/sbin/nginx\n"), 0o644)))
	qt.Assert(t, qt.IsNil(os.WriteFile(saved, []byte(strings.Repeat("old\n", 100)), 0o644)))
	cfg := &config{baseline: expected, saveBaseline: saved}
	w, err := newWatch(cfg, true)
	qt.Assert(t, qt.IsNil(err))
	h := tooltest.Host(t)
	keep := func(port uint16, exe ...string) bool {
		e := new(event)
		r := bound(func(r *record) { r.Port, r.exe, r.Flags = port, exe, r.Flags|flagExe })
		if exe == nil {
			r.Flags &^= flagExe
		}
		qt.Assert(t, qt.IsNil((&decoder{}).decode(h, r.bytes(), e)))
		return w.keep(e)
	}
	qt.Check(t, qt.IsFalse(keep(80, "nginx", "sbin", "usr")))
	qt.Check(t, qt.IsTrue(keep(81, "nginx", "sbin", "usr")))
	qt.Check(t, qt.IsTrue(keep(81, "nginx", "sbin", "usr")))
	qt.Check(t, qt.IsTrue(keep(80)))
	qt.Check(t, qt.Equals(w.ended(), error(unexpected(3))))
	qt.Check(t, qt.Equals(unexpected(3).ExitCode(), 5))
	text, err := os.ReadFile(saved)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(text), "# Expected listeners: protocol address port executable. See bindsnoop(8).\n"+
		"tcp 0.0.0.0 80 -\ntcp 0.0.0.0 80 /usr/sbin/nginx\ntcp 0.0.0.0 81 /usr/sbin/nginx\n"))

	// With that list nothing is unexpected.
	w, err = newWatch(&config{baseline: saved}, true)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(keep(81, "nginx", "sbin", "usr")))
	qt.Check(t, qt.IsFalse(keep(80)))
	qt.Check(t, qt.IsNil(w.ended()))

	// --check makes no file.
	none := filepath.Join(dir, "none")
	_, err = newWatch(&config{saveBaseline: none}, false)
	qt.Assert(t, qt.IsNil(err))
	_, err = os.Stat(none)
	qt.Check(t, qt.IsTrue(os.IsNotExist(err)))
	_, err = newWatch(&config{saveBaseline: dir}, true)
	qt.Check(t, qt.ErrorMatches(err, "--save-baseline: .*"))
}
