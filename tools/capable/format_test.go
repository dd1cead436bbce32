package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// someRows are a profile of a few executables, units and containers.
func someRows() []row {
	return []row{
		{by: byCommand, name: "ping -c 1", used: set(13, 7), checks: 3},
		{by: byExecutable, name: "/usr/bin/ping", used: set(13, 7), refused: set(21)},
		{by: byExecutable, name: "/usr/bin/true"},
		{by: byExecutable, name: "/usr/bin/unshare", userns: true, used: set(21)},
		{by: byUnit, name: "a.service", used: set(1, 2, 10), refused: set(12, 21)},
		{by: byUnit, name: "b.service"},
		{by: byUnit, name: "d.scope", used: set(10)},
		{by: byUnit, name: "c.service", userns: true, used: set(21)},
		{by: byContainer, name: "0123abcd", used: set(10), unaudited: set(34), refused: set(19)},
		{by: byContainer, name: "0123abcd", userns: true, used: set(21)},
	}
}

// TestFormats has each format in full.
func TestFormats(t *testing.T) {
	for name, want := range map[string]string{
		"setcap": `setcap cap_setuid,cap_net_raw=ep /usr/bin/ping
# refused: cap_sys_admin
# /usr/bin/true needs no capability
`,
		"systemd": `# command ping -c 1
[Service]
CapabilityBoundingSet=CAP_SETUID CAP_NET_RAW
AmbientCapabilities=CAP_SETUID CAP_NET_RAW

# unit a.service
# refused: cap_net_admin,cap_sys_admin
[Service]
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_DAC_OVERRIDE CAP_NET_BIND_SERVICE

# unit b.service
[Service]
CapabilityBoundingSet=
AmbientCapabilities=

# unit d.scope
# a scope has no such settings: CAP_NET_BIND_SERVICE
`,
		"docker": `# command ping -c 1
--cap-drop ALL --cap-add SETUID --cap-add NET_RAW

# container 0123abcd
# refused: cap_sys_ptrace
--cap-drop ALL --cap-add NET_BIND_SERVICE --cap-add SYSLOG

# container 0123abcd (user namespace)
--cap-drop ALL --cap-add SYS_ADMIN
`,
		"k8s": `# command ping -c 1
securityContext:
  capabilities:
    drop: ["ALL"]
    add: ["SETUID", "NET_RAW"]

# container 0123abcd
# refused: cap_sys_ptrace
securityContext:
  capabilities:
    drop: ["ALL"]
    add: ["NET_BIND_SERVICE", "SYSLOG"]

# container 0123abcd (user namespace)
securityContext:
  capabilities:
    drop: ["ALL"]
    add: ["SYS_ADMIN"]
`,
	} {
		qt.Check(t, qt.Equals(string(formats[name](nil, someRows())), want), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(string(formats[name](nil, nil)), ""), qt.Commentf("%s", name))
		empty := string(formats[name](nil, []row{{by: byCommand, name: "true"}, {by: byExecutable, name: "/bin/true"}}))
		qt.Check(t, qt.Equals(empty, map[string]string{
			"setcap":  "# /bin/true needs no capability\n",
			"systemd": "# command true\n[Service]\nCapabilityBoundingSet=\nAmbientCapabilities=\n",
			"docker":  "# command true\n--cap-drop ALL\n",
			"k8s":     "# command true\nsecurityContext:\n  capabilities:\n    drop: [\"ALL\"]\n    add: []\n",
		}[name]), qt.Commentf("%s", name))
	}
	// Every name is one that the flag takes, and what has no writer is a table or JSON.
	for _, name := range formatNames() {
		qt.Check(t, qt.Equals(formats[name] == nil, name == "table" || name == "json"), qt.Commentf("%s", name))
	}
	for name := range formats {
		qt.Check(t, qt.SliceContains(formatNames(), name))
	}
}

