//go:build kernel

package engine

import "testing"

// TestSocket: families and types, and sockets that address and port mean nothing to.
func TestSocket(t *testing.T) {
	f := start(t)
	t.Run("families", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: packet, subject: all, socket: {families: packet}, action: deny}
  - {id: raw, subject: all, socket: {families: [inet, inet6], types: raw}, action: deny}
  - {id: some, subject: all, socket: {families: [vsock, alg, 45]}, action: deny}
  - {id: netlink, subject: all, socket: {families: netlink, types: raw}, action: deny}
`,
			trial{do: "socket packet raw 768", denied: "socket: EPERM", happens: "socket: *", alerts: []string{"socket_create packet 17 3"}},
			trial{do: "socket packet dgram", denied: "socket: EPERM", happens: "socket: *", alerts: []string{"socket_create packet 17 2"}},
			// The kernel takes SOCK_PACKET of IPv4 for a packet socket.
			trial{do: "socket inet 10 768", denied: "socket: EPERM", happens: "socket: *", alerts: []string{"socket_create packet 17 10"}},
			trial{do: "packet-send", denied: "packet-send: EPERM socket", happens: "packet-send: *", alerts: []string{"socket_create packet 17 2"}},
			trial{do: "socket inet raw 1", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create raw 2 3"}},
			trial{do: "socket inet6 raw 58", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create raw 10 3"}},
			trial{do: "raw-send 127.0.0.1", denied: "raw-send: EPERM socket", happens: "raw-send: ok", alerts: []string{"socket_create raw 2 3"}},
			trial{do: "raw-send ::1 unspec", denied: "raw-send: EPERM socket", happens: "raw-send: ok", alerts: []string{"socket_create raw 10 3"}},
			trial{do: "socket vsock stream", denied: "socket: EPERM", happens: "socket: *", alerts: []string{"socket_create some 40 1"}},
			trial{do: "socket alg seqpacket", denied: "socket: EPERM", happens: "socket: *", alerts: []string{"socket_create some 38 5"}},
			trial{do: "socket 45 dgram", denied: "socket: EPERM", happens: "socket: *", alerts: []string{"socket_create some 45 2"}, before: []string{"5.10"}, says: "socket: EAFNOSUPPORT"},
			trial{do: "socket netlink raw", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create netlink 16 3"}},
			trial{do: "socket-uring packet raw", denied: "socket-uring: EPERM", happens: "socket-uring: *", alerts: []string{"socket_create packet 17 3"}, before: []string{"5.10"}, says: "socket-uring: EINVAL"},
			trial{do: "socket-uring inet raw 1", denied: "socket-uring: EPERM", happens: "socket-uring: ok", alerts: []string{"socket_create raw 2 3"}, before: []string{"5.10"}, says: "socket-uring: EINVAL"},
			trial{do: "userns-root netns socket packet raw", denied: "userns-root: ok\nsocket: EPERM", happens: "userns-root: ok\nsocket: *", alerts: []string{"socket_create packet 17 3"}},
			trial{do: "socket netlink dgram -- socket inet stream -- socket inet6 dgram -- socket unix seqpacket", happens: "socket: ok\nsocket: ok\nsocket: ok\nsocket: ok"},
			trial{do: "socket-uring inet stream", happens: "socket-uring: ok", before: []string{"5.10"}, says: "socket-uring: EINVAL"},
			trial{do: "connect tcp4 127.0.0.1:7 -- bind udp6 [::1]:2222", happens: "connect: ok refused\nbind: ok"},
		)
	})
	t.Run("allowed", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
defaults: {all: {socket: deny}}
rules:
  - {id: inet, subject: all, socket: {families: [inet, inet6], types: [stream, dgram]}, action: allow}
`,
			trial{do: "socket inet stream -- socket inet6 dgram", happens: "socket: ok\nsocket: ok"},
			trial{do: "socket unix stream", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create default 1 1"}},
			trial{do: "socket inet raw 1", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create default 2 3"}},
			trial{do: "socket netlink raw", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create default 16 3"}},
		)
	})
	t.Run("any", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: none, subject: all, socket: {}, action: deny}
`,
			trial{do: "socket inet stream", denied: "socket: EPERM", happens: "socket: ok", alerts: []string{"socket_create none 2 1"}},
			trial{do: "stat /proc/self/status", happens: "stat: ok *"},
		)
	})
}
