package preflight

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Capability is a Linux capability by number, as in capabilities(7).
type Capability int

// Capabilities that the project's own commands need, or reason about.
const (
	DacOverride       Capability = unix.CAP_DAC_OVERRIDE
	DacReadSearch     Capability = unix.CAP_DAC_READ_SEARCH
	Kill              Capability = unix.CAP_KILL
	Setgid            Capability = unix.CAP_SETGID
	Setuid            Capability = unix.CAP_SETUID
	Setpcap           Capability = unix.CAP_SETPCAP
	NetAdmin          Capability = unix.CAP_NET_ADMIN
	SysPtrace         Capability = unix.CAP_SYS_PTRACE
	SysAdmin          Capability = unix.CAP_SYS_ADMIN
	SysResource       Capability = unix.CAP_SYS_RESOURCE
	Syslog            Capability = unix.CAP_SYSLOG
	Perfmon           Capability = unix.CAP_PERFMON            // 5.8
	BPF               Capability = unix.CAP_BPF                // 5.8
	CheckpointRestore Capability = unix.CAP_CHECKPOINT_RESTORE // 5.9
)

// names by number, from include/uapi/linux/capability.h.
var names = []string{
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
}

// String returns the name, such as CAP_CHOWN, or CAP_63 for one without.
func (c Capability) String() string {
	if c.Known() {
		return names[c]
	}
	return fmt.Sprintf("CAP_%d", int(c))
}

// Known reports whether the capability has a name.
func (c Capability) Known() bool { return c >= 0 && int(c) < len(names) }

// ParseCapability reads a name, with or without CAP_ and in any case, or a
// number from 0 to 63.
func ParseCapability(s string) (Capability, error) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil && n < 64 {
		return Capability(n), nil
	}
	name := "CAP_" + strings.TrimPrefix(strings.ToUpper(s), "CAP_")
	if i := slices.Index(names, name); i >= 0 {
		return Capability(i), nil
	}
	return 0, fmt.Errorf("unknown capability %q: want a name such as CAP_NET_RAW or net_raw, or a number from 0 to 63", s)
}