// TestSetcapPaths: what a shell would read as something else is quoted, and what
// no line can hold is a comment.
func TestSetcapPaths(t *testing.T) {
	const comment = ": no path that a command line could name"
	for path, want := range map[string]string{
		"/usr/bin/ping":        "setcap cap_net_raw=ep /usr/bin/ping",
		"/usr/bin/c++@1:2,3=%": "setcap cap_net_raw=ep /usr/bin/c++@1:2,3=%",
		"/a b":                 "setcap cap_net_raw=ep '/a b'",
		"/it's":                `setcap cap_net_raw=ep '/it'\''s'`,
		"/a;reboot":            "setcap cap_net_raw=ep '/a;reboot'",
		"/$(reboot)":           "setcap cap_net_raw=ep '/$(reboot)'",
		"/`reboot`":            "setcap cap_net_raw=ep '/`reboot`'",
		"/a\\":                 `setcap cap_net_raw=ep '/a\'`,
		"/a\"b":                `setcap cap_net_raw=ep '/a"b'`,
		"/~":                   "setcap cap_net_raw=ep '/~'",
		"/ä":                   "setcap cap_net_raw=ep '/ä'",
		"/#":                   "setcap cap_net_raw=ep '/#'",
		`/a\nb`:                `setcap cap_net_raw=ep '/a\nb'`, // a backslash, not a newline
		"/a\nreboot":           `# /a\nreboot: cap_net_raw` + comment,
		"/a\rb":                `# /a\rb: cap_net_raw` + comment,
		"/a\x1b[2J":            `# /a\x1b[2J: cap_net_raw` + comment,
		"/a\xff":               `# /a\xff: cap_net_raw` + comment,
		"/a\u202e":             `# /a\u{202e}: cap_net_raw` + comment,
		"/a\u2028":             `# /a\u{2028}: cap_net_raw` + comment,
		".../b/c":              `# .../b/c: cap_net_raw` + comment, // cut
		"memfd:x":              `# memfd:x: cap_net_raw` + comment,
		"-r":                   `# -r: cap_net_raw` + comment,
		"?":                    `# ?: cap_net_raw` + comment,
		"":                     `# : cap_net_raw` + comment,
	} {
		got := string(writeSetcap(nil, []row{{by: byExecutable, name: path, used: set(13)}}))
		qt.Check(t, qt.Equals(got, want+"\n"))
	}
	qt.Check(t, qt.Equals(string(writeSetcap(nil, []row{{by: byExecutable, name: "memfd:x"}})), "# memfd:x: nothing"+comment+"\n"))
}

// TestQuoteShell asks a shell what it makes of a quoted path.
func TestQuoteShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	for _, path := range []string{"/a", "/a b", "/it's", "/''", "/$HOME", "/`x`", `/\`, `/"`, "/*", "/?", "/~", "/ä\u00a0", "/a;b|c&d>e<f(g)h", "/!x", "/{a,b}", "/#", "/%+@:,=._-", "'"} {
		out, err := exec.Command(sh, "-c", "printf %s "+quoteShell(path)).Output()
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(string(out), path))
	}
}

// TestHostileTitles: a name cannot end its comment.
func TestHostileTitles(t *testing.T) {
	for _, name := range []string{"a\nCapabilityBoundingSet=~", "a\r\n--privileged", "a\u2028privileged: true", "a\u0085b", "\x1b[2J\xff", "a\vb\fc"} {
		rows := []row{{by: byCommand, name: name}, {by: byUnit, name: name}, {by: byContainer, name: name}, {by: byExecutable, name: "/" + name}}
		for format, write := range formats {
			text := string(write(nil, rows))
			for _, r := range text {
				qt.Check(t, qt.IsTrue(r == '\n' || r >= 0x20 && r < 0x7f), qt.Commentf("%s: %q", format, text))
			}
			plain := slices.Clone(rows)
			for i := range plain {
				plain[i].name = "/x"
			}
			qt.Check(t, qt.Equals(strings.Count(text, "\n"), strings.Count(string(write(nil, plain)), "\n")), qt.Commentf("%s: %q", format, text))
		}
	}
}

func TestParseCaps(t *testing.T) {
	for text, want := range map[string]preflight.Set{
		"net_raw": set(13), "CAP_NET_RAW": set(13), "Cap_Net_Raw": set(13), "13": set(13), "63": set(63), "0": set(0),
		"net_raw,sys_admin": set(13, 21), "net_raw, sys_admin": set(13, 21), "chown,chown": set(0), "bpf,38,CAP_CHOWN": set(39, 38, 0),
	} {
		got, err := parseCaps(text)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", text))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", text))
	}
	for _, text := range []string{"", ",", "net_raw,", "64", "-1", "+1", "all", "net raw", "CAP_", "cap_cap_chown", "net_raw;sys_admin", "0x1"} {
		_, err := parseCaps(text)
		qt.Check(t, qt.ErrorMatches(err, "unknown capability .*"), qt.Commentf("%s", text))
	}
}
