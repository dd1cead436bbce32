/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs about files: opening, making, removing, changing, executing them. */
#pragma once

#include "place.h"
#include "switch.h"

#define FMODE_READ 1
#define FMODE_WRITE 2
#define FMODE_EXEC 0x20
#define O_TRUNC 01000
#define O_TMPFILE_ONLY 020000000
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_PRIVATE 2
#define MAP_TYPE 15
#define VM_SHARED 8
#define RENAME_EXCHANGE 2

static __always_inline u32 kinds_of_mode(u32 mode)
{
	u32 kinds = 0;

	if (mode & FMODE_READ)
		kinds |= IS(READ);
	if (mode & FMODE_WRITE)
		kinds |= IS(WRITE);
	return kinds;
}

/* ---- programs ---- */

/*
 * A file that is executed is read as well; that is no reading by its user, and
 * EXEC decides. O_TMPFILE makes a file without a name in a directory that the
 * path is then said to be in.
 */
SEC("lsm/file_open")
int BPF_PROG(file_open, struct file *file)
{
	struct control_block *c = armed();
	u32 mode = file->f_mode, flags = file->f_flags;

	if (!c || mode & FMODE_EXEC || flags & FMODE_EXEC)
		return 0;
	if (mode & FMODE_WRITE && is_switch(file) &&
	    decide_switch((u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry)))
		return -EPERM;
	u32 kinds = kinds_of_mode(mode);

	if (flags & O_TRUNC)
		kinds |= IS(WRITE);
	if (flags & O_TMPFILE_ONLY)
		kinds |= IS(CREATE);
	return check_file(HOOK_FILE_OPEN, c, file, kinds);
}

/* A descriptor that came from another process. */
SEC("lsm/file_receive")
int BPF_PROG(file_receive, struct file *file)
{
	struct control_block *c = armed();

	return c ? check_file(HOOK_FILE_RECEIVE, c, file, kinds_of_mode(file->f_mode)) : 0;
}

#define MAY_WRITE 2
#define MAY_READ 4
#define MAY_APPEND 8

/* Every read and write, for rules that reach what was opened before they came. */
SEC("lsm/file_permission")
int BPF_PROG(file_permission, struct file *file, int mask)
{
	struct control_block *c = armed();
	u32 kinds = 0;

	if (mask & MAY_READ)
		kinds |= IS(HELD_READ);
	if (mask & (MAY_WRITE | MAY_APPEND))
		kinds |= IS(HELD_WRITE);
	return c && kinds ? check_file(HOOK_FILE_PERMISSION, c, file, kinds) : 0;
}

/* Whether it is the kernel that maps, a program that it was decided on. */
static __always_inline bool is_executing(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
}

/* Mapping as code, and for rules that reach back, mapping at all. */
SEC("lsm/mmap_file")
int BPF_PROG(mmap_file, struct file *file, unsigned long reqprot, unsigned long prot,
	     unsigned long flags)
{
	struct control_block *c = armed();
	u32 kinds = IS(HELD_READ);

	if (!c || !file)
		return 0;
	if (prot & PROT_EXEC && !is_executing())
		kinds |= IS(LOAD);
	if (prot & PROT_WRITE && (flags & MAP_TYPE) != MAP_PRIVATE)
		kinds |= IS(HELD_WRITE);
	return check_file(HOOK_MMAP_FILE, c, file, kinds);
}

SEC("lsm/file_mprotect")
int BPF_PROG(file_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	struct file *file = vma->vm_file;
	u32 kinds = 0;

	if (prot & PROT_EXEC)
		kinds |= IS(LOAD);
	if (prot & PROT_WRITE && vma->vm_flags & VM_SHARED)
		kinds |= IS(HELD_WRITE);
	return file && kinds ? check_path(HOOK_FILE_MPROTECT, &file->f_path, kinds) : 0;
}

