//go:build kernel

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// step is a run of the workload in a directory of its own, where all that is
// allowed succeeds. There are f (a file), d/g (a file in a directory), e (an
// empty directory), W (the workload), S (a copy that is set-user-ID), T (a
// program that succeeds) and F (one that fails).
type step struct {
	run    string // LO is the loopback, BIG a name of 255 bytes
	want   string // a regular expression for all of its output
	since  [2]int // the kernel that has it
	before string // what older kernels say
}

var steps = []step{
	{run: "open f", want: "open: ok"},
	{run: "open none", want: "open: ENOENT"},
	{run: "open n w,creat,excl -- open n w,creat,excl -- stat n", want: `open: ok\nopen: EEXIST\nstat: ok size=0 mode=100644 uid=0 gid=0 nlink=1`},
	{run: "open d directory -- open f directory -- open d tmpfile,w -- open f path", want: `open: ok\nopen: ENOTDIR\nopen: ok\nopen: ok`},
	{run: "open f w,trunc -- read f", want: `open: ok\nread: ok 0`},
	{run: "openat2 g beneath r d -- openat2 ../f beneath r d -- openat2 /g in-root r d", want: `openat2: ok\nopenat2: EXDEV\nopenat2: ok`},
	{run: "symlink f l -- openat2 l no-symlinks -- read l", want: `symlink: ok\nopenat2: ELOOP\nread: ok 6`},
	{run: "write f hallo -- read f -- truncate f 3 -- read f", want: `write: ok 5\nread: ok 6\ntruncate: ok\nread: ok 3`},
	{run: "list d -- list e", want: `list: ok 1\nlist: ok 0`},
	{run: "replace f four -- read f", want: `replace: ok\nread: ok 4`},
	{run: "mkdir x -- rmdir x -- rmdir x", want: `mkdir: ok\nrmdir: ok\nrmdir: ENOENT`},
	{run: "mknod n p -- stat n -- unlink n -- unlink n", want: `mknod: ok\nstat: ok size=0 mode=10644 .*\nunlink: ok\nunlink: ENOENT`},
	{run: "link f l -- rename l m -- stat f", want: `link: ok\nrename: ok\nstat: ok size=6 .* nlink=2`},
	{run: "mknod n -- exchange f n -- read f -- read n", want: `mknod: ok\nexchange: ok\nread: ok 0\nread: ok 6`},
	{run: "chmod f 600 -- fchmod f 755 -- chown f 7:11 -- stat f", want: `chmod: ok\nfchmod: ok\nchown: ok\nstat: ok size=6 mode=100755 uid=7 gid=11 nlink=1`},
	{run: "utimes f -- setxattr f -- removexattr f -- removexattr f", want: `utimes: ok\nsetxattr: ok\nremovexattr: ok\nremovexattr: ENODATA`},
	{run: "chattr f +d", want: "chattr: (ok|ENOTTY FS_IOC_GETFLAGS)"}, // tmpfs has them since 6.6

	{run: "open-proc-fd f -- open-proc-root CWD/f -- open-relative d g", want: `open-proc-fd: ok 6\nopen-proc-root: ok 6\nopen-relative: ok 5`},
	{run: "open-proc-fd f w -- open-handle d/g", want: `open-proc-fd: ok\nopen-handle: (ok 5|EOPNOTSUPP name_to_handle_at)`},
	{run: "open-chroot d /g -- read d/g", want: `open-chroot: ok 5\nread: ok 5`},
	{run: "open-mountns-bind d e e/g -- list e", want: `open-mountns-bind: ok 5\nlist: ok 0`},
	{run: "open-userns-bind d e e/g -- list e -- id", want: `open-userns-bind: ok 5\nlist: ok 0\nid: ok uid=0 .*`},
	{run: "open-tree-clone d g -- open-detached d g", want: `open-tree-clone: ok 5\nopen-detached: ok 5`},
	{run: "open-uring f", want: "open-uring: ok 6"},
	{run: "open-uring f sqpoll", want: "open-uring: ok 6"},
	{run: "unlink-uring f -- unlink-uring f sqpoll", want: `unlink-uring: ok\nunlink-uring: ENOENT`},
	{run: "deep 61 BIG d -- deep 61 BIG d -- deep 1 BIG d", want: `deep: ok 9\ndeep: ok 9\ndeep: ok 9`},

	{run: "held f read write ftruncate fallocate mmap-read mmap-write mmap-exec mprotect-exec fchmod fchown fsetxattr sendfile nothing",
		want: `ready\nheld-read: ok 6\nheld-write: ok 9\nheld-ftruncate: ok\nheld-fallocate: ok\nheld-mmap-read: ok\nheld-mmap-write: ok\n` +
			`held-mmap-exec: ok\nheld-mprotect-exec: ok\nheld-fchmod: ok\nheld-fchown: ok\nheld-fsetxattr: ok\nheld-sendfile: ok 4096\nheld-nothing: ok`},
	{run: "held-dir d g -- ftruncate-held f 3 -- read f", want: `ready\nheld-dir: ok 5\nready\nftruncate-held: ok\nread: ok 3`},
	{run: "pass-fd W f -- pass-fd W f write rw", want: `recv-fd: ok 6\npass-fd: ok\nrecv-fd: ok 9\npass-fd: ok`},
	{run: "take-fd W f -- take-fd W none -- recv-fd", want: `send-fd: ok\ntake-fd: ok 6\nsend-fd: ENOENT open\ntake-fd: EOF\nrecv-fd: EBADF descriptor`},
	{run: "netns send-socket udp4 LO:9", want: "send-socket: EBADF descriptor"},

	{run: "threads-open 3 7 f -- threads-open 2 5 none", want: `threads-open: ok opened=21 EPERM=0\nthreads-open: ok opened=0 EPERM=0 ENOENT=10`},
	{run: "loop-open f", want: `ready\nloop-open: ok opened=[1-9]\d* EPERM=0`},
	{run: "swap f d/g f 1 -- read f", want: `swap: ok exchanges=[1-9]\d* hello=[1-9]\d* text=[1-9]\d*\nread: ok 6`},

	{run: "exec T -- exec F -- exec f -- exec none", want: `exec: ok 0\nexec: ok 1\nexec: EACCES\nexec: ENOENT`},
	{run: "execveat W id -- exec-memfd W id -- exec-unlinked W e id -- exec-copy W e id -- list e -- execveat W",
		want: `id: .*\nexecveat: ok 0\nid: .*\nexec-memfd: ok 0\nid: .*\nexec-unlinked: ok 0\nid: .*\nexec-copy: ok 0\nlist: ok 0\nexecveat: ok 2`},
	{run: "execveat T", want: "execveat: ENOENT"}, // its interpreter finds no descriptor
	{run: "exec-noargs W", want: "exec-noargs: ok 2"},
	{run: "exec-loader W read f", want: `read: ok 6\nexec-loader: ok 0`},
	{run: "exec-suid S -- exec-suid W 7:11 -- no-new-privs exec-suid S", want: `exec-suid: ok euid=0\nexec-suid: ok euid=7\nexec-suid: ok euid=65534`},
	{run: "mmap-exec W -- mprotect-exec W -- mmap-write f", want: `mmap-exec: ok\nmprotect-exec: ok\nmmap-write: ok`},

	{run: "fork read f -- fork id", want: `read: ok 6\nid: ok .*`},
	{run: "daemon read f -- exec T", want: `read: ok 6\nexec: ok 0`},
	{run: "exec-daemon id", want: "id: ok .*"},
	{run: "fork thread id", want: ""}, // refused
	{run: "thread read f -- fork id", want: `read: ok 6\nid: ok .*`},
	{run: "wait read f", want: `ready\nread: ok 6`},
	{run: "exec-then W read f -- id", want: `read: ok 6\nid: ok .*`},
	{run: "thread exec-then W id", want: `id: ok .*`},
	{run: "exec-then none id", want: `exec-then: ENOENT`},

	{run: "netns connect tcp4 LO:9 -- connect tcp6 [::1]:9 -- connect tcp6 [::ffff:127.1.2.3]:9 -- connect udp4 LO:9 -- connect udp6 [::1]:9",
		want: `connect: ok refused\nconnect: ok refused\nconnect: ok refused\nconnect: ok\nconnect: ok`},
	{run: "netns connect mptcp LO:9 -- connect sctp LO:9", want: `connect: (ok refused|EPROTONOSUPPORT socket)\nconnect: (ok refused|EPROTONOSUPPORT socket)`},
	{run: "netns connect-unspec-family udp6 -- connect-v4-on-v6 LO:9 -- connect-fastopen LO:9 -- connect-tfo-option LO:9",
		want: `connect-unspec-family: ok\nconnect-v4-on-v6: ok\nconnect-fastopen: ok refused\nconnect-tfo-option: ok refused`},
	{run: "netns connect-unix none -- connect-unix @none dgram -- disconnect-reconnect tcp4 LO:9 LO:7 -- disconnect-reconnect udp4 LO:9 LO:7",
		want: `connect-unix: ENOENT\nconnect-unix: ok refused\ndisconnect-reconnect: ok refused\ndisconnect-reconnect: ok`},
	{run: "netns sendto udp4 LO:9 -- sendto udp6 [::1]:9 -- sendmsg udp4 LO:9 -- sendmmsg udp4 LO:9 127.0.0.2:9 127.0.0.3:9 -- sendto-connected udp4 LO:9 127.0.0.2:9",
		want: `sendto: ok\nsendto: ok\nsendmsg: ok\nsendmmsg: ok 3\nsendto-connected: ok`},
	{run: "netns sendto-v4-on-v6 LO:9 -- sendto-unix none -- sendmsg-unix @none -- raw-send LO -- raw-send ::1 -- packet-send",
		want: `sendto-v4-on-v6: ok\nsendto-unix: ENOENT\nsendmsg-unix: ok refused\nraw-send: ok\nraw-send: ok\npacket-send: (ok|EAFNOSUPPORT socket)`},
	{run: "netns connect-bound tcp6 [::ffff:127.0.0.1]:0 [::]:9 -- sendto-bound udp6 [::1]:0 [::1]:9 -- sendmsg-from 127.9.9.9 0.0.0.0:9 -- raw-send ::1 unspec",
		want: `connect-bound: ok refused\nsendto-bound: ok\nsendmsg-from: ok\nraw-send: ok`},
	{run: "bindx sctp LO:4009 127.0.0.2:4009 -- connectx sctp LO:9 127.0.0.2:9", want: `bindx: (ok|EPROTONOSUPPORT socket)\nconnectx: (ok refused|EPROTONOSUPPORT socket)`},
	{run: "listen-unix-held s -- listen-unix-held s", want: `ready\nlisten-unix-held: ok\nlisten-unix-held: EADDRINUSE bind`},
	{run: "netns connect-uring tcp4 LO:9 -- sendmsg-uring udp4 LO:9", want: `connect-uring: ok refused\nsendmsg-uring: ok`},
	{run: "netns connect-uring tcp6 [::1]:9 sqpoll", want: "connect-uring: ok refused"},
	{run: "netns socket-uring inet stream", want: "socket-uring: ok", since: [2]int{5, 19}, before: "socket-uring: EINVAL"},
	{run: "netns bind-uring tcp4 LO:9", want: "bind-uring: ok", since: [2]int{6, 11}, before: "bind-uring: EINVAL"},
	{run: "netns bind tcp4 LO:9 -- bind tcp6 [::]:9 -- bind-unspec udp4 9 -- bind-unspec udp6 9 -- bind-zero tcp4",
		want: `bind: ok\nbind: ok\nbind-unspec: ok\nbind-unspec: EINVAL\nbind-zero: ok \d+`},
	{run: "bind-range 8081 8081", want: "bind-range: ok 8081"},
	{run: "netns bind-range-option 40007 40007", want: "bind-range-option: ok 40007", since: [2]int{6, 1}, before: "bind-range-option: ENOPROTOOPT IP_LOCAL_PORT_RANGE"},
	{run: "bind-unix s -- bind-unix s dgram -- bind-unix @CWD seqpacket", want: `bind-unix: ok\nbind-unix: EADDRINUSE\nbind-unix: ok`},
	{run: "netns listen tcp6 [::1]:9 -- listen-unbound tcp4 -- listen-held tcp4 LO:9 -- autobind-udp",
		want: `listen: ok 9\nlisten-unbound: ok \d+\nready\nlisten-held: ok 9\nautobind-udp: ok \d+`},
	{run: "socket inet raw 1 -- socket netlink raw -- socket unix seqpacket -- socket 99 stream", want: `socket: ok\nsocket: ok\nsocket: ok\nsocket: EAFNOSUPPORT`},

	{run: "mountns mount tmpfs e ro -- mkdir e/x -- remount e rw -- mkdir e/x -- remount-bind-ro e -- rmdir e/x -- umount e -- list e",
		want: `mount: ok\nmkdir: EROFS\nremount: ok\nmkdir: ok\nremount-bind-ro: ok\nrmdir: EROFS\numount: ok\nlist: ok 0`},
	{run: "mountns mount-bind d e -- mount-bind-notype d e -- mount-bogus-type d e -- mount-rec d e -- list e -- umount e nofollow -- umount e force -- umount e expire -- umount e detach -- umount e",
		want: `mount-bind: ok\nmount-bind-notype: ok\nmount-bogus-type: ok\nmount-rec: ok\nlist: ok 1\numount: ok\numount: ok\numount: ok\numount: ok\numount: EINVAL`},
	{run: "mkdir m -- mountns mount tmpfs m -- mkdir m/x -- mount-move m e -- list e -- list m", want: `mkdir: ok\nmount: ok\nmkdir: ok\nmount-move: ok\nlist: ok 1\nlist: ok 0`},
	{run: "mountns mount tmpfs e -- mount-propagation e shared -- mount-propagation e private -- mount-propagation d",
		want: `mount: ok\nmount-propagation: ok\nmount-propagation: ok\nmount-propagation: EINVAL`},
	{run: "mountns fsopen tmpfs e -- fspick e ro -- mkdir e/x -- fspick e rw -- mkdir e/x -- fsopen-use tmpfs -- fsopen bogus e",
		want: `fsopen: ok\nfspick: ok\nmkdir: EROFS\nfspick: ok\nmkdir: ok\nfsopen-use: ok 9\nfsopen: ENODEV fsopen`},
	{run: "mountns open-tree-move d e -- list e -- remount-bind-ro e", want: `open-tree-move: ok\nlist: ok 1\nremount-bind-ro: ok`},
	{run: "mountns mount-bind d e -- remount-bind-ro e -- mount-setattr e -ro -- mkdir e/x -- mount-setattr e +ro -- mkdir e/y",
		want:  `mount-bind: ok\nremount-bind-ro: ok\nmount-setattr: ok\nmkdir: ok\nmount-setattr: ok\nmkdir: EROFS`,
		since: [2]int{5, 12}, before: `mount-bind: ok\nremount-bind-ro: ok\nmount-setattr: ENOSYS\nmkdir: EROFS\nmount-setattr: ENOSYS\nmkdir: EROFS`},
	{run: "mountns mount tmpfs d -- mkdir d/l -- mkdir d/u -- mkdir d/w -- mknod d/l/x -- overlay-mount d/l d/u d/w e -- copy-up e/x -- list d/u",
		want: `mount: ok\nmkdir: ok\nmkdir: ok\nmkdir: ok\nmknod: ok\n(overlay-mount: ok\ncopy-up: ok\nlist: ok 1|overlay-mount: ENODEV\ncopy-up: ENOENT\nlist: ok 0)`},
	{run: "pivot-root d -- read f", want: `pivot-root: (ok|EINVAL)\nread: ok 6`},
	{run: "setns PID mnt -- setns PID net -- read CWD/f", want: `setns: ok\nsetns: ok\nread: ok 6`},
	{run: "userns-mount e -- list e", want: `userns-mount: ok\nlist: ok 0`},
	{run: "mountns thread mount tmpfs e -- mkdir e/x -- list e", want: `mount: ok\nmkdir: ok\nlist: ok 1`},
	{run: "list e", want: "list: ok 0"},

	{run: "id", want: "id: ok uid=0 euid=0 gid=0 egid=0 fsuid=0"},
	{run: "as 7:11 id -- setuid 7 -- setuid 0 -- setgid 0 -- setgroups -- thread id",
		want: `id: ok uid=7 euid=7 gid=11 egid=11 fsuid=7\nsetuid: ok\nsetuid: EPERM\nsetgid: EPERM\nsetgroups: EPERM\nid: ok uid=7 .*`},
	{run: "seteuid 7 -- id -- seteuid 0 -- setfsuid 13 -- id -- setreuid 7 -1 -- setresuid -1 13 17 -- id",
		want: `seteuid: ok\nid: ok uid=0 euid=7 gid=0 egid=0 fsuid=7\nseteuid: ok\nsetfsuid: ok 13\nid: ok uid=0 euid=0 gid=0 egid=0 fsuid=13\n` +
			`setreuid: ok\nsetresuid: ok\nid: ok uid=7 euid=13 gid=0 egid=0 fsuid=13`},
	{run: "setegid 7 -- setfsgid 13 -- setregid 7 -1 -- setresgid -1 7 7 -- setgroups 3 5 -- id",
		want: `setegid: ok\nsetfsgid: ok 13\nsetregid: ok\nsetresgid: ok\nsetgroups: ok\nid: ok uid=0 euid=0 gid=7 egid=7 fsuid=0`},
	{run: "capset -net_admin -- capset +net_admin -- setuid 7 -- capset +net_admin", want: `capset: ok\ncapset: ok\nsetuid: ok\ncapset: EPERM`},
	{run: "setcap f net_raw -- removexattr f security.capability", want: `setcap: ok\nremovexattr: ok`},
	{run: "userns id", want: `userns: ok\nid: ok uid=65534 .*`},
	{run: "userns-root 7:11 id -- setuid 5", want: `userns-root: ok\nid: ok uid=0 euid=0 gid=0 egid=0 fsuid=0\nsetuid: EINVAL`},

	{run: "kill PID 0 -- pidfd-kill PID 0 -- ptrace-attach PID", want: `kill: ok\npidfd-kill: ok\nptrace-attach: ok`},
	{run: "pidfd-getfd PID CWD/f -- pidfd-getfd PID 0 nothing", want: `pidfd-getfd: ok 6\npidfd-getfd: ok`},
	{run: "bpf-map-by-id 4000000001 -- bpf-prog-by-id 4000000001 -- bpf-link-by-id 4000000001", want: `bpf-map-by-id: ENOENT\nbpf-prog-by-id: ENOENT\nbpf-link-by-id: ENOENT`},
	{run: "exec-traced W id -- exec-traced none", want: `id: .*\nexec-traced: ok 0\nexec-traced: .*no such file.*`},
	{run: "bpf-map-update-by-id 4000000001 -- bpf-link-detach-by-id 4000000001 -- obj-get none",
		want: `bpf-map-update-by-id: ENOENT BPF_MAP_GET_FD_BY_ID\nbpf-link-detach-by-id: ENOENT BPF_LINK_GET_FD_BY_ID\nobj-get: ENOENT`},
}

