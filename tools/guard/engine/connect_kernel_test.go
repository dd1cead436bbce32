//go:build kernel

package engine

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestConnectAddress: every way to an address that is denied.
func TestConnectAddress(t *testing.T) {
	old := []string{"5.10"}
	f := start(t)
	f.trials(`
rules:
  - {id: host, subject: all, connect: {to: 127.1.2.3}, action: deny}
`,
		trial{do: "connect tcp4 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		trial{do: "connect udp4 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		trial{do: "netns connect tcp4 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		// IPv4 by way of IPv6.
		trial{do: "connect tcp6 [::ffff:127.1.2.3]:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host [::ffff:127.1.2.3]:7"}},
		trial{do: "connect udp6 [::ffff:127.1.2.3]:7", denied: "connect: EPERM", happens: "connect: ok", alerts: []string{"socket_connect host [::ffff:127.1.2.3]:7"}},
		trial{do: "sendto udp6 [::ffff:127.1.2.3]:7", denied: "sendto: EPERM", happens: "sendto: ok", alerts: []string{"socket_sendmsg host [::ffff:127.1.2.3]:7"}},
		trial{do: "connect-v4-on-v6 127.1.2.3:7", denied: "connect-v4-on-v6: EPERM", happens: "connect-v4-on-v6: ok", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		trial{do: "sendto-v4-on-v6 127.1.2.3:7", denied: "sendto-v4-on-v6: EPERM", happens: "sendto-v4-on-v6: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}},
		// TCP Fast Open.
		trial{do: "connect-fastopen 127.1.2.3:7", denied: "connect-fastopen: EPERM", happens: "connect-fastopen: ok refused", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}},
		trial{do: "connect-fastopen [::ffff:127.1.2.3]:7 tcp6", denied: "connect-fastopen: EPERM", happens: "connect-fastopen: ok refused", alerts: []string{"socket_sendmsg host [::ffff:127.1.2.3]:7"}},
		trial{do: "connect-tfo-option 127.1.2.3:7", denied: "connect-tfo-option: EPERM", happens: "connect-tfo-option: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		// Datagrams.
		trial{do: "sendto udp4 127.1.2.3:7", denied: "sendto: EPERM", happens: "sendto: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}},
		trial{do: "sendmsg udp4 127.1.2.3:7", denied: "sendmsg: EPERM", happens: "sendmsg: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}},
		trial{do: "sendmmsg udp4 127.0.0.1:9 127.1.2.3:9 127.0.0.2:9", denied: "sendmmsg: ok 1", happens: "sendmmsg: ok 3", alerts: []string{"socket_sendmsg host 127.1.2.3:9"}},
		trial{do: "sendmmsg udp4 127.1.2.3:9 127.0.0.1:9", denied: "sendmmsg: EPERM", happens: "sendmmsg: ok 2", alerts: []string{"socket_sendmsg host 127.1.2.3:9"}},
		trial{do: "sendto-connected udp4 127.0.0.1:9 127.1.2.3:9", denied: "sendto-connected: EPERM", happens: "sendto-connected: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:9"}},
		trial{do: "disconnect-reconnect udp4 127.0.0.1:7 127.1.2.3:7", denied: "disconnect-reconnect: EPERM", happens: "disconnect-reconnect: ok", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		trial{do: "disconnect-reconnect tcp4 127.0.0.1:7 127.1.2.3:7", denied: "disconnect-reconnect: EPERM", happens: "disconnect-reconnect: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		// io_uring.
		trial{do: "connect-uring tcp4 127.1.2.3:7", denied: "connect-uring: EPERM", happens: "connect-uring: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}, twice: old},
		trial{do: "connect-uring tcp4 127.1.2.3:7 sqpoll", denied: "connect-uring: EPERM", happens: "connect-uring: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}, twice: old},
		trial{do: "sendmsg-uring udp4 127.1.2.3:7", denied: "sendmsg-uring: EPERM", happens: "sendmsg-uring: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}},
		// Other protocols.
		trial{do: "connect mptcp 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}, before: old, says: "connect: EPROTONOSUPPORT socket"},
		trial{do: "connect mptcp6 [::ffff:127.1.2.3]:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host [::ffff:127.1.2.3]:7"}, before: old, says: "connect: EPROTONOSUPPORT socket"},
		trial{do: "connect-fastopen 127.1.2.3:7 mptcp", denied: "connect-fastopen: EPERM", happens: "connect-fastopen: *", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}, before: old, says: "connect-fastopen: EPROTONOSUPPORT socket"},
		trial{do: "connect sctp 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		trial{do: "connect sctp6 [::ffff:127.1.2.3]:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host [::ffff:127.1.2.3]:7"}},
		trial{do: "sendto sctp 127.1.2.3:7", denied: "sendto: EPERM", happens: "sendto: *", alerts: []string{"socket_sendmsg host 127.1.2.3:7"}},
		trial{do: "connectx sctp 127.0.0.1:7 127.1.2.3:7", denied: "connectx: EPERM", happens: "connectx: ok refused", alerts: []string{"sctp_bind_connect host 127.1.2.3:7"}},
		trial{do: "connectx sctp6 [::1]:7 [::ffff:127.1.2.3]:7", denied: "connectx: EPERM", happens: "connectx: *", alerts: []string{"sctp_bind_connect host [::ffff:127.1.2.3]:7"}},
		trial{do: "connectx sctp 127.0.0.1:7 127.0.0.2:7", happens: "connectx: ok refused"},
		trial{do: "raw-send 127.1.2.3", denied: "raw-send: EPERM", happens: "raw-send: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:0"}},
		trial{do: "raw-send 127.1.2.3 unspec", denied: "raw-send: EPERM", happens: "raw-send: ok", alerts: []string{"socket_sendmsg host 127.1.2.3:0"}},
		// What goes on.
		trial{do: "connect tcp4 127.1.2.2:7", happens: "connect: ok refused"},
		trial{do: "connect tcp4 127.1.2.4:7", happens: "connect: ok refused"},
		trial{do: "connect tcp6 [::ffff:127.1.2.4]:7", happens: "connect: ok refused"},
		trial{do: "connect tcp6 [::1]:7", happens: "connect: ok refused"},
		trial{do: "sendto udp4 127.0.0.1:7", happens: "sendto: ok"},
		trial{do: "connect-unspec-family udp4", happens: "connect-unspec-family: ok"},
		trial{do: "connect-unspec-family tcp4", happens: "connect-unspec-family: ok"},
		trial{do: "bind tcp4 127.1.2.3:2222", happens: "bind: ok"},
		trial{do: "connect-unix /nowhere", happens: "connect-unix: ENOENT"},
	)
}

// TestConnectNetwork: first, last and those outside, of both versions.
//
//vmrun:kernels 5.10 6.12
func TestConnectNetwork(t *testing.T) {
	denied := func(rule, proto, addr string) trial {
		return trial{do: "connect " + proto + " " + addr + ":7", denied: "connect: EPERM", happens: "connect: *", alerts: []string{"socket_connect " + rule + " " + addr + ":7"}}
	}
	other := func(proto, addr string) trial {
		return trial{do: "connect " + proto + " " + addr + ":7", happens: "connect: *"}
	}
	f := start(t)
	t.Run("edges", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: four, subject: all, connect: {to: 127.16.0.0/12}, action: deny}
  - {id: six, subject: all, connect: {to: "2001:db8:5::/48"}, action: deny}
  - {id: seven, subject: all, connect: {to: "::1"}, action: deny}
  - {id: odd, subject: all, connect: {to: [127.128.0.0/31, "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe/127"]}, action: deny}
`,
			denied("four", "udp4", "127.16.0.0"), denied("four", "udp4", "127.31.255.255"),
			denied("four", "udp6", "[::ffff:127.16.0.0]"), denied("four", "udp6", "[::ffff:127.31.255.255]"),
			other("udp4", "127.15.255.255"), other("udp4", "127.32.0.0"), other("udp6", "[::ffff:127.15.255.255]"), other("udp6", "[::ffff:127.32.0.0]"),
			denied("six", "udp6", "[2001:db8:5::]"), denied("six", "udp6", "[2001:db8:5:ffff:ffff:ffff:ffff:ffff]"),
			other("udp6", "[2001:db8:4:ffff:ffff:ffff:ffff:ffff]"), other("udp6", "[2001:db8:6::]"),
			denied("seven", "tcp6", "[::1]"), other("tcp6", "[::2]"),
			denied("odd", "udp4", "127.128.0.0"), denied("odd", "udp4", "127.128.0.1"), other("udp4", "127.127.255.255"), other("udp4", "127.128.0.2"),
			denied("odd", "udp6", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]"), other("udp6", "[2001:db8:ffff:ffff:ffff:ffff:ffff:fffd]"),
		)
	})
	t.Run("all of IPv4", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: all, subject: all, connect: {to: 0.0.0.0/0}, action: deny}
`, denied("all", "tcp4", "127.0.0.1"), denied("all", "tcp6", "[::ffff:127.0.0.1]"), denied("all", "udp4", "255.255.255.255"), other("tcp6", "[::1]"))
	})
	t.Run("all of IPv6", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: all, subject: all, connect: {to: "::/0"}, action: deny}
`, denied("all", "tcp6", "[::1]"), denied("all", "udp6", "[fe80::1]"), other("tcp4", "127.0.0.1"), other("tcp6", "[::ffff:127.0.0.1]"))
	})
	t.Run("one in another", func(t *testing.T) {
		// A deny rule wins, however narrow the one that allows.
		(&fence{f.Manager, t}).trials(`
defaults: {all: {connect: deny}}
rules:
  - {id: wide, subject: all, connect: {to: 127.0.0.0/8, proto: udp}, action: allow}
  - {id: narrow, subject: all, connect: {to: 127.5.0.0/16}, action: deny}
  - {id: host, subject: all, connect: {to: 127.5.5.5}, action: allow}
`,
			denied("narrow", "udp4", "127.5.5.5"), denied("narrow", "udp4", "127.5.0.0"), other("udp4", "127.6.0.0"), other("udp4", "127.4.255.255"),
			denied("default", "tcp4", "127.6.0.0"), denied("default", "udp6", "[::1]"), denied("default", "udp4", "126.255.255.255"),
		)
	})
	t.Run("this host", func(t *testing.T) {
		// No address is the one that the socket is bound to, or loopback.
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: four, subject: all, connect: {to: [127.0.0.1, 127.9.9.9]}, action: deny}
  - {id: six, subject: all, connect: {to: "::1"}, action: deny}
`,
			trial{do: "connect tcp4 0.0.0.0:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect four 127.0.0.1:7"}},
			trial{do: "sendto udp4 0.0.0.0:7", denied: "sendto: EPERM", happens: "sendto: ok", alerts: []string{"socket_sendmsg four 127.0.0.1:7"}},
			trial{do: "connect tcp6 [::]:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect six [::1]:7"}},
			trial{do: "sendto udp6 [::]:7", denied: "sendto: EPERM", happens: "sendto: ok", alerts: []string{"socket_sendmsg six [::1]:7"}},
			trial{do: "connect tcp6 [::ffff:0.0.0.0]:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect four [::ffff:127.0.0.1]:7"}},
			trial{do: "connect-fastopen 0.0.0.0:7", denied: "connect-fastopen: EPERM", happens: "connect-fastopen: ok refused", alerts: []string{"socket_sendmsg four 127.0.0.1:7"}},
			trial{do: "connect-bound tcp4 127.9.9.9:0 0.0.0.0:7", denied: "connect-bound: EPERM", happens: "connect-bound: ok refused", alerts: []string{"socket_connect four 127.9.9.9:7"}},
			trial{do: "connect-bound tcp6 [::ffff:127.8.8.8]:0 [::]:7", denied: "connect-bound: EPERM", happens: "connect-bound: ok refused", alerts: []string{"socket_connect four [::ffff:127.0.0.1]:7"}},
			trial{do: "sendto-bound udp6 [::ffff:127.8.8.8]:0 [::]:7", denied: "sendto-bound: EPERM", happens: "sendto-bound: ok", alerts: []string{"socket_sendmsg four [::ffff:127.0.0.1]:7"}},
			trial{do: "sendmsg-from 127.9.9.9 0.0.0.0:7", denied: "sendmsg-from: EPERM", happens: "sendmsg-from: ok", alerts: []string{"socket_sendmsg four 127.0.0.1:7"}},
			trial{do: "connect-bound tcp4 127.8.8.8:0 0.0.0.0:7", happens: "connect-bound: ok refused"},
			trial{do: "connect tcp4 127.8.8.8:7", happens: "connect: ok refused"},
		)
	})
	t.Run("source", func(t *testing.T) {
		// Control messages say which address it is that no address stands for.
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: nine, subject: all, connect: {to: 127.9.9.9}, action: deny}
`,
			trial{do: "sendmsg-from 127.9.9.9 0.0.0.0:7", denied: "sendmsg-from: EPERM", happens: "sendmsg-from: ok", alerts: []string{"socket_sendmsg unresolved 127.0.0.1:7"}},
			trial{do: "sendmsg-from 127.9.9.9 127.0.0.1:7", happens: "sendmsg-from: ok"},
			trial{do: "sendto udp4 0.0.0.0:7", happens: "sendto: ok"},
		)
	})
}

// TestConnectPort: ports, ranges, lists, protocols, and addresses with them.
//
//vmrun:kernels 5.10 6.12
func TestConnectPort(t *testing.T) {
	denied := func(rule, proto, addr string) trial {
		return trial{do: "connect " + proto + " " + addr, denied: "connect: EPERM", happens: "connect: *", alerts: []string{"socket_connect " + rule + " " + addr}}
	}
	other := func(proto, addr string) trial {
		return trial{do: "connect " + proto + " " + addr, happens: "connect: *"}
	}
	start(t).trials(`
rules:
  - {id: one, subject: all, connect: {ports: 25}, action: deny}
  - {id: list, subject: all, connect: {ports: [110, 8000-8099, 143]}, action: deny}
  - {id: tcp, subject: all, connect: {ports: 1-3, proto: tcp}, action: deny}
  - {id: udp, subject: all, connect: {ports: 3-5, proto: udp}, action: deny}
  - {id: other, subject: all, connect: {to: 127.3.3.3, proto: other}, action: deny}
  - {id: last, subject: all, connect: {ports: 65535}, action: deny}
  - {id: pair, subject: all, connect: {to: [127.7.0.0/16, "::1"], ports: [443, 25]}, action: deny}
`,
		denied("one", "tcp4", "127.0.0.1:25"), denied("one", "tcp6", "[::ffff:127.0.0.1]:25"), denied("one", "udp4", "127.0.0.1:25"),
		other("tcp4", "127.0.0.1:24"), other("tcp4", "127.0.0.1:26"),
		denied("list", "tcp4", "127.0.0.1:110"), denied("list", "tcp6", "[::1]:143"), denied("list", "udp4", "127.0.0.1:8000"), denied("list", "tcp4", "127.0.0.1:8099"),
		other("tcp4", "127.0.0.1:7999"), other("tcp4", "127.0.0.1:8100"),
		denied("tcp", "tcp4", "127.0.0.1:1"), denied("tcp", "tcp4", "127.0.0.1:3"), other("udp4", "127.0.0.1:2"), other("tcp4", "127.0.0.1:4"),
		denied("udp", "udp4", "127.0.0.1:3"), denied("udp", "udp6", "[::1]:5"), other("tcp4", "127.0.0.1:5"), other("sctp", "127.0.0.1:3"),
		denied("other", "sctp", "127.3.3.3:9"), other("tcp4", "127.3.3.3:9"), other("udp4", "127.3.3.3:9"),
		denied("last", "tcp4", "127.0.0.1:65535"), other("tcp4", "127.0.0.1:65534"), other("udp4", "127.0.0.1:0"),
		denied("pair", "tcp4", "127.7.1.1:443"), denied("pair", "tcp6", "[::1]:443"), denied("*", "tcp4", "127.7.1.1:25"),
		other("tcp4", "127.8.1.1:443"), other("tcp4", "127.7.1.1:444"), other("tcp4", "127.0.0.1:443"),
	)
}

// TestConnectSubject: one program, and not another.
//
//vmrun:kernels 6.1
func TestConnectSubject(t *testing.T) {
	one := program(t, t.TempDir()+"/one")
	f := start(t)
	policy := `
subjects: {one: {exe: ` + one + `}}
rules:
  - {id: one, subject: one, connect: {to: 127.1.2.3}, action: deny}
`
	denied := trial{do: "connect tcp4 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect one 127.1.2.3:7"}}
	t.Run("one", func(t *testing.T) {
		(&fence{f.Manager, t}).trialsAs(one, policy, denied, trial{do: "connect tcp4 127.1.2.4:7", happens: "connect: ok refused"},
			trial{do: "connect-uring tcp4 127.1.2.3:7", denied: "connect-uring: EPERM", happens: "connect-uring: ok refused", alerts: []string{"socket_connect one 127.1.2.3:7"}, twice: []string{"5.10"}})
	})
	t.Run("other", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(policy, trial{do: "connect tcp4 127.1.2.3:7", happens: "connect: ok refused"},
			// What one executes is somebody else.
			trial{do: "exec-then " + one + " connect tcp4 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: denied.alerts})
	})
}

// TestConnectUnix: sockets with a name in the file system, and without.
//
//vmrun:kernels 5.10 6.12
func TestConnectUnix(t *testing.T) {
	dir := t.TempDir()
	denied, other := dir+"/denied", dir+"/other"
	qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/tree", 0o755)))
	qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/empty", 0o755)))
	for _, path := range []string{denied, other, dir + "/tree/s", dir + "/renamed"} {
		listenUnix(t, unix.SOCK_STREAM, path)
	}
	listenUnix(t, unix.SOCK_SEQPACKET, dir+"/tree/packets")
	for _, name := range []string{"@guard-denied", "@guard-other", "@guard-denied-not"} {
		listenUnix(t, unix.SOCK_STREAM, name)
		listenUnix(t, unix.SOCK_DGRAM, name+".dgram")
	}
	listenUnix(t, unix.SOCK_DGRAM, dir+"/tree/dgram")
	listenUnix(t, unix.SOCK_DGRAM, dir+"/dgram")
	listenUnix(t, unix.SOCK_STREAM, dir+"/named")
	qt.Assert(t, qt.IsNil(os.Symlink(denied, dir+"/symlink")))
	qt.Assert(t, qt.IsNil(os.Link(denied, dir+"/hardlink")))
	f := start(t)
	stream := func(rule, path, object string) trial {
		return trial{do: "connect-unix " + path, denied: "connect-unix: EPERM", happens: "connect-unix: ok", alerts: []string{"unix_stream_connect " + rule + " " + object}}
	}
	t.Run("paths", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: file, subject: all, connect: {unix: `+denied+`}, action: deny}
  - {id: tree, subject: all, connect: {unix: "`+dir+`/tree/**"}, action: deny}
  - {id: name, subject: all, connect: {unix: "**/named"}, action: deny}
`,
			stream("file", denied, denied), stream("file", dir+"/symlink", denied), stream("file", dir+"/hardlink", denied), stream("file", "/proc/self/root"+denied, denied),
			stream("file", dir+"/tree/../denied", denied),
			trial{do: "mountns mount-bind " + dir + " " + dir + "/empty -- connect-unix " + dir + "/empty/denied", denied: "mount-bind: ok\nconnect-unix: EPERM",
				happens: "mount-bind: ok\nconnect-unix: ok", alerts: []string{"unix_stream_connect file *"}},
			stream("tree", dir+"/tree/s", dir+"/tree/s"), stream("name", dir+"/named", dir+"/named"),
			trial{do: "connect-unix " + dir + "/tree/packets seqpacket", denied: "connect-unix: EPERM", happens: "connect-unix: ok", alerts: []string{"unix_stream_connect tree " + dir + "/tree/packets"}},
			trial{do: "connect-unix " + dir + "/tree/dgram dgram", denied: "connect-unix: EPERM", happens: "connect-unix: ok", alerts: []string{"unix_may_send tree " + dir + "/tree/dgram"}},
			trial{do: "sendto-unix " + dir + "/tree/dgram", denied: "sendto-unix: EPERM", happens: "sendto-unix: ok", alerts: []string{"unix_may_send tree " + dir + "/tree/dgram"}},
			trial{do: "sendmsg-unix " + dir + "/tree/dgram", denied: "sendmsg-unix: EPERM", happens: "sendmsg-unix: ok", alerts: []string{"unix_may_send tree " + dir + "/tree/dgram"}},
			trial{do: "rename " + dir + "/renamed " + dir + "/tree/renamed -- connect-unix " + dir + "/tree/renamed -- rename " + dir + "/tree/renamed " + dir + "/renamed",
				denied: "rename: ok\nconnect-unix: EPERM\nrename: ok", happens: "rename: ok\nconnect-unix: ok\nrename: ok", alerts: []string{"unix_stream_connect tree " + dir + "/tree/renamed"}},
			trial{do: "connect-unix " + other, happens: "connect-unix: ok"},
			trial{do: "connect-unix @guard-other", happens: "connect-unix: ok"},
			trial{do: "sendto-unix " + dir + "/dgram", happens: "sendto-unix: ok"},
			trial{do: "connect tcp4 127.0.0.1:7", happens: "connect: ok refused"},
		)
	})
	t.Run("abstract", func(t *testing.T) {
		// A rule about the last part of a path makes the programs look at names, too.
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: name, subject: all, connect: {unix: ["@guard-denied", "@guard-denied.dgram", "@other"]}, action: deny}
  - {id: file, subject: all, connect: {unix: "**/guard-other"}, action: deny}
`,
			stream("name", "@guard-denied", "@guard-denied"),
			trial{do: "sendto-unix @guard-denied.dgram", denied: "sendto-unix: EPERM", happens: "sendto-unix: ok", alerts: []string{"unix_may_send name @guard-denied.dgram"}},
			trial{do: "connect-unix @guard-denied.dgram dgram", denied: "connect-unix: EPERM", happens: "connect-unix: ok", alerts: []string{"unix_may_send name @guard-denied.dgram"}},
			trial{do: "connect-unix @guard-other", happens: "connect-unix: ok"},
			trial{do: "connect-unix @guard-denied-not", happens: "connect-unix: ok"},
			trial{do: "connect-unix " + other, happens: "connect-unix: ok"},
		)
	})
	t.Run("all abstract", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: any, subject: all, connect: {unix: "@**"}, action: deny}
`,
			stream("any", "@guard-denied", "@guard-denied"), stream("any", "@guard-other", "@guard-other"),
			trial{do: "connect-unix " + other, happens: "connect-unix: ok"},
		)
	})
	t.Run("all", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: any, subject: all, connect: {}, action: deny}
