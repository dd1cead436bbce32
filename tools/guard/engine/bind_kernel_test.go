//go:build kernel

package engine

import (
	"os"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// noSSH is the policy that nobody listens on port 22.
const noSSH = `
rules:
  - {id: ssh, subject: all, bind: {ports: 22}, action: deny}
`

// oldURing are the kernels whose io_uring does not bind.
var oldURing = []string{"5.10", "6.1"}

// bindDenied is a bind to an address that a rule denies, in all the ways.
func bindDenied(rule, proto, addr string) trial {
	return trial{do: "bind " + proto + " " + addr, denied: "bind: EPERM", happens: "bind: ok", alerts: []string{"socket_bind " + rule + " " + addr}}
}

// TestBindPort: nobody listens on port 22.
func TestBindPort(t *testing.T) {
	mptcp := func(a trial) trial {
		a.before, a.says = []string{"5.10"}, a.do[:4]+": EPROTONOSUPPORT socket"
		return a
	}
	f := start(t)
	f.trials(noSSH,
		bindDenied("ssh", "tcp4", "127.0.0.1:22"), bindDenied("ssh", "tcp4", "0.0.0.0:22"), bindDenied("ssh", "udp4", "127.0.0.1:22"),
		bindDenied("ssh", "tcp6", "[::1]:22"), bindDenied("ssh", "tcp6", "[::]:22"), bindDenied("ssh", "udp6", "[::]:22"),
		bindDenied("ssh", "tcp6", "[::ffff:127.0.0.1]:22"), bindDenied("ssh", "tcp6", "[::ffff:0.0.0.0]:22"),
		mptcp(bindDenied("ssh", "mptcp", "0.0.0.0:22")), mptcp(bindDenied("ssh", "mptcp6", "[::]:22")),
		bindDenied("ssh", "sctp", "127.0.0.1:22"), bindDenied("ssh", "sctp6", "[::]:22"),
		trial{do: "bindx sctp 127.0.0.1:22", denied: "bindx: EPERM", happens: "bindx: ok", alerts: []string{"sctp_bind_connect ssh 127.0.0.1:22"}},
		trial{do: "bindx sctp 127.0.0.1:4009 127.0.0.2:4009", happens: "bindx: ok"},
		trial{do: "bind-unspec tcp4 22", denied: "bind-unspec: EPERM", happens: "bind-unspec: ok", alerts: []string{"socket_bind ssh 0.0.0.0:22"}},
		trial{do: "bind-unspec udp4 22", denied: "bind-unspec: EPERM", happens: "bind-unspec: ok", alerts: []string{"socket_bind ssh 0.0.0.0:22"}},
		trial{do: "listen tcp4 0.0.0.0:22", denied: "listen: EPERM bind", happens: "listen: ok 22", alerts: []string{"socket_bind ssh 0.0.0.0:22"},
			audited: []string{"socket_bind ssh 0.0.0.0:22", "socket_listen ssh 0.0.0.0:22"}},
		trial{do: "listen tcp6 [::]:22", denied: "listen: EPERM bind", happens: "listen: ok 22", alerts: []string{"socket_bind ssh [::]:22"},
			audited: []string{"socket_bind ssh [::]:22", "socket_listen ssh [::]:22"}},
		trial{do: "bind-uring tcp4 127.0.0.1:22", denied: "bind-uring: EPERM", happens: "bind-uring: ok", alerts: []string{"socket_bind ssh 127.0.0.1:22"}, before: oldURing, says: "bind-uring: EINVAL"},
		trial{do: "bind-uring tcp6 [::]:22 sqpoll", denied: "bind-uring: EPERM", happens: "bind-uring: ok", alerts: []string{"socket_bind ssh [::]:22"}, before: oldURing, says: "bind-uring: *"},
		trial{do: "netns bind tcp4 127.0.0.1:22", denied: "bind: EPERM", happens: "bind: ok", alerts: []string{"socket_bind ssh 127.0.0.1:22"}},
		trial{do: "userns-root netns bind tcp6 [::]:22", denied: "userns-root: ok\nbind: EPERM", happens: "userns-root: ok\nbind: ok", alerts: []string{"socket_bind ssh [::]:22"}},
		// Ports that the kernel picks out of a range with this one in it.
		trial{do: "bind-range 22 22", denied: "bind-range: EPERM bind", happens: "bind-range: ok 22", alerts: []string{"socket_bind ssh 127.0.0.1:0"},
			audited: []string{"socket_bind ssh 127.0.0.1:0", "socket_listen ssh 127.0.0.1:22"}},
		trial{do: "bind-range 1 60000", denied: "bind-range: EPERM bind", happens: "bind-range: ok *", alerts: []string{"socket_bind ssh 127.0.0.1:0"}},
		trial{do: "bind-range 22 65535", denied: "bind-range: EPERM bind", happens: "bind-range: ok *", alerts: []string{"socket_bind ssh 127.0.0.1:0"}},
		// What goes on.
		trial{do: "bind-range 23 65535", happens: "bind-range: ok *"},
		trial{do: "bind-range 1 21", happens: "bind-range: ok *"},
		trial{do: "bind-range 40000 40009", happens: "bind-range: ok *"},
		trial{do: "bind-range-option 40007 40007", happens: "bind-range-option: ok 40007", before: []string{"5.10"}, says: "bind-range-option: ENOPROTOOPT IP_LOCAL_PORT_RANGE"},
		// A socket cannot ask for more than its namespace has.
		trial{do: "bind-range-option 22 22", happens: "bind-range-option: ok *", before: []string{"5.10"}, says: "bind-range-option: ENOPROTOOPT IP_LOCAL_PORT_RANGE"},
		trial{do: "listen tcp4 127.0.0.1:2222", happens: "listen: ok 2222"},
		trial{do: "listen tcp6 [::]:23", happens: "listen: ok 23"},
		trial{do: "bind udp4 127.0.0.1:21", happens: "bind: ok"},
		trial{do: "bind-zero tcp4 -- bind-zero udp6", happens: "bind-zero: ok *\nbind-zero: ok *"},
		trial{do: "listen-unbound tcp4 -- listen-unbound tcp6", happens: "listen-unbound: ok *\nlisten-unbound: ok *"},
		trial{do: "autobind-udp", happens: "autobind-udp: ok *"},
		trial{do: "connect tcp4 127.0.0.1:22", happens: "connect: ok refused"},
		trial{do: "bind-unix @guard-22", happens: "bind-unix: ok"},
	)
}

// TestBindPicked: the range changes after the policy came.
//
//vmrun:kernels 5.10 6.12
func TestBindPicked(t *testing.T) {
	f := start(t, enforce(noSSH))
	for _, c := range []struct {
		name      string
		low, high int
		on        string
	}{{"one", 22, 22, ""}, {"wide", 1, 65535, ""}, {"allow", 22, 23, "on_unresolved: allow\n"}} {
		t.Run(c.name, func(t *testing.T) {
			localPorts(t, 32768, 60999)
			g := &fence{f.Manager, t}
			for _, enforced := range []bool{true, false} {
				yaml := audit(c.on + noSSH[1:])
				if enforced {
					yaml = enforce(c.on + noSSH[1:])
				}
				g.set(yaml)
				localPorts(t, c.low, c.high)
				for _, a := range []trial{
					{do: "bind-zero tcp4", denied: "bind-zero: EPERM", happens: "bind-zero: ok *", alerts: []string{"socket_bind ssh 0.0.0.0:0"}},
					{do: "bind-zero tcp6", denied: "bind-zero: EPERM", happens: "bind-zero: ok *", alerts: []string{"socket_bind ssh [::]:0"}},
					{do: "bind-zero udp4", denied: "bind-zero: EPERM", happens: "bind-zero: ok *", alerts: []string{"socket_bind ssh 0.0.0.0:0"}},
					{do: "listen-unbound tcp4", denied: "listen-unbound: EPERM", happens: "listen-unbound: ok *", alerts: []string{"socket_listen ssh 0.0.0.0:0"}},
					{do: "listen-unbound tcp6", denied: "listen-unbound: EPERM", happens: "listen-unbound: ok *", alerts: []string{"socket_listen ssh [::]:0"}},
					{do: "autobind-udp", denied: "autobind-udp: EPERM", happens: "autobind-udp: ok *", alerts: []string{"socket_sendmsg ssh 0.0.0.0:0"}},
					{do: "connect udp4 127.0.0.1:7", denied: "connect: EPERM", happens: "connect: ok", alerts: []string{"socket_connect ssh 0.0.0.0:0"}},
					{do: "connect udp6 [::1]:7", denied: "connect: EPERM", happens: "connect: ok", alerts: []string{"socket_connect ssh [::]:0"}},
					{do: "bind-range-option 22 22", denied: "bind-range-option: EPERM bind", happens: "bind-range-option: ok 22", alerts: []string{"socket_bind ssh 127.0.0.1:0"},
						audited: []string{"socket_bind ssh 127.0.0.1:0", "socket_listen ssh 127.0.0.1:22"}, before: []string{"5.10"}, says: "bind-range-option: ENOPROTOOPT IP_LOCAL_PORT_RANGE"},
					{do: "bind tcp4 127.0.0.1:2222", happens: "bind: ok"},
					// A connection from there is no listening.
					{do: "connect tcp4 127.0.0.1:7", happens: "connect: *"},
					{do: "sendto-bound udp4 127.0.0.1:2222 127.0.0.1:7", happens: "sendto-bound: ok"},
				} {
					if a.do == "bind-range-option 22 22" && c.name == "wide" && !enforced {
						a.happens = "bind-range-option: ok 22"
					}
					g.try("guard-workload", a, enforced)
				}
				localPorts(t, 32768, 60999)
			}
			g.silent()
		})
	}
	t.Run("loaded with it", func(t *testing.T) {
		localPorts(t, 20, 24)
		g := &fence{f.Manager, t}
		g.trials(noSSH,
			trial{do: "bind-zero tcp4", denied: "bind-zero: EPERM", happens: "bind-zero: ok *", alerts: []string{"socket_bind ssh 0.0.0.0:0"}},
			trial{do: "bind tcp4 127.0.0.1:23", happens: "bind: ok"},
			// Part of the range, and so not without the rule.
			trial{do: "bind-range 23 24", denied: "bind-range: EPERM bind", happens: "bind-range: ok *", alerts: []string{"socket_bind ssh 127.0.0.1:0"},
				audited: []string{"socket_bind ssh 127.0.0.1:0"}},
			trial{do: "bind-range 23 40", happens: "bind-range: ok *"},
		)
	})
}

// TestListenAfter: bound before the policy came, listening after.
func TestListenAfter(t *testing.T) {
	f := start(t)
	for _, c := range []struct{ proto, addr string }{
		{"tcp4", "127.0.0.1:22"}, {"tcp4", "0.0.0.0:22"}, {"tcp6", "[::]:22"}, {"tcp6", "[::ffff:127.0.0.1]:22"}, {"mptcp", "127.0.0.1:22"}, {"sctp", "127.0.0.1:22"},
	} {
		t.Run(c.proto+c.addr, func(t *testing.T) {
			if c.proto == "mptcp" && !kerneltest.HasMPTCP(t) {
				t.Skip("no MPTCP")
			}
			for _, enforced := range []bool{true, false} {
				g := &fence{f.Manager, t}
				g.set()
				w := hold(t, "listen-held", c.proto, c.addr)
				if enforced {
					g.set(enforce(noSSH))
					qt.Check(t, qt.Equals(w.finish(), "listen-held: EPERM"))
				} else {
					g.set(audit(noSSH))
					qt.Check(t, qt.Equals(w.finish(), "listen-held: ok 22"))
				}
				a := g.alert()
				qt.Check(t, qt.Equals(about(a), "socket_listen ssh "+c.addr))
				qt.Check(t, qt.Equals(a.Denied, enforced))
			}
		})
	}
	t.Run("other", func(t *testing.T) {
		g := &fence{f.Manager, t}
		g.set()
		w := hold(t, "listen-held", "tcp4", "127.0.0.1:2222")
		g.set(enforce(noSSH))
		qt.Check(t, qt.Equals(w.finish(), "listen-held: ok 2222"))
		g.silent()
	})
	t.Run("unix", func(t *testing.T) {
		path := t.TempDir() + "/s"
		g := &fence{f.Manager, t}
		policy := `
rules:
  - {id: file, subject: all, bind: {unix: ["` + path + `", "@guard-held"]}, action: deny}
`
		for _, name := range []string{path, "@guard-held"} {
			for _, enforced := range []bool{true, false} {
				os.Remove(path)
				g.set()
				w := hold(t, "listen-unix-held", name)
				yaml, want := audit(policy), "listen-unix-held: ok"
				if enforced {
					yaml, want = enforce(policy), "listen-unix-held: EPERM"
				}
				g.set(yaml)
				qt.Check(t, qt.Equals(w.finish(), want))
				a := g.alert()
				qt.Check(t, qt.Equals(about(a), "socket_listen file "+name))
				qt.Check(t, qt.Equals(a.Denied, enforced))
			}
		}
	})
}

// TestBindAddress: addresses, and those that stand for all of them.
func TestBindAddress(t *testing.T) {
	f := start(t)
	t.Run("one", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: host, subject: all, bind: {to: [127.1.2.3, "::1"]}, action: deny}
  - {id: port, subject: all, bind: {to: 127.5.0.0/16, ports: 8000-8009, proto: tcp}, action: deny}
`,
			bindDenied("host", "tcp4", "127.1.2.3:2222"), bindDenied("host", "udp6", "[::ffff:127.1.2.3]:2222"), bindDenied("host", "tcp6", "[::1]:2222"),
			bindDenied("port", "tcp4", "127.5.0.1:8000"), bindDenied("port", "tcp6", "[::ffff:127.5.255.255]:8009"),
			trial{do: "bind udp4 127.5.0.1:8000 -- bind tcp4 127.5.0.1:8010 -- bind tcp4 127.4.0.1:8000", happens: "bind: ok\nbind: ok\nbind: ok"},
			trial{do: "bind tcp4 127.1.2.4:2222", happens: "bind: ok"},
			// What stands for all addresses is an address of its own.
			trial{do: "bind tcp4 0.0.0.0:2222", happens: "bind: ok"},
			trial{do: "bind tcp6 [::]:2222", happens: "bind: ok"},
		)
	})
	t.Run("wildcard", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: any, subject: all, bind: {to: [0.0.0.0, "::"]}, action: deny}
`,
			bindDenied("any", "tcp4", "0.0.0.0:2222"), bindDenied("any", "tcp6", "[::]:2222"), bindDenied("any", "tcp6", "[::ffff:0.0.0.0]:2222"),
			trial{do: "bind-unspec tcp4 2222", denied: "bind-unspec: EPERM", happens: "bind-unspec: ok", alerts: []string{"socket_bind any 0.0.0.0:2222"}},
			trial{do: "listen-unbound tcp6", denied: "listen-unbound: EPERM", happens: "listen-unbound: ok *", alerts: []string{"socket_listen any [::]:0"}},
			trial{do: "bind tcp4 127.0.0.1:2222", happens: "bind: ok"},
			trial{do: "autobind-udp", happens: "autobind-udp: ok *"},
		)
	})
}

