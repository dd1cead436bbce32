//go:build kernel

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// readRule is a rule about reading a file.
func readRule(id, path, action string) string {
	return fmt.Sprintf("  - {id: %s, subject: all, file: {paths: [%s], access: read}, action: %s}\n", id, path, action)
}

// TestTwoManagers: both are obeyed, and who denies wins.
//
//vmrun:kernels 6.1
func TestTwoManagers(t *testing.T) {
	dir := t.TempDir()
	a, b, c := write(t, dir+"/a", "a"), write(t, dir+"/b", "b"), write(t, dir+"/c", "c")
	first := startOwn(t, enforce("rules:\n"+readRule("first", a, "deny")+readRule("yes", b, "allow")))
	second := startOwn(t) // after that, as it counts what is loaded
	second.set(enforce("rules:\n" + readRule("second", b, "deny") + readRule("yes", a, "allow")))
	all := []string{"open", a, "r", "--", "open", b, "r", "--", "open", c, "r"}
	qt.Check(t, qt.Equals(do(t, all...), "open: EPERM\nopen: EPERM\nopen: ok"))
	qt.Check(t, qt.Equals(first.alert().Rule, "first"))
	qt.Check(t, qt.Equals(second.alert().Rule, "second"))
	first.silent()
	second.silent()
	// The twin: one of them only tells.
	second.set(audit("rules:\n" + readRule("second", b, "deny") + readRule("yes", a, "allow")))
	qt.Check(t, qt.Equals(do(t, all...), "open: EPERM\nopen: ok\nopen: ok"))
	qt.Check(t, qt.IsTrue(first.alert().Denied))
	qt.Check(t, qt.IsFalse(second.alert().Denied))
	second.set()
	qt.Check(t, qt.Equals(do(t, all...), "open: EPERM\nopen: ok\nopen: ok"))
	qt.Check(t, qt.Equals(first.alert().Rule, "first"))
	first.silent()
	second.silent()
}

// TestLandlock: what Landlock denies a program stays denied, and what guard does is.
//
//vmrun:kernels 5.10 6.12
func TestLandlock(t *testing.T) {
	if list := os.Getenv("GUARD_LANDLOCK"); list != "" {
		landlocked(strings.Split(list, " "))
		return
	}
	dir := t.TempDir()
	both, guard, lock, none := write(t, dir+"/in/both", "b"), write(t, dir+"/in/guard", "g"), write(t, dir+"/out/lock", "l"), write(t, dir+"/out/none", "n")
	own, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	program := dir + "/landlocked" // a copy: nothing applies to the program that enforces
	b, err := os.ReadFile(own)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile(program, b, 0o755)))
	run := func() string {
		cmd := exec.Command(program, "-test.run", "^TestLandlock$")
		cmd.Env = append(os.Environ(), "GUARD_LANDLOCK="+strings.Join([]string{dir + "/in", both, guard, lock, none}, " "))
		stdout, stderr, _ := kerneltest.Output(t, cmd)
		said, _, _ := strings.Cut(stdout, "PASS")
		return strings.TrimSpace(said) + stderr
	}
	rules := "rules:\n" + readRule("guard", guard, "deny") + readRule("none", none, "deny")
	f := start(t, enforce(rules))
	if kerneltest.Kernel() == "5.10" {
		qt.Check(t, qt.Equals(run(), "ENOSYS")) // Landlock came with 5.13
		return
	}
	// Landlock is asked before BPF programs are, and so answers for both.
	qt.Check(t, qt.Equals(run(), "ok EPERM EACCES EACCES"))
	qt.Check(t, qt.Equals(f.alert().Rule, "guard"))
	f.silent()
	f.set(audit(rules))
	qt.Check(t, qt.Equals(run(), "ok ok EACCES EACCES"))
	qt.Check(t, qt.IsFalse(f.alert().Denied))
	f.silent()
	qt.Check(t, qt.Equals(do(t, "open", lock, "r", "--", "open", none, "r"), "open: ok\nopen: ok"))
	f.alert()
}

// landlocked lets itself read what is below the first of the paths only, and tells what
// becomes of reading the others.
func landlocked(paths []string) {
	runtime.LockOSThread() // which alone is restricted
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE}
	// The size of the first version, which has one number.
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), 8, 0)
	if errno != 0 {
		fmt.Println(unix.ErrnoName(errno))
		return
	}
	beneath, err := unix.Open(paths[0], unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_READ_FILE, Parent_fd: int32(beneath)}
	_, _, errno = unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno == 0 {
		errno = errnoOf(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	}
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0)
	}
	if errno != 0 {
		fmt.Println("landlock:", unix.ErrnoName(errno))
		return
	}
	var said []string
	for _, path := range paths[1:] {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		word := "ok"
		if err != nil {
			word = unix.ErrnoName(errnoOf(err))
		} else {
			unix.Close(fd)
		}
		said = append(said, word)
	}
	fmt.Println(strings.Join(said, " "))
}

func errnoOf(err error) unix.Errno {
	errno, _ := err.(unix.Errno)
	return errno
}

// TestBesideAppArmor: the guests' kernels run AppArmor too, and in none of the tests is
// it in the way.
func TestBesideAppArmor(t *testing.T) {
	all := strings.Split(currentLSMs(), ",")
	t.Logf("security modules: %v", all)
	if kerneltest.Kernel() != "" {
		for _, want := range []string{"capability", "yama", "apparmor", "bpf"} {
			qt.Check(t, qt.IsTrue(slices.Contains(all, want)), qt.Commentf("%s", want))
		}
	}
	secret := write(t, t.TempDir()+"/secret", "s")
	f := start(t, enforce("rules:\n"+readRule("r", secret, "deny")))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: EPERM"))
	qt.Check(t, qt.Equals(f.alert().Rule, "r"))
}
