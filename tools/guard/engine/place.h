/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Decisions about files in their places: by path where the hook knows it, by the inode
 * where not, and quickly for those that no rule speaks of.
 */
#pragma once

#include "hooks.h"
#include "ask.h"

/*
 * Files that no rule speaks of: most of those that a machine opens, and opens
 * again. Kept with the inode is a digest of all that this depends on: the tables,
 * the mount, the name and the directory that it is in (which the kernel's hash of
 * the name includes), and that since then nothing was renamed or mounted anywhere.
 * One number, so that two tasks never write half of it each.
 */
struct unconcerned {
	u64 digest; /* 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct unconcerned);
} unconcerned SEC(".maps");

static __always_inline u64 stir(u64 digest, u64 word)
{
	digest = (digest ^ word) * 0x9e3779b97f4a7c15;
	return digest ^ digest >> 32;
}

/*
 * How far it is from one pointer to another: the only number that the verifier lets be
 * made of pointers without a call.
 */
static __always_inline u64 distance(const void *to, const void *from)
{
	u64 n = (u64)to;

	asm volatile("%0 -= %1" : "+r"(n) : "r"(from));
	return n;
}

/*
 * 0 if something is being renamed or mounted, or nobody can tell. The inode is not in it:
 * it is kept there.
 */
static __always_inline u64 digest_of(const struct control_block *c, struct file *file, struct inode *inode)
{
	u32 renames = sequence(rename_lock_at), mounts = sequence(mount_lock_at);
	u64 digest = hash_key[0];
	struct dentry *dentry = file->f_path.dentry;

	if ((renames | mounts) & 1)
		return 0;
	digest = stir(digest, c->epoch ^ (u64)dentry->d_name.len << 32 ^ dentry->d_name.hash);
	digest = stir(digest, distance(file->f_path.mnt, inode));
	digest = stir(digest, distance(dentry, inode));
	digest = stir(digest, (u64)renames << 32 | mounts);
	return digest ? digest : 1;
}

/* Whether the file belongs to the task; one that is yet to be made does. */
static __always_inline bool is_own(struct scratch *s)
{
	struct inode *inode = (void *)s->inode;
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!inode) {
		struct dentry *dentry = (void *)s->dentry;

		inode = BPF_CORE_READ(dentry, d_inode);
	}
	return !inode || BPF_CORE_READ(inode, i_uid.val) == BPF_CORE_READ(task, cred, fsuid.val);
}

#define NOTHING_FOUND 1 /* no rule speaks of the file, whoever asks */

/* Decides on the place that is in the scratch: 0, -EPERM, or NOTHING_FOUND. */
static __always_inline int decide_found(struct scratch *s, u32 kinds)
{
	int ret = 0;

	find(SPACE_FILE, generation_flags(s->slot));
	u32 own = is_own(s);

	for (u32 kind = 0; kind < FILE_KINDS; kind++)
		if (kinds & IS(kind) && decide(kind, kind * 2 + own))
			ret = -EPERM;
	if (!ret && !s->count && !(s->walk & WALK_UNFINISHED))
		ret = NOTHING_FOUND;
	end();
	return ret;
}

/*
 * A decision about one file in one place. mnt is 0 where the hook does not know it,
 * inode where it is that of the dentry.
 */
__noinline int decide_place(u32 hook, u64 mnt, u64 dentry, u64 inode, u32 kinds)
{
	int ret = ask(hook, kinds);
	struct scratch *s = asked(ret);

	if (!s)
		return ret;
	s->mnt = mnt;
	s->dentry = dentry;
	s->inode = inode;
	return decide_found(s, kinds);
}

/* The same, for hooks that are called rarely and whose file is never kept. */
__noinline int check_place(u32 hook, u64 mnt, u64 dentry, u32 kinds)
{
	return decide_place(hook, mnt, dentry, 0, kinds) < 0 ? -EPERM : 0;
}

static __always_inline int check_path(u32 hook, const struct path *path, u32 kinds)
{
	return verdict(check_place(hook, (u64)BPF_CORE_READ(path, mnt),
				   (u64)BPF_CORE_READ(path, dentry), kinds));
}

/*
 * A file of a mount that the kernel has for itself. So is the file behind one of
 * overlayfs, which is opened for it after the outer one was decided on; up to 6.4
 * that has the outer one's path, and not its inode.
 */
static __always_inline bool is_inner(struct file *file)
{
	struct vfsmount *vfs = file->f_path.mnt;
	struct mount *mnt = (void *)vfs - bpf_core_field_offset(struct mount, mnt);

	return file->f_path.dentry->d_inode != file->f_inode ||
	       is_kernels_own(BPF_CORE_READ(mnt, mnt_ns));
}

#define SB_KERNMOUNT (1 << 22) /* of memfd, pipes, sockets: nobody mounts those */

/*
 * A decision about the file behind another. What denies a directory denies it through
 * an overlay too; but what is allowed, and by default denied, was the outer one.
 */
__noinline int decide_inner(u32 hook, u64 named, u64 address, u32 kinds)
{
	struct inode *inode = (void *)address;
	struct dentry *dentry = (void *)named;

	if (BPF_CORE_READ(inode, i_sb, s_flags) & SB_KERNMOUNT)
		return 0;
	if (BPF_CORE_READ(dentry, d_inode) != inode) { /* up to 6.4 */
		struct hlist_node *alias = NULL;

		if (bpf_core_field_exists(dentry->d_u.d_alias))
			alias = BPF_CORE_READ(inode, i_dentry.first);
		if (!alias)
			return 0;
		if (bpf_core_field_exists(dentry->d_u.d_alias))
			dentry = (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
	}
	int ret = ask(hook, kinds);
	struct scratch *s = asked(ret);

	if (!s)
		return ret;
	s->dentry = (u64)dentry;
	s->inode = address;
	s->inner = 1;
	return decide_found(s, kinds);
}

/*
 * A decision about an open file, which most often no rule speaks of. A file with
 * several names may come by another one next time, from the same memory, and
 * one without a name has none to keep.
 */
static __always_inline int check_file(u32 hook, struct control_block *c, struct file *file, u32 kinds)
{
	struct inode *inode = file->f_inode;
	bool keep = (inode->i_mode & S_IFMT) == S_IFDIR || inode->i_nlink == 1;
	u64 digest = keep ? digest_of(c, file, inode) : 0;

	if (digest) {
		struct unconcerned *u = bpf_inode_storage_get(&unconcerned, inode, NULL, 0);

		if (u && u->digest == digest &&
		    (!(generation_flags(c->slot) & HAS_FILE_DEFAULTS) || !has_default(kinds)))
			return 0;
	}
	if (!concerned(kinds))
		return 0;
	if (is_inner(file))
		return verdict(decide_inner(hook, number(&file->f_path.dentry), number(&file->f_inode), kinds));
	struct path at = {};

	bpf_probe_read_kernel(&at, sizeof(at), &file->f_path);
	int ret = decide_place(hook, (u64)at.mnt, (u64)at.dentry, number(&file->f_inode), kinds);

	if (ret == NOTHING_FOUND && digest && digest == digest_of(c, file, inode)) {
		struct unconcerned *u = bpf_inode_storage_get(&unconcerned, inode, NULL,
							      BPF_LOCAL_STORAGE_GET_F_CREATE);

		if (u)
			u->digest = digest;
	}
	return verdict(ret);
}