/* A name in a directory: CREATE for a new one, DELETE for one that goes. */
#define IN_DIRECTORY(hook, HOOK, kinds)                                        \
	SEC("lsm/" #hook)                                                      \
	int BPF_PROG(hook, const struct path *dir, struct dentry *dentry)      \
	{                                                                      \
		return verdict(check_place(HOOK, (u64)BPF_CORE_READ(dir, mnt), \
					   number(&ctx[1]), kinds));           \
	}

/* path_mknod is in unix.h: sockets are bound by it */
IN_DIRECTORY(path_mkdir, HOOK_PATH_MKDIR, IS(CREATE))
IN_DIRECTORY(path_symlink, HOOK_PATH_SYMLINK, IS(CREATE))
IN_DIRECTORY(path_unlink, HOOK_PATH_UNLINK, IS(DELETE))
IN_DIRECTORY(path_rmdir, HOOK_PATH_RMDIR, IS(DELETE))

/* The new name gives access to the old file. */
SEC("lsm/path_link")
int BPF_PROG(path_link, struct dentry *old_dentry, const struct path *new_dir,
	     struct dentry *new_dentry)
{
	u64 mnt = (u64)BPF_CORE_READ(new_dir, mnt);

	if (check_place(HOOK_PATH_LINK, mnt, number(&ctx[0]), IS(READ)))
		return -EPERM;
	return verdict(check_place(HOOK_PATH_LINK, mnt, number(&ctx[2]), IS(CREATE)));
}

/*
 * With RENAME_EXCHANGE both names go and both come. 5.10 has no flags and calls
 * twice for it.
 */
SEC("lsm/path_rename")
int BPF_PROG(path_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry, unsigned int flags)
{
	u64 from = (u64)BPF_CORE_READ(old_dir, mnt), to = (u64)BPF_CORE_READ(new_dir, mnt);
	bool exchange = rename_has_flags && flags & RENAME_EXCHANGE;
	u32 both = IS(CREATE) | IS(DELETE);

	if (check_place(HOOK_PATH_RENAME, from, number(&ctx[1]), exchange ? both : IS(DELETE)))
		return -EPERM;
	return verdict(check_place(HOOK_PATH_RENAME, to, number(&ctx[3]),
				   exchange ? both : IS(CREATE)));
}

#define ON_PATH(hook, HOOK, kinds)                    \
	SEC("lsm/" #hook)                             \
	int BPF_PROG(hook, const struct path *path)   \
	{                                             \
		return check_path(HOOK, path, kinds); \
	}

ON_PATH(path_truncate, HOOK_PATH_TRUNCATE, IS(WRITE))
ON_PATH(path_chmod, HOOK_PATH_CHMOD, IS(ATTR))
ON_PATH(path_chown, HOOK_PATH_CHOWN, IS(ATTR))

SEC("lsm/file_truncate") /* 6.2; path_truncate before */
int BPF_PROG(file_truncate, struct file *file)
{
	return check_path(HOOK_FILE_TRUNCATE, &file->f_path, IS(WRITE));
}

/*
 * Hooks that know the dentry and not the mount, and whose first argument was added
 * in different versions. Times and extended attributes have no other.
 */
#define ON_DENTRY(hook, HOOK, second)                                                \
	SEC("lsm/" #hook)                                                            \
	int hook(u64 *ctx)                                                           \
	{                                                                            \
		return verdict(check_place(HOOK, 0, number(&ctx[second ? 1 : 0]),    \
					   IS(ATTR)));                               \
	}

ON_DENTRY(inode_setattr, HOOK_INODE_SETATTR, setattr_has_idmap)
ON_DENTRY(inode_setxattr, HOOK_INODE_SETXATTR, setxattr_has_idmap)
ON_DENTRY(inode_removexattr, HOOK_INODE_REMOVEXATTR, setxattr_has_idmap)

ON_DENTRY(inode_set_acl, HOOK_INODE_SET_ACL, true)       /* 6.2; inode_setxattr before */
ON_DENTRY(inode_remove_acl, HOOK_INODE_REMOVE_ACL, true) /* 6.2 */
ON_DENTRY(inode_file_setattr, HOOK_INODE_FILE_SETATTR, false) /* 6.17: file_setattr(2) */

#define FS_IOC_SETFLAGS 0x40086602    /* chattr */
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_IOC_FSSETXATTR 0x401c5820

SEC("lsm/file_ioctl")
int BPF_PROG(file_ioctl, struct file *file, unsigned int cmd)
{
	if (cmd != FS_IOC_SETFLAGS && cmd != FS_IOC32_SETFLAGS && cmd != FS_IOC_FSSETXATTR)
		return 0;
	return check_path(HOOK_FILE_IOCTL, &file->f_path, IS(ATTR));
}
