package main

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Who we are is changed by raw calls, in the calling thread: those of package
// syscall make one in every thread.
var identityOps = map[string]operation{
	"id":        id,
	"setuid":    only(setIDs(sysSetuid, 0)),
	"seteuid":   only(setIDs(sysSetresuid, 1)),
	"setreuid":  only(setIDs(sysSetreuid, 0)),
	"setresuid": only(setIDs(sysSetresuid, 0)),
	"setfsuid":  setfsID(sysSetfsuid),
	"setgid":    only(setIDs(sysSetgid, 0)),
	"setegid":   only(setIDs(sysSetresgid, 1)),
	"setregid":  only(setIDs(sysSetregid, 0)),
	"setresgid": only(setIDs(sysSetresgid, 0)),
	"setfsgid":  setfsID(sysSetfsgid),
	"setgroups": only(func(c *call) error { return setGroups(c.args) }),
	"capset":    only(capset),
	"setcap":    only(setcap),
}

var identityPrefixes = map[string]prefix{
	"as":           as,
	"no-new-privs": noNewPrivs,
	"userns":       userns,
	"userns-root":  usernsRoot,
}

const (
	nobody = "65534:65534"
	keep   = ^uintptr(0) // no change, in the place of an id
)

// setIDs passes all arguments as ids, from that place on, and keep for others.
func setIDs(trap uintptr, place int) func(c *call) error {
	return func(c *call) error {
		args := [3]uintptr{keep, keep, keep}
		for i, a := range c.args {
			args[place+i] = uintptr(number(a))
		}
		_, _, errno := unix.RawSyscall(trap, args[0], args[1], args[2])
		return failure(errno)
	}
}

// setfsID tells the id after the call, which knows no error.
func setfsID(trap uintptr) operation {
	return func(c *call) (string, error) {
		unix.RawSyscall(trap, uintptr(number(c.args[0])), 0, 0)
		now, _, _ := unix.RawSyscall(trap, keep, 0, 0)
		return fmt.Sprint(uint32(now)), nil
	}
}

func setGroups(list []string) error {
	var groups []uint32
	for _, g := range list {
		groups = append(groups, uint32(number(g)))
	}
	_, _, errno := unix.RawSyscall(sysSetgroups, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
	runtime.KeepAlive(groups)
	return failure(errno)
}

func id(*call) (string, error) {
	fsuid, _, _ := unix.RawSyscall(sysSetfsuid, keep, 0, 0)
	return fmt.Sprintf("uid=%d euid=%d gid=%d egid=%d fsuid=%d", unix.Getuid(), unix.Geteuid(), unix.Getgid(), unix.Getegid(), uint32(fsuid)), nil
}

// become changes this thread for good into a user without capabilities.
func become(who string) error {
	uid, gid := ids(who)
	if err := setGroups(nil); err != nil {
		return at("setgroups", err)
	}
	if _, _, errno := unix.RawSyscall(sysSetresgid, uintptr(gid), uintptr(gid), uintptr(gid)); errno != 0 {
		return at("setresgid", errno)
	}
	if _, _, errno := unix.RawSyscall(sysSetresuid, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return errno
	}
	// Else /proc/self would belong to root from now on.
	return at("dumpable", unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
}

func as(c *call, rest func()) error {
	if err := become(c.args[0]); err != nil {
		return err
	}
	inherited = append(inherited, func() error { return become(c.args[0]) })
	rest()
	return nil
}

func noNewPrivs(c *call, rest func()) error {
	set := func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
	if err := set(); err != nil {
		return err
	}
	inherited = append(inherited, set)
	rest()
	return nil
}

// userns takes a child, because a process with threads is refused.
func userns(c *call, rest func()) error {
	_, err := inChild(c, func() (string, error) {
		if err := unix.Unshare(unix.CLONE_NEWUSER); err != nil {
			return "", err
		}
		tell(c.name, "", nil)
		rest()
		return "", errTold
	})
	if err == errTold {
		return nil
	}
	return err
}

func usernsRoot(c *call, rest func()) error {
	_, err := inChild(c, func() (string, error) {
		if err := becomeRootInside(c.arg(0, nobody), 0); err != nil {
			return "", err
		}
		tell(c.name, "", nil)
		rest()
		return "", errTold
	})
	if err == errTold {
		return nil
	}
	return err
}

// becomeRootInside becomes an ordinary user and then root of a user namespace
// of its own, with other namespaces. It is for children.
func becomeRootInside(who string, namespaces int) error {
	if err := become(who); err != nil {
		return at("as", err)
	}
	uid, gid := ids(who)
	if err := unix.Unshare(unix.CLONE_NEWUSER | namespaces); err != nil {
		return at("unshare", err)
	}
	for _, f := range [][2]string{
		{"setgroups", "deny"},
		{"uid_map", fmt.Sprintf("0 %d 1", uid)},
		{"gid_map", fmt.Sprintf("0 %d 1", gid)},
	} {
		fd, err := open("/proc/self/"+f[0], unix.O_WRONLY)
		if err != nil {
			return at(f[0], err)
		}
		_, err = unix.Write(fd, []byte(f[1]))
		unix.Close(fd)
		if err != nil {
			return at(f[0], err)
		}
	}
	if _, _, errno := unix.RawSyscall(sysSetresgid, 0, 0, 0); errno != 0 {
		return at("setresgid", errno)
	}
	_, _, errno := unix.RawSyscall(sysSetuid, 0, 0, 0)
	return at("setuid", failure(errno))
}

// Names of capabilities by number (linux/capability.h).
var capabilities = strings.Fields(`chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
	linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio
	sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
	audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon
	bpf checkpoint_restore`)

func capability(name string) int {
	bit := slices.Index(capabilities, strings.TrimPrefix(strings.ToLower(name), "cap_"))
	if bit < 0 {
		wrong("no capability %q", name)
	}
	return bit
}

// setcap gives a file a capability, in the permitted and the effective set.
func setcap(c *call) error {
	const revision2, effective = 0x02000000, 1 // linux/capability.h
	var sets [2]uint32
	bit := capability(c.args[1])
	sets[bit/32] = 1 << (bit % 32)
	var data []byte
	for _, w := range []uint32{revision2 | effective, sets[0], 0, sets[1], 0} {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	return unix.Setxattr(c.args[0], "security.capability", data, 0)
}

// capset raises (+) or lowers (-) one effective capability.
func capset(c *call) error {
	how := c.args[0]
	if how[0] != '+' && how[0] != '-' {
		wrong("capset wants +net_admin or the like")
	}
	bit := capability(how[1:])
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return at("capget", err)
	}
	if how[0] == '+' {
		sets[bit/32].Effective |= 1 << (bit % 32)
	} else {
		sets[bit/32].Effective &^= 1 << (bit % 32)
	}
	return unix.Capset(&header, &sets[0])
}
