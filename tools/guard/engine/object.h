/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which rules a file finds: by the path that leads to it from the root of its
 * mount namespace, and by the file itself and the directories that it is in.
 *
 * The functions here are global ones, which the verifier looks at once and
 * not at each call. They take what they work on from the task's scratch.
 */
#pragma once

#include "inode.h"
#include "scratch.h"

#define WALK_STEPS 192 /* components and mounts */
#define MAX_ERRNO 4095
#define MNT_NS_ANON_INO 0xEFFFFFF7u /* of open_tree() and fsmount(), from 6.18 on; 0 before */

/* Addresses of the kernel's rename_lock and mount_lock, 0 where they are hidden. */
const volatile u64 rename_lock_at = 0;
const volatile u64 mount_lock_at = 0;

struct seqcount {
	u32 sequence; /* odd while something is being renamed, or mounted */
};

static __always_inline u32 sequence(u64 at)
{
	u32 n = 1;

	if (at)
		bpf_probe_read_kernel(&n, sizeof(n), (void *)at);
	return n;
}

static __always_inline bool is_kernels_own(struct mnt_namespace *ns)
{
	return (u64)ns >= (u64)-MAX_ERRNO;
}

/* Where a tree of mounts ends: says in which namespace it is. */
static __always_inline u32 tree_of(struct mount *top)
{
	struct mnt_namespace *ns = BPF_CORE_READ(top, mnt_ns);

	if (!ns || is_kernels_own(ns))
		return WALK_DETACHED;
	u32 number = BPF_CORE_READ(ns, ns.inum);
	u32 zero = 0;
	struct control_block *c = bpf_map_lookup_elem(&control, &zero);

	if (number == 0 || number == MNT_NS_ANON_INO)
		return WALK_DETACHED;
	return c && number == c->initial_mntns ? WALK_INITIAL : 0;
}

/*
 * One step of a walk: a component, or from a mount to what it is mounted on. False
 * at the end. What it works on is in memory, where the verifier sees the same
 * unknown numbers at every step.
 */
__noinline int step(void)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct dentry *dentry = (void *)s->at;
	struct mount *mnt = (void *)s->at_mount;

	if (mnt && dentry == BPF_CORE_READ(mnt, mnt.mnt_root)) {
		struct mount *above = BPF_CORE_READ(mnt, mnt_parent);

		if (above != mnt) {
			s->at = (u64)BPF_CORE_READ(mnt, mnt_mountpoint);
			s->at_mount = (u64)above;
			return 1;
		}
		s->walk = tree_of(mnt);
		if (!(s->walk & WALK_DETACHED))
			return 0;
		s->at_mount = 0; /* the file system has more above a mounted directory */
	}
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	u32 depth = s->depth;

	if (!parent || parent == dentry) {
		s->walk = WALK_DETACHED;
		return 0;
	}
	s->walk = WALK_UNFINISHED;
	if (depth >= DEPTH)
		return 0;
	s->name[depth] = (u64)dentry;
	s->node[depth] = s->top;
	s->depth = depth + 1;
	s->at = s->top = (u64)parent;
	return 1;
}

/*
 * Collects the components of the path of scratch.dentry on scratch.mnt, up to
 * the root of the mount namespace, across mounts and chroot directories.
 */
__noinline int walk(void)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	s->at = s->top = s->dentry;
	s->at_mount = s->mnt ? s->mnt - bpf_core_field_offset(struct mount, mnt) : 0;
	s->depth = 0;
	s->walk = WALK_UNFINISHED;
	for (int i = 0; i < WALK_STEPS; i++)
		if (!step())
			return 0;
	s->walk = WALK_UNFINISHED;
	return 0;
}

/* Absorbs the first bytes of the scratch's text. A function of its own, for the verifier. */
__noinline int absorb_text(u32 len)
{
	struct scratch *s = scratch_of_task();

	if (s)
		sip_name(&s->sip, s->text, len);
	return 0;
}

/* Reads the name of a component, 0 for the leaf, and absorbs it. */
__noinline int absorb(u32 component)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct dentry *dentry = (void *)s->name[component & (DEPTH - 1)];
	long n = bpf_probe_read_kernel_str(s->text, NAME_MAX_LEN, BPF_CORE_READ(dentry, d_name.name));

	if (n <= 0 || n > NAME_MAX_LEN) {
		s->walk |= WALK_UNFINISHED;
		return 0;
	}
	absorb_text(n - 1);
	return 0;
}

#define SUFFIX_MAX 32 /* bytes, with the dot */