func release(t *testing.T) (v [2]int) {
	var u unix.Utsname
	qt.Assert(t, qt.IsNil(unix.Uname(&u)))
	_, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &v[0], &v[1])
	qt.Assert(t, qt.IsNil(err))
	return v
}

// programs makes W and S of a binary, which steps have links to.
func programs(t *testing.T, binary string) string {
	program, err := os.ReadFile(binary)
	qt.Assert(t, qt.IsNil(err))
	dir := enterable(t, t.TempDir())
	for _, name := range []string{"W", "S"} {
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, name), program, 0o755)))
	}
	var fs unix.Statfs_t
	qt.Assert(t, qt.IsNil(unix.Statfs(dir, &fs)))
	if fs.Flags&unix.ST_NOSUID != 0 { // as in the virtual machines, whose root is not
		qt.Assert(t, qt.IsNil(os.Remove(filepath.Join(dir, "S"))))
		other, err := os.MkdirTemp("/", "guard-workload-")
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { os.RemoveAll(other) })
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(enterable(t, other), "S"), program, 0o755)))
		qt.Assert(t, qt.IsNil(os.Symlink(filepath.Join(other, "S"), filepath.Join(dir, "S"))))
	}
	qt.Assert(t, qt.IsNil(os.Chmod(filepath.Join(dir, "S"), 0o755|os.ModeSetuid)))
	return dir
}

