package policy

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// machine is a small file system: a name ending in a slash is a directory, one with
// an arrow a link.
func machine(t *testing.T, names ...string) string {
	dir := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		file := filepath.Join(dir, name)
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(file), 0o755)))
		switch {
		case link:
			qt.Assert(t, qt.IsNil(os.Symlink(target, file)))
		case strings.HasSuffix(name, "/"):
			qt.Assert(t, qt.IsNil(os.MkdirAll(file, 0o755)))
		default:
			qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o644)))
		}
	}
	write(t, dir, "etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n")
	write(t, dir, "etc/group", "root:x:0:\nwheel:x:10:\n")
	write(t, dir, "sys/fs/cgroup/cgroup.controllers", "")
	write(t, dir, "sys/fs/cgroup/system.slice/docker-"+strings.Repeat("0123456789abcdef", 4)+".scope/cgroup.procs", "")
	return dir
}

func usual(t *testing.T) string {
	return machine(t, "bin -> usr/bin", "sbin -> usr/sbin", "lib -> usr/lib", "lib64 -> usr/lib64", "usr/lib/x86_64-linux-gnu/libc.so.6",
		"usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2 -> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		"usr/bin/dash", "usr/bin/sh -> dash", "usr/bin/cat", "usr/sbin/init -> ../lib/systemd/systemd", "usr/lib/systemd/systemd",
		"usr/sbin/guard", "etc/ld.so.cache", "etc/shadow", "run/", "var/run -> /run", "tmp/", "srv/data/x")
}

func TestFollow(t *testing.T) {
	dir := machine(t, "a/b/file", "abs -> /a/b", "rel -> a/b", "a/up -> ../a/./b", "loop -> loop", "out -> ../../../../a/b", "dangling -> /a/none",
		"twice -> rel/../up")
	s := Root(dir)
	for _, c := range []struct {
		path, want string
		missing    bool
	}{
		{"/", "/", false},
		{"/a/b/file", "/a/b/file", false},
		{"/abs/file", "/a/b/file", false},
		{"/rel/file", "/a/b/file", false},
		{"/a/up/file", "/a/b/file", false},
		{"/out/file", "/a/b/file", false},
		{"/twice/file", "/a/b/file", false},
		{"/dangling", "/a/none", true},
		{"/rel/none/more", "/a/b/none/more", true},
		{"/a/b/file/more", "/a/b/file/more", true},
	} {
		got, err := s.Follow(c.path)
		qt.Check(t, qt.Equals(got, c.want), qt.Commentf("%s", c.path))
		if c.missing {
			qt.Check(t, qt.ErrorIs(err, fs.ErrNotExist), qt.Commentf("%s", c.path))
		} else {
			qt.Check(t, qt.IsNil(err), qt.Commentf("%s", c.path))
		}
	}
	_, err := s.Follow("/loop/x")
	qt.Check(t, qt.ErrorMatches(err, "too many levels of symbolic links"))
}