`,
			stream("any", "@guard-denied", "@guard-denied"), stream("any", other, other),
			trial{do: "connect tcp4 127.0.0.1:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect any 127.0.0.1:7"}},
			trial{do: "listen tcp4 127.0.0.1:2222", happens: "listen: ok 2222"},
			trial{do: "connect-unix " + dir + "/none", happens: "connect-unix: ENOENT"},
		)
	})
	t.Run("allowed", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
defaults: {all: {connect: deny}}
rules:
  - {id: good, subject: all, connect: {unix: ["`+other+`", "@guard-other"]}, action: allow}
`,
			trial{do: "connect-unix " + other, happens: "connect-unix: ok"},
			trial{do: "connect-unix @guard-other", happens: "connect-unix: ok"},
			stream("default", denied, denied), stream("default", "@guard-denied", "@guard-denied"),
		)
	})
}

// TestConnectPassed documents that a socket that somebody else has connected goes on to
// be one where it arrives: no hook is about what it is connected to.
func TestConnectPassed(t *testing.T) {
	two := program(t, t.TempDir()+"/two")
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	qt.Assert(t, qt.IsNil(err))
	defer unix.Close(listener)
	qt.Assert(t, qt.IsNil(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 1, 2, 3}, Port: 4007})))
	qt.Assert(t, qt.IsNil(unix.Listen(listener, 4)))
	f := start(t, enforce(`
subjects: {two: {exe: `+two+`}}
rules:
  - {id: host, subject: two, connect: {to: 127.1.2.3}, action: deny}
`))
	qt.Check(t, qt.Equals(doAs(t, two, "connect", "tcp4", "127.1.2.3:4007"), "connect: EPERM"))
	qt.Check(t, qt.Equals(about(f.alert()), "socket_connect host 127.1.2.3:4007"))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	qt.Assert(t, qt.IsNil(err))
	for i, line := range []string{"guard-workload send-socket tcp4 127.1.2.3:4007", two + " recv-fd write"} {
		end := os.NewFile(uintptr(pair[i]), "pair")
		defer end.Close()
		args := strings.Fields(line)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.ExtraFiles = []*os.File{end}
		stdout, stderr, _ := kerneltest.Output(t, cmd)
		qt.Check(t, qt.Equals(stdout, []string{"send-socket: ok\n", "recv-fd: ok 9\n"}[i]), qt.Commentf("%s", stderr))
	}
	f.silent()
}
