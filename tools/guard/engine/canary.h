/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A program that answers nobody but the engine: what the kernel knows a file by,
 * which is not what stat() tells on overlayfs and btrfs; and that programs of
 * security hooks run at all, and their verdicts hold.
 */
#pragma once

#include "inode.h"
#include "scratch.h"

struct question {
	u32 tid;    /* the thread that asks, 0 for none, WHO for the one that asks about dev and ino */
	u32 tgid;   /* its process: in a container, it does not know these two */
	u32 refuse; /* refuse it, to show that we can */
	u32 dev;
	u32 initial_mntns;
	u32 subvolume; /* of the file, see inode.h */
	u64 ino;
	u64 answers;
	u64 started; /* of the process */
};

#define WHO 0xffffffff

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct question);
} question SEC(".maps");

#define GENERATIONS 64 /* from a task to process 1 */

/* The mount namespace of process 1, which we may not see from a container. */
static __always_inline u32 find_initial_mntns(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	for (int i = 0; i < GENERATIONS; i++) {
		if (BPF_CORE_READ(task, tgid) <= 1)
			return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
		task = BPF_CORE_READ(task, real_parent);
	}
	return 0;
}

SEC("lsm/inode_getattr")
int BPF_PROG(inode_getattr, const struct path *path)
{
	u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&question, &zero);

	u64 ids = bpf_get_current_pid_tgid();

	if (!q || !q->tid)
		return 0;
	struct inode *inode = BPF_CORE_READ(path, dentry, d_inode);

	if (q->tid == WHO && BPF_CORE_READ(inode, i_ino) == q->ino &&
	    BPF_CORE_READ(inode, i_sb, s_dev) == q->dev) {
		q->tid = (u32)ids;
		q->tgid = ids >> 32;
		q->started = process_start();
	}
	if (q->tid != (u32)ids)
		return 0;
	if (!q->answers++) { /* up to 6.1 overlayfs asks again, for the file behind its own */
		q->ino = BPF_CORE_READ(inode, i_ino);
		q->dev = BPF_CORE_READ(inode, i_sb, s_dev);
		q->subvolume = subvolume_of(inode);
		q->initial_mntns = find_initial_mntns();
	}
	return q->refuse ? -1 /* EPERM */ : 0;
}
