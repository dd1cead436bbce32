/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --profile: checks are added up by who asked, for what, and with what success.
 *
 * Who asked is an executable in a cgroup. Both can be gone before anybody looks
 * them up, so their names are sent at the first check of each.
 */
#pragma once

#include "../../internal/bpf/container.h"
#include "../../internal/bpf/path.h"
#include "../../internal/bpf/syscall.h"
#include "capable.h"
#include "setid.h"

#define CGROUP_LEVELS 16
#define CGROUP_NAME_MAX 256 /* NAME_MAX and its NUL */

/* use_key.how */
#define USED 0      /* allowed, and it made a difference */
#define NEEDLESS 1  /* the call succeeds, to the same effect, without */
#define REFUSED 2
#define UNAUDITED 3 /* allowed, by a check that is not audited */

struct subject {
	u64 cgroup_id;
	u64 inode;        /* of the executable */
	u32 dev;          /* kernel dev_t */
	u32 userns_level; /* 0: the initial user namespace */
};

struct use_key {
	struct subject who;
	s32 cap;
	u32 how;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384); /* the command lowers it to 1 without --profile */
	__type(key, struct use_key);
	__type(value, u64); /* checks */
} uses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096); /* likewise */
	__type(key, struct subject);
	__type(value, u64); /* when its names were sent */
} subjects SEC(".maps");

struct subject_record {
	struct record_head head;
	struct subject who;
	u32 flags;
	u16 exe_len;    /* components, leaf first */
	u16 cgroup_len; /* likewise */
	u16 container_len;
	u16 reserved[3];
};

struct subject_scratch {
	struct subject_record rec;
	struct buffer names;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COPIES); /* the command lowers it to 1 without --profile */
	__type(key, u32);
	__type(value, struct subject_scratch);
} subject_scratch SEC(".maps");

/* Appends the names of the task's cgroup v2 directories, leaf first. */
static __always_inline u32 cgroup_append(struct buffer *b, struct task_struct *task)
{
	struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	u64 parent_offset = kernfs_parent_offset();
	u32 before = b->len;

	for (int i = 0; i < CGROUP_LEVELS && kn; i++) {
		struct kernfs_node *parent = NULL;

		bpf_probe_read_kernel(&parent, sizeof(parent), (void *)kn + parent_offset);
		if (!parent)
			break; /* the root has no name */
		if (buffer_kernel_str(b, BPF_CORE_READ(kn, name), CGROUP_NAME_MAX) <= 0)
			break;
		kn = parent;
	}
	return b->len - before;
}

/* Sends the names of a subject; false if that was not possible. */
static __always_inline bool send_subject(void *ctx, struct task_struct *task, struct file *exe,
					 const struct subject *who, u32 copy)
{
	struct subject_scratch *s = bpf_map_lookup_elem(&subject_scratch, &copy);

	if (!s)
		return false;
	struct subject_record *rec = &s->rec;

	record_head_fill(&rec->head, KIND_SUBJECT, task);
	rec->who = *who;
	rec->flags = 0;
	rec->reserved[0] = rec->reserved[1] = rec->reserved[2] = 0;
	s->names.len = 0;
	int walk = path_append(&s->names, &exe->f_path);

	if (walk == PATH_CUT)
		rec->flags |= F_EXE_CUT;
	if (walk == PATH_DETACHED)
		rec->flags |= F_EXE_DETACHED;
	rec->exe_len = s->names.len;
	rec->cgroup_len = cgroup_append(&s->names, task);
	rec->container_len = container_append(&s->names, task);

	u32 len = *(volatile u32 *)&s->names.len;

	if (len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	return send(ctx, s, sizeof(*rec) + offsetof(struct buffer, data) + len) == 0;
}

/*
 * Checks that are not audited change what a program sees, such as the addresses
 * in /proc/kallsyms, and so belong to what it needs. Those of CAP_SYS_ADMIN do
 * not: nearly all of them account memory at every mmap(). seccomp() is the one
 * that would fail.
 */
static __always_inline bool matters_unaudited(struct task_struct *task, const struct check *c)
{
	if (c->ret)
		return false;
	if (c->cap != CAP_SYS_ADMIN)
		return true;
	if (syscall_is_compat(task))
		return false;
	s32 nr = current_syscall(task, user_regs(task));

	return nr == NR_SECCOMP || nr == NR_PRCTL;
}

/* Adds a check to its subject's account. */
static __always_inline void profile_check(void *ctx, struct task_struct *task,
					  const struct check *c, u32 copy)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct use_key key = {};
	u64 now, one = 1;

	if (!exe) { /* a kernel thread: nobody can give it less */
		COUNT(filtered);
		return;
	}
	struct inode *inode = BPF_CORE_READ(exe, f_inode);
	const struct cred *cred = c->cred;

	key.who.cgroup_id = bpf_get_current_cgroup_id();
	key.who.inode = BPF_CORE_READ(inode, i_ino);
	key.who.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key.who.userns_level = BPF_CORE_READ(cred, user_ns, level);
	key.cap = c->cap;
	if (check_is_needless(task, c))
		key.how = NEEDLESS;
	else if (c->ret)
		key.how = REFUSED;
	else
		key.how = is_unaudited(c) ? UNAUDITED : USED;

	u64 *count = bpf_map_lookup_elem(&uses, &key);

	if (count) {
		__sync_fetch_and_add(count, 1);
		return;
	}
	if (!bpf_map_lookup_elem(&subjects, &key.who)) {
		now = clock_ns();
		/* Fails where another CPU was first, or the map is full. */
		long err = bpf_map_update_elem(&subjects, &key.who, &now, BPF_NOEXIST);

		if (!err && !send_subject(ctx, task, exe, &key.who, copy)) {
			bpf_map_delete_elem(&subjects, &key.who);
			err = -1;
		}
		if (err && !bpf_map_lookup_elem(&subjects, &key.who)) {
			COUNT(lost); /* nobody would know whose it was */
			return;
		}
	}
	if (bpf_map_update_elem(&uses, &key, &one, BPF_NOEXIST) == 0)
		return;
	count = bpf_map_lookup_elem(&uses, &key); /* another CPU was first */
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		COUNT(lost);
}
