package policy

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is the first two numbers of a kernel's version.
type Version struct{ Major, Minor int }

// ParseVersion reads "6.1" and what goes on behind it, as in "6.1.0-28-amd64".
func ParseVersion(s string) (Version, error) {
	major, rest, _ := strings.Cut(s, ".")
	minor := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		minor = rest[:end]
	}
	a, errA := strconv.ParseUint(major, 10, 16)
	b, errB := strconv.ParseUint(minor, 10, 16)
	if errA != nil || errB != nil {
		return Version{}, fmt.Errorf("%s is no version of a kernel such as 6.1", quote(s))
	}
	return Version{int(a), int(b)}, nil
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Compare is negative if v is older.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor))
}

// firstLSM is the first kernel that runs BPF programs on LSM hooks (fc611f47f218).
var firstLSM = Version{5, 7}

// hookSince are the first kernels whose hook a BPF program can be attached to, for
// hooks that are younger than that. Distributions have some earlier; a probe of the
// kernel knows better.
var hookSince = map[string]Version{
	"bprm_creds_from_file": {5, 8},
	"task_fix_setgid":      {5, 9},
	"task_fix_setgroups":   {6, 0},
	"userns_create":        {6, 1},
	"path_chown":           {6, 1}, // its arguments are structs; programs on such functions since 720e6a435194
	"file_truncate":        {6, 2},
	"inode_set_acl":        {6, 2},
	"inode_remove_acl":     {6, 2},
	"inode_file_setattr":   {6, 17},
}

// Kernel is what a kernel can be asked for.
type Kernel struct {
	Name    string // for messages, as "6.1"
	HasHook func(name string) bool
}

// KernelOf returns what kernels of a version have.
func KernelOf(v Version) Kernel {
	return Kernel{Name: v.String(), HasHook: func(name string) bool { return v.Compare(since(name)) >= 0 }}
}

func since(hook string) Version {
	if v, ok := hookSince[hook]; ok {
		return v
	}
	return firstLSM
}

// Way is a set of hooks that together see an operation.
type Way struct {
	Hooks []string
	Loses string // what it does not do as well as the ways before it
}

// need is an operation that rules are about, and how it is seen.
type need struct {
	what string
	ways []Way // best first
}

func seenBy(what string, hooks ...string) need { return need{what, []Way{{Hooks: hooks}}} }

var (
	needRead   = []need{seenBy("opening files", "file_open"), needPassed, seenBy("linking files", "path_link")}
	needPassed = seenBy("receiving open files from another process", "file_receive")
	needOpen   = []need{seenBy("the use of open files", "file_permission", "mmap_file", "file_receive")}
	needCreate = []need{seenBy("creating files", "path_mknod", "path_mkdir", "path_symlink", "path_link", "path_rename")}
	needDelete = []need{seenBy("deleting files", "path_unlink", "path_rmdir", "path_rename")}
	needWrite  = []need{
		seenBy("opening files", "file_open"),
		needPassed,
		seenBy("truncating files", "path_truncate"),
		// Up to 6.1 path_truncate is called for open files too.
		{"truncating open files", []Way{{Hooks: []string{"file_truncate"}}, {Hooks: []string{"path_truncate"}}}},
	}
	needAttr = []need{
		seenBy("changing modes and times of files", "path_chmod", "inode_setattr"),
		{"changing owners of files", []Way{{Hooks: []string{"path_chown"}}, {[]string{"inode_setattr"},
			"it is not told the mount, so that a path in a bind mount is taken for the one in the file system"}}},
		seenBy("changing extended attributes of files", "inode_setxattr", "inode_removexattr"),
		{"changing access control lists of files", []Way{{Hooks: []string{"inode_set_acl", "inode_remove_acl"}}, {Hooks: []string{"inode_setxattr"}}}},
		// file_setattr(2) came with its hook.
		{"changing flags of files", []Way{{Hooks: []string{"file_ioctl", "inode_file_setattr"}}, {Hooks: []string{"file_ioctl"}}}},
	}
	needExec    = []need{seenBy("executing files", "bprm_check_security")}
	needLoad    = []need{seenBy("mapping files as code", "mmap_file", "file_mprotect")}
	needConnect = []need{seenBy("connecting", "socket_connect"), seenBy("sending without connecting", "socket_sendmsg")}
	needSCTP    = []need{seenBy("further addresses of SCTP", "sctp_bind_connect")}
	needUnix    = []need{seenBy("connecting to Unix sockets", "unix_stream_connect", "unix_may_send")}
	needBind    = []need{seenBy("binding", "socket_bind"), seenBy("listening without binding", "socket_listen")}
	// The first datagram of a socket binds it.
	needAutobind = []need{seenBy("binding by sending", "socket_connect", "socket_sendmsg")}
	needBindUnix = []need{seenBy("binding Unix sockets", "socket_bind", "path_mknod", "socket_listen")}
	needSocket   = []need{seenBy("creating sockets", "socket_create")}
)

var mountNeeds = map[MountOp][]need{
	MountNew:         {seenBy("mounting file systems", "sb_mount", "sb_kern_mount", "move_mount")},
	MountBind:        {seenBy("bind mounts", "sb_mount", "move_mount")},
	MountMove:        {seenBy("moving mounts", "sb_mount", "move_mount")},
	MountRemount:     {seenBy("remounting", "sb_mount", "sb_remount")},
	MountUmount:      {seenBy("unmounting", "sb_umount")},
	MountPivot:       {seenBy("pivot_root", "sb_pivotroot")},
	MountPropagation: {seenBy("changing the propagation of mounts", "sb_mount")},
}

var viaNeeds = map[Via][]need{
	ViaSetuid:    {seenBy("setuid", "task_fix_setuid")},
	ViaSetgid:    {seenBy("setgid", "task_fix_setgid")},
	ViaSetgroups: {seenBy("setgroups", "task_fix_setgroups")},
	ViaExec:      {seenBy("gaining privileges by an exec", "bprm_creds_from_file")},
	ViaUserns:    {seenBy("creating user namespaces", "userns_create")},
	ViaCapset:    {seenBy("capset", "capset")},
}

// blind are the operations that no hook of any kernel sees, and what denies them
// nevertheless.
var blind = map[MountOp]string{
	MountBind:        "open_tree(2) with OPEN_TREE_CLONE copies a mount that nobody sees until it is attached",
	MountRemount:     "mount_setattr(2) changes the flags of a mount, such as read-only",
	MountPropagation: "mount_setattr(2) changes the propagation of a mount",
}
