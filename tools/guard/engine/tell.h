/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Telling what was decided: the record of an alert, which changes no verdict. */
#pragma once

#include "object.h"

#define BUFFER_SIZE 12288
#define BUFFER_MAX_READ 4096
#define BUFFER_ROOM (BUFFER_SIZE - BUFFER_MAX_READ)
#include "../../../internal/bpf/path.h"
#include "../../../internal/bpf/container.h"

#define CUT_PATH 1
#define CUT_EXE 2

struct alert {
	struct record_head head;
	u64 ino;
	u64 exe_ino;
	u64 mntns;
	struct set who;       /* subjects that the task is one of */
	struct set because;   /* those of them that the verdict is about */
	u32 revision;
	u32 hook;
	u32 decision;         /* kind */
	u32 reason;
	u32 entry;
	u32 denied;           /* 0: told only */
	u32 dev;              /* kernel dev_t; 0: no file */
	u32 exe_dev;
	u32 euid;
	u32 userns_level;
	struct detail detail;
	u32 cut;              /* CUT_* */
	u32 path_walk;        /* WALK_* */
	u16 container_len;    /* parts of strings, in this order */
	u16 exe_len;
	u16 path_len;
	u16 abstract;         /* path is the abstract name of a socket, as it is */
};

struct telling {
	struct alert alert;
	struct buffer strings;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct telling);
} tellings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct telling);
} blank_telling SEC(".maps");

static __always_inline void copy_answer(struct alert *a, const struct scratch *s)
{
	a->who = s->who;
	a->because = s->because;
	a->hook = s->hook;
	a->decision = s->kind;
	a->reason = s->reason;
	a->entry = s->entry;
	a->denied = s->denied;
	a->detail = s->detail;
	a->path_walk = s->walk;
}

/* Appends a path to what is told; returns how many bytes. */
__noinline int append_path(u64 mnt, u64 dentry, u32 cut)
{
	u64 key = bpf_get_current_task();
	struct telling *t = bpf_map_lookup_elem(&tellings, &key);
	struct path path = { .mnt = (void *)mnt, .dentry = (void *)dentry };

	if (!t)
		return 0;
	u32 before = t->strings.len;

	if (path_append(&t->strings, &path) == PATH_CUT)
		t->alert.cut |= cut;
	return t->strings.len - before;
}

static __always_inline void add_executable(struct telling *t, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);

	if (!file)
		return;
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	t->alert.exe_ino = BPF_CORE_READ(inode, i_ino);
	t->alert.exe_dev = BPF_CORE_READ(inode, i_sb, s_dev);
	t->alert.exe_len = append_path((u64)BPF_CORE_READ(file, f_path.mnt),
				       (u64)BPF_CORE_READ(file, f_path.dentry), CUT_EXE);
}

/* Appends the name of a socket that has no file. */
static __always_inline void add_abstract(struct telling *t, struct scratch *s)
{
	char *tail = buffer_tail(&t->strings);
	u32 n = (s->abstract - 1) & 127;

	if (!tail)
		return;
	barrier_var(n);
	n &= 127;
	if (bpf_probe_read_kernel(tail, n, s->text))
		return;
	t->strings.len += n;
	t->alert.path_len = n;
	t->alert.abstract = 1;
}

static __always_inline void add_object(struct telling *t, struct scratch *s)
{
	if (s->abstract)
		add_abstract(t, s);
	if (!s->dentry)
		return;
	struct dentry *dentry = (void *)s->dentry;
	struct inode *inode = (void *)s->inode;

	if (!inode)
		inode = BPF_CORE_READ(dentry, d_inode);
	if (inode) {
		t->alert.ino = BPF_CORE_READ(inode, i_ino);
		t->alert.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	}
	t->alert.path_len = append_path(s->mnt, s->dentry, CUT_PATH);
}

/* Sends the answer that is in the scratch. */
__noinline int tell(void)
{
	struct scratch *s = scratch_of_task();
	u64 key = bpf_get_current_task();
	struct task_struct *task = (void *)key;
	u32 zero = 0;

	if (!s)
		return 0;
	COUNT(seen);
	struct telling *blank = bpf_map_lookup_elem(&blank_telling, &zero);

	if (!blank || bpf_map_update_elem(&tellings, &key, blank, BPF_ANY)) {
		COUNT(lost);
		return 0;
	}
	struct telling *t = bpf_map_lookup_elem(&tellings, &key);
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);

	if (!t || !g) {
		COUNT(lost);
		return 0;
	}
	record_head_fill(&t->alert.head, 0, task);
	copy_answer(&t->alert, s);
	t->alert.revision = g->revision;
	t->alert.mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	t->alert.euid = BPF_CORE_READ(task, cred, euid.val);
	t->alert.userns_level = BPF_CORE_READ(task, cred, user_ns, level);
	t->alert.container_len = container_append(&t->strings, task);
	add_executable(t, task);
	add_object(t, s);
	if (t->alert.cut)
		COUNT(truncated);
	u32 len = *(volatile u32 *)&t->strings.len;

	if (len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	if (bpf_ringbuf_output(&events, t, sizeof(t->alert) + offsetof(struct buffer, data) + len, 0))
		COUNT(lost);
	bpf_map_delete_elem(&tellings, &key);
	return 0;
}