// enterable lets ordinary users into a directory of ours.
func enterable(t *testing.T, dir string) string {
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		qt.Assert(t, qt.IsNil(os.Chmod(d, 0o755)))
	}
	return dir
}

// directory is what a step finds.
func directory(t *testing.T, programs string) string {
	dir := enterable(t, t.TempDir())
	qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(dir, "d"), 0o755)))
	qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(dir, "e"), 0o755)))
	for name, text := range map[string]string{"f": "hello\n", "d/g": "text\n", "T": "#!/bin/sh\nexit 0\n", "F": "#!/bin/sh\nexit 1\n"} {
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)))
	}
	qt.Assert(t, qt.IsNil(os.Chmod(filepath.Join(dir, "T"), 0o755)))
	qt.Assert(t, qt.IsNil(os.Chmod(filepath.Join(dir, "F"), 0o755)))
	qt.Assert(t, qt.IsNil(os.Link(filepath.Join(programs, "W"), filepath.Join(dir, "W"))))
	qt.Assert(t, qt.IsNil(os.Symlink(filepath.Join(programs, "S"), filepath.Join(dir, "S"))))
	return dir
}

// runStep runs a step with a binary.
func runStep(t *testing.T, programs string, s step) {
	dir := directory(t, programs)
	// Another process, which has a file open.
	other := exec.Command("sleep", "600")
	f, err := os.Open(filepath.Join(dir, "f"))
	qt.Assert(t, qt.IsNil(err))
	other.Stdin = f
	qt.Assert(t, qt.IsNil(other.Start()))
	f.Close()
	defer other.Wait()
	defer other.Process.Kill()

	var words []string
	for _, w := range strings.Fields(s.run) {
		if len(w) == 1 && strings.Contains("WSTF", w) {
			w = "./" + w
		}
		words = append(words, strings.NewReplacer("PID", fmt.Sprint(other.Process.Pid), "CWD", dir, "LO", "127.0.0.1", "BIG", strings.Repeat("n", 255)).Replace(w))
	}
	cmd := exec.Command("./W", words...)
	cmd.Dir = dir
	stdout, stderr, code := kerneltest.Output(t, cmd)
	want, wantCode := s.want, 0
	if v := release(t); v[0] < s.since[0] || v[0] == s.since[0] && v[1] < s.since[1] {
		want = s.before
	}
	if want == "" {
		wantCode = 2
	} else {
		want += `\n`
	}
	qt.Check(t, qt.Matches(stdout, "(?s:"+strings.ReplaceAll(want, ".*", "[^\n]*")+")"), qt.Commentf("%s\n%s", s.run, stderr))
	qt.Check(t, qt.Equals(code, wantCode), qt.Commentf("%s\n%s", s.run, stderr))
}

