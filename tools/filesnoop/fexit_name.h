/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rung "fexit": names that are made, moved and removed. */
#pragma once

#include "name.h"

#define ASKED_IN_DIR(program, function, op_)                                              \
	SEC("fentry/" #function)                                                          \
	int BPF_PROG(program, struct path *dir, struct dentry *dentry)                    \
	{                                                                                 \
		struct pending *p = pending_begin(op_, dentry);                           \
											  \
		if (p)                                                                    \
			place_in(&p->at[0], dir, dentry);                                 \
		return 0;                                                                 \
	}
ASKED_IN_DIR(asked_unlink, security_path_unlink, OP_DELETE)
ASKED_IN_DIR(asked_rmdir, security_path_rmdir, OP_RMDIR)

#define ASKED_TO_MAKE(program, function, op_)                                             \
	SEC("fentry/" #function)                                                          \
	int BPF_PROG(program, struct path *dir, struct dentry *dentry, unsigned short mode) \
	{                                                                                 \
		struct pending *p = pending_begin(op_, dentry);                           \
											  \
		if (p) {                                                                  \
			place_in(&p->at[0], dir, dentry);                                 \
			p->mode = mode;                                                   \
		}                                                                         \
		return 0;                                                                 \
	}
ASKED_TO_MAKE(asked_mkdir, security_path_mkdir, OP_MKDIR)
ASKED_TO_MAKE(asked_mknod, security_path_mknod, OP_MKNOD)

SEC("fentry/security_path_symlink")
int BPF_PROG(asked_symlink, struct path *dir, struct dentry *dentry, const char *target)
{
	struct pending *p = pending_begin(OP_SYMLINK, dentry);

	if (p) {
		place_in(&p->at[0], dir, dentry);
		p->target = target;
	}
	return 0;
}

/* Both names of a link are on the same mount. */
SEC("fentry/security_path_link")
int BPF_PROG(asked_link, struct dentry *old, struct path *dir, struct dentry *dentry)
{
	struct pending *p = pending_begin(OP_LINK, dentry);

	if (p) {
		p->at[0].dentry = old;
		p->at[0].mnt = BPF_CORE_READ(dir, mnt);
		place_in(&p->at[1], dir, dentry);
	}
	return 0;
}

SEC("fentry/security_path_rename")
int BPF_PROG(asked_rename, struct path *old_dir, struct dentry *old, struct path *new_dir,
	     struct dentry *new, unsigned int flags)
{
	struct pending *p = pending_begin(OP_RENAME, old);

	if (p) {
		place_in(&p->at[0], old_dir, old);
		place_in(&p->at[1], new_dir, new);
		p->flags = flags;
	}
	return 0;
}

#define DONE(program, function, shape, slot)                                              \
	SEC("fexit/" #function)                                                           \
	int program(void *ctx)                                                            \
	{                                                                                 \
		return pending_ends(ctx, slot, word_of(ctx, shape.dentry),                \
				    (s32)word_of(ctx, shape.result));                     \
	}
DONE(unlinked, vfs_unlink, unlink_shape, SLOT_UNLINK)
DONE(linked, vfs_link, link_shape, SLOT_LINK)
DONE(symlinked, vfs_symlink, symlink_shape, SLOT_SYMLINK)
DONE(made_node, vfs_mknod, mknod_shape, SLOT_MKNOD)
DONE(made_file, vfs_create, create_shape, SLOT_CREATE)

/*
 * The result is an errno, or from 6.15 on a dentry or an errno as a pointer. Of an
 * errno the upper half may be anything that is no address.
 */
static __always_inline s64 made_dir_failed(u64 ret)
{
	if (ret >> 32 == 0)
		return (s32)ret;
	return ret >= (u64)-MAX_ERRNO;
}

SEC("fexit/vfs_mkdir")
int made_dir(void *ctx)
{
	u64 dentry = word_of(ctx, mkdir_shape.dentry);
	u64 ret = 0;

	/* As a number: the verifier lets nobody look at the bits of a pointer. */
	bpf_probe_read_kernel(&ret, sizeof(ret), ctx + mkdir_shape.result * sizeof(u64));
	return pending_ends(ctx, SLOT_MKDIR, dentry, made_dir_failed(ret));
}

/*
 * A directory is removed for good when what is remembered below it goes. In some
 * kernels, such as 5.10, vfs_rmdir is a part of its caller, where nothing attaches.
 */
SEC("fentry/shrink_dcache_parent")
int BPF_PROG(removed_dir, struct dentry *dentry)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 key = (u64)task;
	struct pending *p = bpf_map_lookup_elem(&pending, &key);

	if (!p || p->op != OP_RMDIR)
		return 0;
	return pending_ends(ctx, SLOT_RMDIR, (u64)dentry, 0);
}

SEC("fexit/vfs_rename")
int BPF_PROG(renamed, struct renamedata *rd, s64 ret)
{
	return pending_ends(ctx, SLOT_RENAME, (u64)BPF_CORE_READ(rd, old_dentry), (s32)ret);
}