func TestCheck(t *testing.T) {
	dir := usual(t)
	for _, c := range []struct {
		name, body string
		want       []string // LINE:COLUMN severity code, behind a space a part of the message
	}{
		{"nothing", `rules: [{id: r, subject: all, action: deny, file: {paths: [/etc/shadow, "/srv/**", "*.key"]}}]`, nil},

		{"lock-out by the loader", `rules: [{id: r, subject: all, action: deny, exec: {paths: "/lib64/**"}}]`,
			[]string{"4:9 error lock-out execute \"/lib64/ld-linux-x86-64.so.2\" and 2 more",
				"4:59 warning symlink write \"/usr/lib64/**\""}},
		{"lock-out by where links lead", `rules: [{id: r, subject: all, action: deny, exec: {paths: "/usr/lib/**", loader: false}}]`,
			[]string{"4:9 error lock-out execute \"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\" and 1 more"}},
		{"lock-out by mapping libc", `rules: [{id: r, subject: all, action: deny, exec: {paths: "*.6"}}]`,
			[]string{"4:9 error lock-out load"}},
		{"lock-out by the shell", `rules: [{id: r, subject: all, action: deny, exec: {paths: /usr/bin/dash, loader: false}}]`,
			[]string{"4:9 error lock-out execute \"/usr/bin/dash\","}},
		{"lock-out by init", `rules: [{id: r, subject: all, action: deny, exec: {paths: /usr/lib/systemd/systemd, loader: false}}]`,
			[]string{"4:9 error lock-out"}},
		{"lock-out of guard", `rules: [{id: r, subject: all, action: deny, exec: {paths: /usr/sbin/guard}}]`,
			[]string{"4:9 error lock-out execute \"/usr/sbin/guard\""}},
		{"lock-out of the pins", `rules: [{id: r, subject: all, action: deny, file: {paths: "/sys/**", access: create}}]`,
			[]string{"4:9 error lock-out create \"/sys/fs/bpf/guard\""}},
		{"lock-out by the cache", `rules: [{id: r, subject: all, action: deny, file: {paths: "/etc/*"}}]`,
			[]string{"4:9 error lock-out read \"/etc/ld.so.cache\""}},
		{"writing libc is no lock-out", `rules: [{id: r, subject: all, action: deny, file: {paths: "/usr/**", access: [write, create, delete, attr]}}]`, nil},
		{"lock-out by a default", `defaults: {all: {exec: deny}}`,
			[]string{"4:18 error lock-out", "4:18 warning no-libraries"}},
		{"a default with what it takes", `
defaults: {all: {exec: deny}}
rules: [{id: r, subject: all, action: allow, exec: {paths: ["/usr/**", "/lib/**", "/lib64/**", "/bin/**", "/sbin/**"], loader: true}}]`,
			[]string{"6:72 warning symlink", "6:83 warning symlink", "6:96 warning symlink", "6:107 warning symlink"}},
		{"lock-out by the default of files", `defaults: {all: {file: deny}}`, []string{"4:18 error lock-out"}},
		{"lock-out of root", `rules: [{id: r, subject: {uid: 0}, action: deny, exec: {paths: "/**"}}]`, []string{"4:9 error lock-out"}},
		{"lock-out of others", `rules: [{id: r, subject: {uid: 33}, action: deny, exec: {paths: "/**"}}]`, nil},
		{"an exception", `rules: [{id: r, subject: {any: all, except: {exe: /usr/bin/dash}}, action: deny, exec: {paths: "/**"}}]`, nil},
		{"no exception", `rules: [{id: r, subject: {any: all, except: none}, action: deny, exec: {paths: "/**"}}]`, []string{"4:9 error lock-out"}},
		{"lock-out that is only told", `rules: [{id: r, subject: all, action: deny, mode: audit, exec: {paths: "/**"}}]`,
			[]string{"4:9 warning lock-out once this is enforced"}},
		{"nobody becomes root", `rules: [{id: r, subject: all, action: deny, setuid: {to: 0}}]`, []string{"4:9 warning setuid-root"}},
		{"who was root", `rules: [{id: r, subject: {uid: 0}, action: deny, setuid: {to: 0}}]`, nil},

		{"missing", `
subjects: {a: {exe: /usr/bin/none, cgroup: [/system.slice, /x], uid: [root, nobody], container: [0123456789abc, abcdefabcdef]}}
rules:
  - {id: r, subject: a, action: deny, file: {paths: [/srv/data/y, "/srv/none/**"]}, setuid: {to: [www, who, wheel], via: [setuid]}}
  - {id: s, subject: a, action: deny, setuid: {to: [wheel, www], via: [setgid]}}
  - {id: later, subject: a, action: deny, identity: path, file: {paths: /srv/data/y}}
  - {id: create, subject: a, action: deny, file: {paths: /srv/data/z, access: create}}
  - {id: elsewhere, subject: a, action: deny, view: task, file: {paths: /srv/data/z, access: read}}
  - {id: socket, subject: a, action: deny, connect: {unix: [/run/none, /var/run/docker.sock]}}
`, []string{"5:21 warning no-such-file", "5:60 warning no-such-cgroup", "5:77 warning no-such-user", "5:113 warning no-such-container",
			"7:54 warning no-such-file", "7:67 warning no-such-file", "7:104 warning no-such-user", "7:109 warning no-such-user",
			"8:60 warning no-such-group", "12:72 warning symlink \"/var/run/docker.sock\" leads to \"/run/docker.sock\""}},
		{"link", `rules: [{id: r, subject: {exe: /bin/sh}, action: deny, file: {paths: /var/run}}]`,
			[]string{"4:32 warning symlink write \"/usr/bin/dash\"", "4:70 warning symlink write \"/run\""}},

		{"shadowed", `
subjects: {cat: {exe: /usr/bin/cat}, other: {uid: 1}}
rules:
  - {id: d, subject: all, action: deny, file: {paths: "/srv/**", access: [read, write]}}
  - {id: a, subject: cat, action: allow, file: {paths: [/srv/data/x, "/srv/data/*"], access: read}}
  - {id: wider, subject: cat, action: allow, file: {paths: "/srv/**", access: [read, attr]}}
  - {id: elsewhere, subject: cat, action: allow, file: {paths: [/srv/data/x, /etc/shadow], access: read}}
  - {id: init, subject: init, action: allow, file: {paths: /srv/data/x, access: read}}
  - {id: net, subject: other, action: deny, connect: {to: ["10.0.0.0/8", "fd00::/8"], ports: [1-10, 11-20]}, socket: {}}
  - {id: part, subject: other, action: allow, connect: {to: 10.1.0.0/16, ports: 5-15, proto: tcp}}
  - {id: more, subject: other, action: allow, connect: {to: 10.1.0.0/16, ports: 5-21}}
  - {id: notcat, subject: cat, action: allow, connect: {to: 10.1.0.0/16, ports: 5}}
`, []string{"8:48 warning shadowed rule d at p:7:5", "13:56 warning shadowed rule net at p:12:5"}},
		{"not shadowed by what only tells", `
rules:
  - {id: d, subject: all, action: deny, mode: audit, file: {paths: "/srv/**"}}
  - {id: a, subject: all, action: allow, file: {paths: "/srv/data/*"}}`, nil},
		{"not shadowed with exceptions", `
subjects: {cat: {exe: /usr/bin/cat}}
rules:
  - {id: d, subject: {any: all, except: cat}, action: deny, file: {paths: "/srv/**"}}
  - {id: a, subject: all, action: allow, file: {paths: "/srv/data/*"}}
  - {id: b, subject: {any: all, except: cat}, action: allow, file: {paths: "/srv/data/**"}}`, []string{"9:68 warning shadowed"}},
		{"identical", `
rules:
  - {id: a, subject: {exe: /usr/bin/cat}, action: deny, file: {paths: [/etc/shadow]}, message: one}
  - {id: b, subject: {exe: /usr/bin/cat}, action: deny, message: two, file: {paths: /etc/shadow}}
  - {id: c, subject: {exe: /usr/bin/dash}, action: deny, file: {paths: /etc/shadow}}`, []string{"7:5 warning identical rule a at p:6:5"}},
		{"nobody", `
subjects: {cat: {exe: /usr/bin/cat}}
defaults: {none: {mount: deny}}
rules:
  - {id: a, subject: {any: [cat, none], except: [init, all]}, action: deny, mount: {}}
  - {id: b, subject: none, action: deny, mount: {}}
  - {id: c, subject: {any: [cat, all], except: cat}, action: deny, mount: {}}`,
			[]string{"6:19 warning nobody", "8:5 warning nobody", "9:5 warning nobody"}},
		{"allow that tells", `rules: [{id: r, subject: all, action: allow, mode: audit, mount: {}}]`, []string{"4:9 warning audit-allow"}},

		{"no IPv6", `rules: [{id: r, subject: all, action: deny, connect: {to: [10.0.0.0/8]}, socket: {families: [inet, inet6, packet]}}]`,
			[]string{"4:60 warning ipv4-only"}},
		{"no IPv6 for what is allowed", `rules: [{id: r, subject: all, action: allow, connect: {to: [10.0.0.0/8]}}]`, nil},
		{"raw sockets", `rules: [{id: r, subject: all, action: deny, connect: {ports: 25}}]`, []string{"4:54 warning raw-sockets"}},
		{"raw sockets of others", `
rules:
  - {id: r, subject: {exe: /usr/bin/cat}, action: deny, connect: {ports: 25}}
  - {id: s, subject: {uid: 33}, action: deny, socket: {types: [raw, dgram]}}`, []string{"6:66 warning raw-sockets"}},
		{"no raw sockets", `
rules:
  - {id: r, subject: {exe: /usr/bin/cat}, action: deny, connect: {ports: 25}, bind: {}}
  - {id: s, subject: all, action: deny, socket: {families: packet}}
  - {id: t, subject: {exe: /usr/bin/cat}, action: deny, socket: {families: [inet, inet6], types: raw}}`, nil},
		{"Unix sockets alone", `rules: [{id: r, subject: all, action: deny, connect: {unix: /run/x}}]`, nil},
		{"defaults of networks", `defaults: {all: {connect: deny, bind: deny}}`,
			[]string{"4:18 warning unix-too", "4:18 warning raw-sockets", "4:33 warning raw-sockets"}},
		{"wildcard", `
rules:
  - {id: s, subject: all, action: deny, socket: {families: [packet, inet, inet6]}}
  - {id: a, subject: all, action: deny, bind: {to: [192.0.2.1, "::"]}}
  - {id: b, subject: all, action: deny, bind: {to: [192.0.2.1, 0.0.0.0, "::"], ports: 80}}
  - {id: c, subject: all, action: deny, bind: {to: [0.0.0.0, "2001:db8::1"]}}
  - {id: d, subject: all, action: deny, connect: {to: [0.0.0.0, "::"]}}`,
			[]string{"7:53 warning wildcard bind to 0.0.0.0", "9:53 warning wildcard bind to ::", "10:56 warning wildcard", "10:65 warning wildcard"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			policies := parse(t, c.body)
			findings := Check(policies, Options{System: Root(dir), Guard: "/usr/sbin/guard"})
			for i, f := range findings {
				if i >= len(c.want) {
					t.Errorf("unexpected: %v", f)
					continue
				}
				words := strings.SplitN(c.want[i], " ", 4)
				got := fmt.Sprintf("%d:%d %v %s", f.Pos.Line, f.Pos.Column, f.Severity, f.Code)
				qt.Check(t, qt.Equals(got, strings.Join(words[:3], " ")), qt.Commentf("%v", f))
				if len(words) == 4 {
					qt.Check(t, qt.StringContains(f.Msg, words[3]))
				}
			}
			if len(findings) < len(c.want) {
				t.Errorf("missing: %v", c.want[len(findings):])
			}
			for _, f := range Check(policies, Options{Guard: "/usr/sbin/guard"}) {
				switch f.Code {
				case "symlink", "no-such-file", "no-such-user", "no-such-group", "no-such-cgroup", "no-such-container":
					t.Errorf("without a system: %v", f)
				}
			}
		})
	}
}

