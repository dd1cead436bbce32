/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Programs about mounts, by the old interface (mount) and the new one (fsopen,
 * open_tree, fspick, move_mount). No hook sees open_tree(OPEN_TREE_CLONE) and
 * mount_setattr.
 */
#pragma once

#include "hooks.h"
#include "special.h"
#include "../../../internal/bpf/syscall.h"

#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_MOVE 8192
#define MS_UNBINDABLE (1 << 17)
#define MS_PRIVATE (1 << 18)
#define MS_SLAVE (1 << 19)
#define MS_SHARED (1 << 20)

#define NR_FSCONFIG 431 /* on every architecture, and in 32 bits */

/* What is known of the place. */
enum {
	PLACED,   /* the scratch has it */
	UNPLACED, /* nothing */
	UNBORN,   /* there is none yet: attaching it will be decided on */
};

/* "fuse.sshfs" is of the type fuse. */
static __always_inline void cut_subtype(struct scratch *s)
{
	bool cut = false;

	for (int i = 0; i < FSTYPE_LEN; i++) {
		if (s->detail.fstype[i] == '.')
			cut = true;
		if (cut)
			s->detail.fstype[i] = 0;
	}
}

/* In the order in which the kernel looks at the flags. */
static __always_inline u32 operation_of(unsigned long flags)
{
	if (flags & MS_REMOUNT)
		return IS_MOUNT_REMOUNT;
	if (flags & MS_BIND)
		return IS_MOUNT_BIND;
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return IS_MOUNT_PROPAGATION;
	if (flags & MS_MOVE)
		return IS_MOUNT_MOVE;
	return IS_MOUNT_NEW;
}

static __always_inline void set_fstype(struct scratch *s, struct super_block *sb)
{
	bpf_probe_read_kernel_str(s->detail.fstype, FSTYPE_LEN, BPF_CORE_READ(sb, s_type, name));
}

/*
 * Leaves those rules picked that take this file system. One that is not known is any
 * that a rule denies, and none that a rule allows.
 */
__noinline int narrow_fstype(void)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct special *rules = specials_of(s);
	struct set named = {};

	if (!rules)
		return 0;
	if (s->detail.fstype[0]) {
		add_word(&named, s, WORD_FSTYPE, 0);
	} else {
#pragma unroll
		for (int i = 0; i < WORDS; i++)
			named.w[i] = ~rules->allows.w[i];
	}
	keep_set(&s->picked, &named, &rules->no_fstype);
	return 0;
}

/* Leaves those rules picked that take this place, as place says. */
__noinline int narrow_target(u32 place)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct special *rules = specials_of(s);

	if (!rules)
		return 0;
	__builtin_memset(&s->found, 0, sizeof(s->found));
	if (place == UNPLACED)
		s->found = rules->unplaced;
	else if (place == UNBORN)
		s->found = rules->allows;
	for (int i = 0; i < MATCHES; i++) {
		if (i >= s->count)
			break;
		add_found(&s->found, s->slot, &s->id[i]);
	}
	s->count = 0;
	keep_set(&s->picked, &s->found, &rules->no_target);
	return 0;
}

/* Decides on operations that were picked. */
static __always_inline int decide_mount(struct scratch *s, u32 place)
{
	narrow_fstype();
	if (place == PLACED)
		find(SPACE_TARGET, generation_flags(s->slot) & HAS_SUBVOLUMES);
	narrow_target(place);
	return decide_picked(s, MOUNT);
}

static __always_inline void set_target(struct scratch *s, const struct path *path)
{
	s->mnt = (u64)BPF_CORE_READ(path, mnt);
	s->dentry = (u64)BPF_CORE_READ(path, dentry);
}

SEC("lsm/sb_mount")
int BPF_PROG(sb_mount, const char *dev_name, const struct path *path, const char *type,
	     unsigned long flags, void *data)
{
	u32 operation = operation_of(flags);
	int ret = ask(HOOK_SB_MOUNT, IS(MOUNT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	set_target(s, path);
	pick_operation(s, operation);
	if (operation == IS_MOUNT_NEW) {
		bpf_probe_read_kernel_str(s->detail.fstype, FSTYPE_LEN, type);
		cut_subtype(s);
	} else if (operation == IS_MOUNT_REMOUNT || operation == IS_MOUNT_PROPAGATION) {
		struct dentry *dentry = (void *)s->dentry;

		set_fstype(s, BPF_CORE_READ(dentry, d_sb));
	} /* else it is that of a path that the kernel has not looked up yet */
	ret = decide_mount(s, PLACED);
	end();
	return verdict(ret);
}

/*
 * Behind mount(), which was decided on with its target, and behind fsconfig(), of
 * which nothing but the file system is known.
 */
static __always_inline int without_target(u32 hook, u32 operation, u32 place,
					  struct super_block *sb)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (current_syscall(task, user_regs(task)) != NR_FSCONFIG)
		return 0;
	int ret = ask(hook, IS(MOUNT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	pick_operation(s, operation);
	set_fstype(s, sb);
	ret = decide_mount(s, place);
	end();
	return verdict(ret);
}

SEC("lsm/sb_kern_mount")
int BPF_PROG(sb_kern_mount, struct super_block *sb)
{
	return without_target(HOOK_SB_KERN_MOUNT, IS_MOUNT_NEW, UNBORN, sb);
}

SEC("lsm/sb_remount")
int BPF_PROG(sb_remount, struct super_block *sb)
{
	return without_target(HOOK_SB_REMOUNT, IS_MOUNT_REMOUNT, UNPLACED, sb);
}

/* A mount that was in no tree is a new one, or a directory in a second place. */
SEC("lsm/move_mount")
int BPF_PROG(move_mount, const struct path *from, const struct path *to)
{
	int ret = ask(HOOK_MOVE_MOUNT, IS(MOUNT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	struct vfsmount *vfs = BPF_CORE_READ(from, mnt);
	struct mount *mnt = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
	struct dentry *root = BPF_CORE_READ(from, dentry);

	set_target(s, to);
	set_fstype(s, BPF_CORE_READ(root, d_sb));
	if (BPF_CORE_READ(mnt, mnt_parent) == mnt) {
		pick_operation(s, IS_MOUNT_NEW);
		pick_operation(s, IS_MOUNT_BIND);
	}
	pick_operation(s, IS_MOUNT_MOVE);
	ret = decide_mount(s, PLACED);
	end();
	return verdict(ret);
}

SEC("lsm/sb_umount")
int BPF_PROG(sb_umount, struct vfsmount *mnt, int flags)
{
	int ret = ask(HOOK_SB_UMOUNT, IS(MOUNT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	struct dentry *root = BPF_CORE_READ(mnt, mnt_root);

	s->mnt = (u64)mnt;
	s->dentry = (u64)root;
	set_fstype(s, BPF_CORE_READ(root, d_sb));
	pick_operation(s, IS_MOUNT_UMOUNT);
	ret = decide_mount(s, PLACED);
	end();
	return verdict(ret);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(sb_pivotroot, const struct path *old_path, const struct path *new_path)
{
	int ret = ask(HOOK_SB_PIVOTROOT, IS(MOUNT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	struct dentry *root = BPF_CORE_READ(new_path, dentry);

	set_target(s, new_path);
	set_fstype(s, BPF_CORE_READ(root, d_sb));
	pick_operation(s, IS_MOUNT_PIVOT);
	ret = decide_mount(s, PLACED);
	end();
	return verdict(ret);
}
