//go:build kernel

package vm

import (
	"bytes"
	"net"
	"os"
	"os/user"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// The tests below run inside the guest and ask whether it is what the other
// packages' kernel tests take for granted.

func TestGuestKernel(t *testing.T) {
	name := os.Getenv("RINGSIDE_KERNEL")
	kernels, err := Lookup(name)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(kernels, 1))
	var uts unix.Utsname
	qt.Assert(t, qt.IsNil(unix.Uname(&uts)))
	release := unix.ByteSliceToString(uts.Release[:])
	t.Logf("%s is %s on %s", name, release, unix.ByteSliceToString(uts.Machine[:]))
	if series := kernels[0].Series; series != "" {
		qt.Assert(t, qt.IsTrue(strings.HasPrefix(release, series+".")), qt.Commentf("%s", release))
	}
	qt.Assert(t, qt.Equals(unix.ByteSliceToString(uts.Nodename[:]), "ringside"))
}

func TestGuestMounts(t *testing.T) {
	for dir, magic := range map[string]int64{
		"/proc":                unix.PROC_SUPER_MAGIC,
		"/sys":                 unix.SYSFS_MAGIC,
		"/dev":                 unix.TMPFS_MAGIC,
		"/dev/pts":             unix.DEVPTS_SUPER_MAGIC,
		"/tmp":                 unix.TMPFS_MAGIC,
		"/run":                 unix.TMPFS_MAGIC,
		"/sys/kernel/security": unix.SECURITYFS_MAGIC,
		"/sys/kernel/debug":    unix.DEBUGFS_MAGIC,
		"/sys/kernel/tracing":  unix.TRACEFS_MAGIC,
		"/sys/fs/bpf":          unix.BPF_FS_MAGIC,
		"/sys/fs/cgroup":       unix.CGROUP2_SUPER_MAGIC,
	} {
		var st unix.Statfs_t
		qt.Check(t, qt.IsNil(unix.Statfs(dir, &st)), qt.Commentf("%s", dir))
		qt.Check(t, qt.Equals(int64(st.Type), magic), qt.Commentf("%s", dir))
	}
}

func TestGuestBPF(t *testing.T) {
	lsm, err := os.ReadFile("/sys/kernel/security/lsm")
	qt.Assert(t, qt.IsNil(err))
	t.Logf("LSMs: %s", lsm)
	qt.Assert(t, qt.SliceContains(strings.Split(string(lsm), ","), "bpf"))

	btf, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsTrue(bytes.HasPrefix(btf, []byte{0x9f, 0xeb})), qt.Commentf("BTF magic"))
}

func TestGuestLoopback(t *testing.T) {
	for network, addr := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		l, err := net.Listen(network, addr)
		qt.Assert(t, qt.IsNil(err))
		defer l.Close()
		c, err := net.Dial(network, l.Addr().String())
		qt.Assert(t, qt.IsNil(err))
		c.Close()
	}
}

func TestGuestUsers(t *testing.T) {
	for name, uid := range map[string]string{"root": "0", "ringside": "1000", "nobody": "65534"} {
		u, err := user.Lookup(name)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.Equals(u.Uid, uid))
	}
	info, err := os.Stat("/home/ringside")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(info.Sys().(*syscall.Stat_t).Uid, 1000))
}

func TestGuestOverlay(t *testing.T) {
	base := t.TempDir()
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(base+"/"+d, 0o755)))
	}
	qt.Assert(t, qt.IsNil(os.WriteFile(base+"/lower/f", []byte("23"), 0o644)))
	opts := "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work"
	qt.Assert(t, qt.IsNil(unix.Mount("overlay", base+"/merged", "overlay", 0, opts)))
	defer unix.Unmount(base+"/merged", 0)
	got, err := os.ReadFile(base + "/merged/f")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(string(got), "23"))
}

func TestGuestApplets(t *testing.T) {
	for _, p := range []string{"/bin/sh", "/bin/echo", "/bin/sleep", "/bin/true", "/bin/mount", "/bin/cat", "/usr/bin/setsid"} {
		_, err := os.Stat(p)
		qt.Check(t, qt.IsNil(err))
	}
}