func binaries(t *testing.T) map[string]string {
	found := map[string]string{"native": kerneltest.Command(t, "guard-workload").Path}
	if path, err := exec.LookPath("guard-workload32"); err == nil && exec.Command(path, "id").Run() == nil {
		found["32"] = path
	}
	return found
}

// TestOperations runs every operation where nothing is denied.
//
//vmrun:kernels 5.10 newest
func TestOperations(t *testing.T) {
	for name, binary := range binaries(t) {
		t.Run(name, func(t *testing.T) {
			dir := programs(t, binary)
			for i, s := range steps {
				t.Run(fmt.Sprint(i), func(t *testing.T) { runStep(t, dir, s) })
			}
		})
	}
}

// TestExeFile is apart because it takes a capability that containers lack.
func TestExeFile(t *testing.T) {
	if n, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_SYS_RESOURCE, 0, 0, 0); err != nil || n == 0 {
		t.Skip("no CAP_SYS_RESOURCE")
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	qt.Assert(t, qt.IsNil(err))
	for name, binary := range binaries(t) {
		t.Run(name, func(t *testing.T) {
			w := exec.Command(binary, "set-exe-file", shell, "wait", "read", "/proc/self/comm")
			stdin, err := w.StdinPipe()
			qt.Assert(t, qt.IsNil(err))
			stdout, err := w.StdoutPipe()
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.IsNil(w.Start()))
			defer w.Process.Kill()
			b := make([]byte, 100)
			n, _ := stdout.Read(b)
			qt.Assert(t, qt.Equals(string(b[:n]), "ready\n"))
			exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", w.Process.Pid))
			qt.Check(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(exe, shell))
			stdin.Close()
			n, _ = stdout.Read(b)
			qt.Check(t, qt.Matches(string(b[:n]), "read: ok [0-9]+\n"))
			qt.Check(t, qt.IsNil(w.Wait()))
		})
	}
}