/* Absorbs the end of the leaf's name from its last dot on; false without one. */
__noinline int absorb_suffix(void)
{
	struct scratch *s = scratch_of_task();

	if (!s || !s->depth)
		return 0;
	struct dentry *dentry = (void *)s->name[0];
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	long n = bpf_probe_read_kernel_str(s->text, NAME_MAX_LEN, name);

	u32 dot = 0; /* counted from 1 */

	for (int i = SUFFIX_MAX; i > 0; i--) {
		u32 at = n - 1 - i; /* beyond the text, and so not below n, where the name is shorter */
		/* Without a branch, which would be two states for each byte. */
		u32 is_dot = -((u32)((s->text[at & (NAME_MAX_LEN - 1)] ^ '.') - 1) >> 31);

		barrier_var(is_dot);
		is_dot &= -(u32)(at < n);
		dot = (dot & ~is_dot) | ((at + 1) & is_dot);
	}
	if (!dot)
		return 0;
	n = bpf_probe_read_kernel_str(s->text, NAME_MAX_LEN, name + dot - 1);
	if (n <= 0 || n > NAME_MAX_LEN)
		return 0;
	absorb_text(n - 1);
	return 1;
}

static __always_inline void push_view(struct scratch *s, const u32 ids[VIEWS])
{
	push(s, ids[IN_ANY]);
	if (s->walk & WALK_INITIAL)
		push(s, ids[IN_INITIAL]);
}

/* Looks the hash up as it is now: above components are still to come. */
static __always_inline void match_path(struct scratch *s, u32 space, u32 part, u32 below)
{
	struct path_key key = { .space = space, .part = part };

	sip_sum(&s->sip, key.hash);
	struct path_ids *ids = lookup(&paths, s->slot, &key);

	if (!ids)
		return;
	if (below == 0)
		push_view(s, ids->exact);
	else if (below == 1)
		push_view(s, ids->children);
	push_view(s, ids->subtree);
}

static __always_inline void match_inode(struct scratch *s, u32 space, struct inode *inode, u32 below)
{
	struct inode_key key = {};

	if (!inode)
		return;
	set_inode_key(&key, space, inode, s->subvolumes);
	struct inode_ids *ids = lookup(&inodes, s->slot, &key);

	if (!ids)
		return;
	if (below == 0)
		push(s, ids->exact);
	else if (below == 1)
		push(s, ids->children);
	push(s, ids->subtree);
}

/* One directory on the way, or the object: below components are beneath it. */
__noinline int match_level(u32 space, u32 below)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	u64 at = below < s->depth ? s->node[below & (DEPTH - 1)] : s->top;
	struct dentry *dentry = (void *)at;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	if (below == 0 && s->inode)
		inode = (void *)s->inode;
	match_path(s, space, PART_PATH, below);
	match_inode(s, space, inode, below);
	return 0;
}

/* Patterns on the last component alone. */
__noinline int match_name(u32 space, u32 flags)
{
	struct scratch *s = scratch_of_task();

	if (!s || !s->depth)
		return 0;
	if (flags & HAS_NAMES) {
		sip_start(&s->sip);
		absorb(0);
		match_path(s, space, PART_NAME, 0);
	}
	if (flags & HAS_SUFFIXES) {
		sip_start(&s->sip);
		if (absorb_suffix())
			match_path(s, space, PART_SUFFIX, 0);
	}
	return 0;
}

/* Puts the ids that the walked path finds in a space into the scratch. */
__noinline int match(u32 space, u32 flags)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	u32 depth = s->depth;

	s->count = 0;
	sip_start(&s->sip);
	s->subvolumes = flags & HAS_SUBVOLUMES;
	for (int i = 0; i <= DEPTH; i++) {
		u32 below = depth - i;

		match_level(space, below);
		if (i >= depth)
			break;
		absorb(below - 1);
	}
	if (flags & (HAS_NAMES | HAS_SUFFIXES))
		match_name(space, flags);
	return 0;
}

#define ATTEMPTS 4

/* Walks and matches; again if something was renamed or mounted meanwhile. */
__noinline int find(u32 space, u32 flags)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		u32 renames = sequence(rename_lock_at), mounts = sequence(mount_lock_at);

		walk();
		match(space, flags);
		if (!rename_lock_at || !mount_lock_at)
			return 0;
		if (!(renames & 1) && !(mounts & 1) && renames == sequence(rename_lock_at) &&
		    mounts == sequence(mount_lock_at))
			return 0;
	}
	s->walk |= WALK_UNFINISHED;
	return 0;
}
