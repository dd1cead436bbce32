package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf/link"
)

// Hook is a security hook of the kernel (LSM), by its name there: a place where it
// asks its security modules before it does something.
type Hook string

// The hooks that policies are enforced on. Not every kernel has all of them.
const (
	FileOpen          Hook = "file_open"
	FileReceive       Hook = "file_receive"
	FilePermission    Hook = "file_permission"
	MmapFile          Hook = "mmap_file"
	FileMprotect      Hook = "file_mprotect"
	PathMknod         Hook = "path_mknod"
	PathMkdir         Hook = "path_mkdir"
	PathSymlink       Hook = "path_symlink"
	PathLink          Hook = "path_link"
	PathRename        Hook = "path_rename"
	PathUnlink        Hook = "path_unlink"
	PathRmdir         Hook = "path_rmdir"
	PathTruncate      Hook = "path_truncate"
	FileTruncate      Hook = "file_truncate"
	PathChmod         Hook = "path_chmod"
	PathChown         Hook = "path_chown"
	InodeSetattr      Hook = "inode_setattr"
	InodeSetxattr     Hook = "inode_setxattr"
	InodeRemovexattr  Hook = "inode_removexattr"
	InodeSetACL       Hook = "inode_set_acl"
	InodeRemoveACL    Hook = "inode_remove_acl"
	InodeFileSetattr  Hook = "inode_file_setattr"
	FileIoctl         Hook = "file_ioctl"
	BprmCheckSecurity Hook = "bprm_check_security"
	BprmCredsFromFile Hook = "bprm_creds_from_file"
	SocketCreate      Hook = "socket_create"
	SocketBind        Hook = "socket_bind"
	SocketListen      Hook = "socket_listen"
	SocketConnect     Hook = "socket_connect"
	SocketSendmsg     Hook = "socket_sendmsg"
	UnixStreamConnect Hook = "unix_stream_connect"
	UnixMaySend       Hook = "unix_may_send"
	SbMount           Hook = "sb_mount"
	SbKernMount       Hook = "sb_kern_mount"
	SbRemount         Hook = "sb_remount"
	SbUmount          Hook = "sb_umount"
	SbPivotroot       Hook = "sb_pivotroot"
	MoveMount         Hook = "move_mount"
	TaskFixSetuid     Hook = "task_fix_setuid"
	TaskFixSetgid     Hook = "task_fix_setgid"
	TaskFixSetgroups  Hook = "task_fix_setgroups"
	Capset            Hook = "capset"
	UsernsCreate      Hook = "userns_create"
	SctpBindConnect   Hook = "sctp_bind_connect"

	// Of [Manager.Protect], and of no policy.
	TaskKill          Hook = "task_kill"
	PtraceAccessCheck Hook = "ptrace_access_check"
	BpfMap            Hook = "bpf_map"
	BpfProg           Hook = "bpf_prog"
)

// hooks are all hooks in the order of their numbers in records (hooks.h), from 1 on.
var hooks = []Hook{
	"", FileOpen, FileReceive, FilePermission, MmapFile, FileMprotect, PathMknod, PathMkdir, PathSymlink, PathLink,
	PathRename, PathUnlink, PathRmdir, PathTruncate, FileTruncate, PathChmod, PathChown, InodeSetattr, InodeSetxattr,
	InodeRemovexattr, InodeSetACL, InodeRemoveACL, InodeFileSetattr, FileIoctl, BprmCheckSecurity, BprmCredsFromFile, SocketCreate, SocketBind, SocketListen,
	SocketConnect, SocketSendmsg, UnixStreamConnect, UnixMaySend, SbMount, SbKernMount, SbRemount, SbUmount,
	SbPivotroot, MoveMount, TaskFixSetuid, TaskFixSetgid, TaskFixSetgroups, Capset, UsernsCreate,
	SctpBindConnect, TaskKill, PtraceAccessCheck, BpfMap, BpfProg,
}

// Hooks returns all hooks that the engine has a program for.
func Hooks() []Hook { return slices.Clone(hooks[1:]) }

// isHook tells the hooks from the programs that write down who tasks are.
func isHook(program string) bool { return slices.Contains(hooks[1:], Hook(program)) }

// labelHooks are the programs that write down who tasks are. task_free comes first:
// a label must not outlive its task.
var labelHooks = []string{"task_free", "bprm_committed_creds", "task_alloc"}

// attachment is a program on a hook.
type attachment struct {
	link   link.Link
	alerts chan Alert // nil until somebody asks
}

func (m *Manager) attach(program string) (*attachment, error) {
	if a, ok := m.attached[program]; ok {
		return a, nil
	}
	p, err := m.object.load(program)
	if err != nil {
		return nil, err
	}
	l, err := link.AttachLSM(link.LSMOptions{Program: p})
	if err != nil {
		return nil, fmt.Errorf("attach to the hook %s: %w", program, err)
	}
	a := &attachment{link: l}
	m.attached[program] = a
	if m.pinned != "" {
		if err := m.pinLink(program, l); err != nil {
			return nil, errors.Join(err, m.detach(program))
		}
	}
	return a, nil
}

// attachAll attaches programs in their order. They are loaded before, side by side.
func (m *Manager) attachAll(programs []string) error {
	if err := m.object.loadAll(programs...); err != nil {
		return err
	}
	for _, p := range programs {
		if _, err := m.attach(p); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) detach(program string) error {
	a, ok := m.attached[program]
	if !ok {
		return nil
	}
	delete(m.attached, program)
	err := a.link.Close() // one that is pinned stays
	if forget := m.object.forget(program); err == nil {
		err = forget
	}
	if err != nil {
		return fmt.Errorf("detach from the hook %s: %w", program, err)
	}
	return nil
}