// TestPassSocket passes a connected socket between two that a test starts.
func TestPassSocket(t *testing.T) {
	const port = "127.0.0.1:40009"
	for name, binary := range binaries(t) {
		t.Run(name, func(t *testing.T) {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			qt.Assert(t, qt.IsNil(err))
			for i, c := range []struct {
				args []string
				want string
			}{
				{[]string{"send-socket", "udp4", port}, "send-socket: ok\n"},
				{[]string{"recv-fd", "write"}, "recv-fd: ok 9\n"},
			} {
				end := os.NewFile(uintptr(pair[i]), "pair")
				defer end.Close()
				cmd := exec.Command(binary, c.args...)
				cmd.ExtraFiles = []*os.File{end}
				stdout, stderr, code := kerneltest.Output(t, cmd)
				qt.Check(t, qt.Equals(stdout, c.want), qt.Commentf("%s", stderr))
				qt.Check(t, qt.Equals(code, 0))
			}
		})
	}
}

// TestAll checks that no operation was forgotten above.
func TestAll(t *testing.T) {
	seen := map[string]bool{"set-exe-file": true, "send-fd": true} // send-fd by take-fd
	for _, s := range steps {
		if _, err := parse(strings.Fields(s.run)); err != nil {
			t.Errorf("%s: %v", s.run, err)
		}
		for _, w := range strings.Fields(s.run) {
			seen[w] = true
		}
	}
	for name := range usages(doc) {
		qt.Check(t, qt.IsTrue(seen[name]), qt.Commentf("%s", name))
	}
}

// TestHostLeftAlone checks that what the steps mounted is gone with them.
func TestHostLeftAlone(t *testing.T) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(regexp.MustCompile(`TestOperations`).Match(mounts)))
}