// TestBindAllowed: nothing but what is listed.
func TestBindAllowed(t *testing.T) {
	dir := t.TempDir()
	f := start(t)
	t.Run("port", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
defaults: {all: {bind: deny}}
rules:
  - {id: web, subject: all, bind: {ports: 8080, proto: tcp}, action: allow}
  - {id: file, subject: all, bind: {unix: ["`+dir+`/s", "@guard-s"]}, action: allow}
`,
			trial{do: "listen tcp4 127.0.0.1:8080 -- listen tcp6 [::]:8080", happens: "listen: ok 8080\nlisten: ok 8080"},
			bindDenied("default", "tcp4", "127.0.0.1:8081"), bindDenied("default", "udp4", "127.0.0.1:8080"), bindDenied("default", "sctp", "127.0.0.1:8080"),
			trial{do: "bind-zero tcp4", denied: "bind-zero: EPERM", happens: "bind-zero: ok *", alerts: []string{"socket_bind default 0.0.0.0:0"}},
			trial{do: "listen-unbound tcp4", denied: "listen-unbound: EPERM", happens: "listen-unbound: ok *", alerts: []string{"socket_listen default 0.0.0.0:0"}},
			trial{do: "bind-range 8080 8080", denied: "bind-range: EPERM bind", happens: "bind-range: ok 8080", alerts: []string{"socket_bind default 127.0.0.1:0"}},
			trial{do: "bind-unix " + dir + "/s -- unlink " + dir + "/s -- bind-unix @guard-s", happens: "bind-unix: ok\nunlink: ok\nbind-unix: ok"},
			trial{do: "bind-unix " + dir + "/t -- unlink " + dir + "/t", denied: "bind-unix: EPERM\nunlink: ENOENT", happens: "bind-unix: ok\nunlink: ok", alerts: []string{"socket_bind default " + dir + "/t"}},
			trial{do: "bind-unix @guard-t", denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind default @guard-t"}},
			trial{do: `bind-unix ""`, denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind default @"}},
			// Sending is no bind.
			trial{do: "autobind-udp -- connect udp4 127.0.0.1:7 -- connect tcp4 127.0.0.1:7", happens: "autobind-udp: ok *\nconnect: ok\nconnect: ok refused"},
		)
	})
	t.Run("picked", func(t *testing.T) {
		// The whole range is what port 0 is one of, and no other range.
		(&fence{f.Manager, t}).trials(`
defaults: {all: {bind: deny}}
rules:
  - {id: any, subject: all, bind: {ports: 32768-60999}, action: allow}
`,
			trial{do: "bind-zero tcp4 -- listen-unbound tcp6", happens: "bind-zero: ok *\nlisten-unbound: ok *"},
			trial{do: "bind-range 40000 40009", happens: "bind-range: ok *"},
			trial{do: "bind-range 22 22", denied: "bind-range: EPERM bind", happens: "bind-range: ok 22", alerts: []string{"socket_bind default 127.0.0.1:0"},
				audited: []string{"socket_bind default 127.0.0.1:0", "socket_listen default 127.0.0.1:22"}},
			bindDenied("default", "tcp4", "127.0.0.1:22"),
		)
	})
}

// TestBindUnix: names in the file system, abstract ones, and those that the kernel makes up.
func TestBindUnix(t *testing.T) {
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/tree", 0o755)))
	qt.Assert(t, qt.IsNil(os.Symlink(dir+"/tree", dir+"/symlink")))
	f := start(t)
	made := func(rule, path, object string) trial {
		return trial{do: "bind-unix " + path + " -- unlink " + path, denied: "bind-unix: EPERM\nunlink: ENOENT", happens: "bind-unix: ok\nunlink: ok", alerts: []string{"socket_bind " + rule + " " + object}}
	}
	t.Run("paths", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: tree, subject: all, bind: {unix: "`+dir+`/tree/**"}, action: deny}
  - {id: file, subject: all, bind: {unix: "`+dir+`/s"}, action: deny}
  - {id: name, subject: all, bind: {unix: "@guard-denied"}, action: deny}
`,
			made("tree", dir+"/tree/s", dir+"/tree/s"), made("tree", dir+"/symlink/s", dir+"/tree/s"), made("file", dir+"/s", dir+"/s"),
			trial{do: "bind-unix " + dir + "/s dgram -- unlink " + dir + "/s", denied: "bind-unix: EPERM\nunlink: ENOENT", happens: "bind-unix: ok\nunlink: ok", alerts: []string{"socket_bind file " + dir + "/s"}},
			trial{do: "bind-unix @guard-denied", denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind name @guard-denied"}},
			trial{do: "bind-unix @guard-denied dgram", denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind name @guard-denied"}},
			trial{do: "bind-unix @guard-denied2 -- bind-unix @guard-denie", happens: "bind-unix: ok\nbind-unix: ok"},
			trial{do: "bind-unix " + dir + "/t -- unlink " + dir + "/t", happens: "bind-unix: ok\nunlink: ok"},
			trial{do: `bind-unix ""`, happens: "bind-unix: ok"},
			trial{do: "mknod " + dir + "/tree/s f -- unlink " + dir + "/tree/s", happens: "mknod: ok\nunlink: ok"},
			trial{do: "bind tcp4 127.0.0.1:2222", happens: "bind: ok"},
		)
	})
	t.Run("all", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: any, subject: all, bind: {}, action: deny}
`,
			made("any", dir+"/tree/s", dir+"/tree/s"),
			trial{do: "bind-unix @guard-any", denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind any @guard-any"}},
			trial{do: `bind-unix ""`, denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind any @"}},
			trial{do: `bind-unix "" dgram`, denied: "bind-unix: EPERM", happens: "bind-unix: ok", alerts: []string{"socket_bind any @"}},
			bindDenied("any", "tcp4", "127.0.0.1:2222"),
			trial{do: "connect tcp4 127.0.0.1:7", happens: "connect: ok refused"},
			trial{do: "autobind-udp", happens: "autobind-udp: ok *"},
		)
	})
}

// TestBindSubject: one program, and not another, whatever its name is.
//
//vmrun:kernels 6.1
func TestBindSubject(t *testing.T) {
	one := program(t, t.TempDir()+"/one")
	f := start(t)
	policy := `
subjects: {one: {exe: ` + one + `, descendants: true}}
rules:
  - {id: all, subject: {any: [all], except: [one]}, bind: {ports: 22}, action: deny}
`
	(&fence{f.Manager, t}).trialsAs(one, policy, trial{do: "listen tcp4 127.0.0.1:22", happens: "listen: ok 22"},
		trial{do: "bind-range 22 22", happens: "bind-range: ok 22"})
	(&fence{f.Manager, t}).trials(policy, bindDenied("all", "tcp4", "127.0.0.1:22"))
}