func TestStrict(t *testing.T) {
	policies := parse(t, `rules: [{id: r, subject: all, action: deny, file: {paths: /none}}]`)
	findings := Check(policies, Options{System: Root(usual(t)), Strict: true})
	qt.Assert(t, qt.HasLen(findings, 1))
	qt.Check(t, qt.Equals(findings[0].String(), `p:4:59: error: there is no "/none"; nothing is protected now [no-such-file]`))
}

// TestThisMachine only has to end: what is here is not known.
func TestThisMachine(t *testing.T) {
	policies, err := ParseFiles("testdata/full.yaml")
	qt.Assert(t, qt.IsNil(err))
	for _, f := range Check(policies, Options{System: Root("/"), Guard: "/proc/self/exe"}) {
		qt.Check(t, qt.IsTrue(f.Code != "" && f.Pos.Line > 0), qt.Commentf("%v", f))
	}
}

func TestCheckScale(t *testing.T) {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range 10007 {
		action := [...]string{"allow", "deny"}[i%2]
		fmt.Fprintf(&b, "  - {id: r%d, subject: all, action: %s, file: {paths: [/data/%d, \"/srv/%d/**\"]}}\n", i, action, i, i)
	}
	policies := parse(t, b.String())
	start := time.Now()
	qt.Check(t, qt.HasLen(Check(policies, Options{}), 0))
	t.Log(time.Since(start))
	qt.Check(t, qt.IsTrue(time.Since(start) < 20*time.Second))
}
