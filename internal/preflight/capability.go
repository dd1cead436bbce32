package preflight

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Need is a capability and what a command needs it for.
type Need struct {
	Cap     Capability
	Why     string // completes "to …"
	Running bool   // needed until the end, not only to begin
}

// Set is a set of capabilities.
type Set uint64

// Has reports whether c is in the set.
func (s Set) Has(c Capability) bool { return s&(1<<uint(c)) != 0 }

// With returns the set with c added.
func (s Set) With(c Capability) Set { return s | 1<<uint(c) }

// Without returns the set with c removed.
func (s Set) Without(c Capability) Set { return s &^ (1 << uint(c)) }

// Names lists the names of the set's capabilities, in the order of their numbers.
func (s Set) Names() []string {
	out := []string{}
	for c := Capability(0); c < 64; c++ {
		if s.Has(c) {
			out = append(out, c.String())
		}
	}
	return out
}

// grants reports whether s satisfies c: CAP_SYS_ADMIN stands for the two
// capabilities that were split from it in 5.8.
func (s Set) grants(c Capability) bool {
	if s.Has(c) {
		return true
	}
	return (c == BPF || c == Perfmon) && s.Has(SysAdmin)
}

// Effective returns the effective set of this process.
func Effective() (Set, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, fmt.Errorf("read own capabilities: %w", err)
	}
	return Set(uint64(data[0].Effective) | uint64(data[1].Effective)<<32), nil
}

// lastCapability is the highest number that the running kernel knows.
func lastCapability() Capability {
	b, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return BPF // as good a guess as any supported kernel allows
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return BPF
	}
	return Capability(n)
}

// Permitted lists the capabilities that this process may give to another.
func Permitted() ([]uintptr, error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return nil, fmt.Errorf("read own capabilities: %w", err)
	}
	set := Set(uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32)
	var all []uintptr
	for c := Capability(0); c < 64; c++ {
		if set.Has(c) {
			all = append(all, uintptr(c))
		}
	}
	return all, nil
}

// onThisKernel replaces the capabilities that the kernel does not know (5.8
// split CAP_BPF and CAP_PERFMON from CAP_SYS_ADMIN) and merges duplicates.
func onThisKernel(needs []Need, last Capability) []Need {
	var out []Need
	seen := Set(0)
	for _, n := range needs {
		if n.Cap > last {
			n.Cap = SysAdmin
		}
		if !seen.Has(n.Cap) {
			seen = seen.With(n.Cap)
			out = append(out, n)
		}
	}
	return out
}

// initUserNamespace is the inode of /proc/self/ns/user in the initial user
// namespace (PROC_USER_INIT_INO in include/linux/proc_ns.h).
const initUserNamespace = 0xEFFFFFFD

// Capabilities checks the effective set against needs and returns a
// [*MissingCapability] that names everything that is missing.
func Capabilities(command string, needs []Need) error {
	have, where, err := counted()
	if err != nil {
		return err
	}
	return checkCapabilities(command, onThisKernel(needs, lastCapability()), have, where)
}

// counted returns the effective set as far as it counts for BPF, and why it
// does not.
func counted() (have Set, where string, err error) {
	if have, err = Effective(); err != nil {
		return 0, "", err
	}
	if ino, err := namespaceInode("user"); err == nil && ino != initUserNamespace {
		return 0, "capabilities of a user namespace do not count for BPF", nil
	}
	return have, "", nil
}

func checkCapabilities(command string, needs []Need, have Set, where string) error {
	e := &MissingCapability{Command: command, Set: needs, Where: where}
	for _, n := range needs {
		if !have.grants(n.Cap) {
			e.Missing = append(e.Missing, n)
		}
	}
	if len(e.Missing) == 0 {
		return nil
	}
	return e
}

func namespaceInode(kind string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/"+kind, &st); err != nil {
		return 0, fmt.Errorf("inspect %s namespace: %w", kind, err)
	}
	return st.Ino, nil
}

// initPIDNamespace is PROC_PID_INIT_INO.
const initPIDNamespace = 0xEFFFFFFC

// InInitPIDNamespace reports whether process ids mean the same to us and to
// the kernel. It is true where it cannot be told.
func InInitPIDNamespace() bool {
	ino, err := namespaceInode("pid")
	return err != nil || ino == initPIDNamespace
}

func executable(command string) string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return command
}

// HeldNeed is a need as it stands on this kernel, and whether it is satisfied.
type HeldNeed struct {
	Need
	Have bool
}

// Status returns needs as they stand on this kernel.
func Status(needs []Need) []HeldNeed {
	have, _, _ := counted() // nothing is held where it cannot be told
	return status(onThisKernel(needs, lastCapability()), have)
}

func status(needs []Need, have Set) []HeldNeed {
	var out []HeldNeed
	for _, n := range needs {
		out = append(out, HeldNeed{n, have.grants(n.Cap)})
	}
	return out
}
