//go:build kernel

package engine

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestSMC: a family of its own that speaks TCP. It is a module, which not every kernel
// of the matrix has: vmrun test -modules overlay,smc.
func TestSMC(t *testing.T) {
	fd, err := unix.Socket(unix.AF_SMC, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Skip("the module smc is not loaded")
	}
	unix.Close(fd)
	start(t).trials(`
rules:
  - {id: host, subject: all, connect: {to: 127.1.2.3, proto: tcp}, action: deny}
  - {id: ssh, subject: all, bind: {ports: 22, proto: tcp}, action: deny}
`,
		trial{do: "connect smc 127.1.2.3:7", denied: "connect: EPERM", happens: "connect: ok refused", alerts: []string{"socket_connect host 127.1.2.3:7"}},
		trial{do: "connect smc6 [::ffff:127.1.2.3]:7", denied: "connect: EPERM", happens: "connect: *", alerts: []string{"socket_connect host [::ffff:127.1.2.3]:7"}},
		trial{do: "bind smc 127.0.0.1:22", denied: "bind: EPERM", happens: "bind: ok", alerts: []string{"socket_bind ssh 127.0.0.1:22"}},
		trial{do: "bind smc6 [::]:22", denied: "bind: EPERM", happens: "bind: ok", alerts: []string{"socket_bind ssh [::]:22"}},
		trial{do: "listen smc 127.0.0.1:2222", happens: "listen: ok 2222"},
		trial{do: "connect smc 127.0.0.1:7", happens: "connect: ok refused"},
	)
}
