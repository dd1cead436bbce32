/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What follows from the rules that an object finds, and telling it.
 *
 *     a rule denies  >  a rule allows  >  a default denies  >  allowed
 *
 * Rules and defaults that are only to be told are worked out beside those that
 * are enforced, in the same way. Telling changes no verdict: a full ring is
 * counted, and the operation is denied all the same.
 */
#pragma once

#include "object.h"

#define BUFFER_SIZE 12288
#define BUFFER_MAX_READ 4096
#define BUFFER_ROOM (BUFFER_SIZE - BUFFER_MAX_READ)
#include "../../../internal/bpf/path.h"
#include "../../../internal/bpf/container.h"

#define EPERM 1
#define SIGKILL 9

/* Why: record.reason. */
enum { BY_RULE = 1, BY_DEFAULT, BY_DOUBT };

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
	u16 unused;
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

static __always_inline void add_object(struct telling *t, struct scratch *s)
{
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

static __always_inline void common(struct set *to, const struct set *a, const struct set *b)
{
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		to->w[i] = a->w[i] & b->w[i];
}

/* Adds up one of the entries that were found; offset says which of its effects. */
__noinline int add_up(u32 index, u32 offset)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	u32 id = s->id[index & (MATCHES - 1)];
	u32 *entry = lookup(&entries, s->slot, &id);

	if (!entry)
		return 0;
	u32 at = *entry + offset;
	struct effect *e = lookup(&effects, s->slot, &at);
	struct tally *t = &s->tally;

	if (!e)
		return 0;
	if (!t->deny_entry && meets(&e->deny, &s->who)) {
		t->deny_entry = id;
		t->kill = meets(&e->kill, &s->who);
		common(&t->deny, &e->deny, &s->who);
	}
	if (!t->audit_entry && meets(&e->audit, &s->who)) {
		t->audit_entry = id;
		common(&t->audit, &e->audit, &s->who);
	}
	if (meets(&e->allow, &s->who))
		t->allowed = 1;
	if (meets(&e->allow_audit, &s->who))
		t->allowed_audit = 1;
	return 0;
}

/*
 * Guard itself: a program of that label, run by the root of the machine. It is
 * looked for only where something is about to be denied.
 */
static __always_inline bool is_guard(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct label *label = label_of(task);

	return label && has_bit(&label->exe, SUBJECT_GUARD) &&
	       BPF_CORE_READ(task, cred, euid.val) == 0 &&
	       BPF_CORE_READ(task, cred, user_ns, level) == 0;
}

/* Fills scratch.because with those subjects of the task; false if there are none. */
static __always_inline bool because_of(struct scratch *s, const struct set *subjects)
{
	common(&s->because, subjects, &s->who);
	return meets(&s->because, &s->because);
}

/* What is enforced. */
__noinline int decide_deny(u32 kind)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);
	struct tally *t = &s->tally;

	kind &= KIND_SLOTS - 1;
	if (!g)
		return 0;
	s->entry = 0;
	s->denied = 1;
	if (t->deny_entry) {
		s->entry = t->deny_entry;
		s->because = t->deny;
		s->reason = BY_RULE;
	} else if (s->inner) {
		return 0;
	} else if (s->walk & WALK_UNFINISHED && because_of(s, &g->unresolved_deny[kind])) {
		s->reason = BY_DOUBT;
	} else if (!t->allowed && because_of(s, &g->deny[kind])) {
		s->reason = BY_DEFAULT;
	} else {
		return 0;
	}
	if (is_guard())
		return 0;
	if (t->deny_entry && t->kill)
		bpf_send_signal(SIGKILL);
	return 1;
}

/* What is only told. */
__noinline int decide_audit(u32 kind)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);
	struct tally *t = &s->tally;

	kind &= KIND_SLOTS - 1;
	if (!g)
		return 0;
	s->entry = 0;
	s->denied = 0;
	if (t->audit_entry) {
		s->entry = t->audit_entry;
		s->because = t->audit;
		s->reason = BY_RULE;
	} else if (s->inner) {
		return 0;
	} else if (s->walk & WALK_UNFINISHED && because_of(s, &g->unresolved_audit[kind])) {
		s->reason = BY_DOUBT;
	} else if (!t->allowed && !t->allowed_audit && because_of(s, &g->audit[kind])) {
		s->reason = BY_DEFAULT;
	} else {
		return 0;
	}
	return 1;
}

/* A path that could not be found out. */
static __always_inline void doubt(u32 kind)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);

	DOUBT(unresolved);
	if (g && meets(&g->unresolved_allow[kind & (KIND_SLOTS - 1)], &s->who))
		s->tally.allowed = s->tally.allowed_audit = 1;
}

/* One more kind of decision on what was found: 0, or -EPERM. */
__noinline int decide(u32 kind, u32 offset)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	__builtin_memset(&s->tally, 0, sizeof(s->tally));
	s->kind = kind;
	for (int i = 0; i < MATCHES; i++) {
		if (i >= s->count)
			break;
		add_up(i, offset);
	}
	if (s->walk & WALK_UNFINISHED)
		doubt(kind);
	if (decide_deny(kind)) {
		tell();
		return -EPERM;
	}
	if (decide_audit(kind))
		tell();
	return 0;
}

/* What every program reads first; NULL where nothing is to be decided. */
static __always_inline struct control_block *armed(void)
{
	u32 zero = 0;
	struct control_block *c = bpf_map_lookup_elem(&control, &zero);

	return c && c->armed ? c : NULL;
}

/* True if one of the sets, of these kinds, has one of the subjects. */
static __always_inline bool any_of(const struct set sets[KIND_SLOTS], const struct set *subjects, u32 kinds)
{
	for (u32 kind = 0; kind < KINDS; kind++)
		if (kinds & IS(kind) && meets(&sets[kind], subjects))
			return true;
	return false;
}

/* Not 0 if a rule or a default about one of these kinds may concern the task. */
__noinline int concerned(u32 kinds)
{
	struct control_block *c = armed();
	struct set subjects;

	if (!c || is_agent(c))
		return 0;
	u32 slot = c->slot;
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);

	if (!g)
		return 0;
	who_at_most(&subjects, g, kinds);
	return any_of(g->concerned, &subjects, kinds);
}

/* Fills scratch.found with the subjects by one of the cgroups, and goes to the next. */
__noinline int step_cgroup(void)
{
	struct scratch *s = scratch_of_task();

	if (!s || !s->at)
		return 0;
	struct kernfs_node *kn = (void *)s->at;
	u64 id = BPF_CORE_READ(kn, id);

	add_found(&s->found, s->slot, lookup(&cgroups, s->slot, &id));
	if (bpf_core_field_exists(kn->__parent))
		s->at = (u64)BPF_CORE_READ(kn, __parent); /* 6.15 */
	else
		s->at = (u64)BPF_CORE_READ((struct kernfs_node___5_10 *)kn, parent);
	return 1;
}

/* Adds the subjects that ask for an executable, a cgroup or a user. */
__noinline int identify_named(void)
{
	struct task_struct *task = actor();
	struct scratch *s = scratch_of_task();

	if (!s || !task)
		return 0;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);
	struct set *match = &s->picked;

	if (!g)
		return 0;
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		match->w[i] = ~0ull;
	match->w[0] &= ~0xfull; /* those without a definition */
	if (g->flags & HAS_EXE) {
		struct label *label = label_of(task);

		__builtin_memset(&s->found, 0, sizeof(s->found));
		if (label)
			s->found = label->exe;
		keep_set(match, &s->found, &g->no_exe);
	}
	if (g->flags & HAS_CGROUP) {
		__builtin_memset(&s->found, 0, sizeof(s->found));
		s->at = (u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
		for (int i = 0; i < CGROUP_LEVELS; i++)
			if (!step_cgroup())
				break;
		keep_set(match, &s->found, &g->no_cgroup);
	}
	if (g->flags & HAS_UID) {
		__builtin_memset(&s->found, 0, sizeof(s->found));
		add_user(&s->found, s->slot, USER_SUBJECT, (u32)bpf_get_current_uid_gid());
		keep_set(match, &s->found, &g->no_uid);
	}
	add_set(&s->who, match);
	__builtin_memset(match, 0, sizeof(*match));
	return 0;
}

/* Fills in scratch.who; not 0 if a rule or a default concerns it. */
__noinline int identify(u32 kinds)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);

	if (!g)
		return 0;
	s->who.w[0] = builtin(actor(), bpf_get_current_pid_tgid() >> 32, kinds);
	if (g->flags & HAS_NAMED)
		identify_named();
	if (!(s->who.w[0] & 1 << SUBJECT_ALL)) {
#pragma unroll
		for (int i = 0; i < WORDS; i++)
			s->who.w[i] &= ~g->of_all.w[i];
	}
	if (g->exceptions)
		remove_exceptions(&s->who, g);
	return any_of(g->concerned, &s->who, kinds);
}

/* What a policy that is strict about paths is strict about without memory, too. */
static __always_inline int refused(u32 slot, u32 kinds)
{
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);
	struct set subjects;

	if (!g)
		return 0;
	who_at_most(&subjects, g, kinds);
	return any_of(g->unresolved_deny, &subjects, kinds) ? -EPERM : 0;
}

/*
 * Asks for a decision: 1 if there is one to make, and the scratch for it has the
 * policy and the subjects; else what the hook returns.
 */
__noinline int ask(u32 hook, u32 kinds)
{
	struct control_block *c = armed();

	if (!c || !concerned(kinds))
		return 0;
	u32 slot = c->slot;

	if (!new_scratch(hook, slot))
		return refused(slot, kinds);
	if (identify(kinds))
		return 1;
	end();
	return 0;
}

static __always_inline struct scratch *asked(int ret)
{
	return ret > 0 ? scratch_of_task() : NULL;
}

/* What a hook may return; the verifier does not know what functions return. */
static __always_inline int verdict(int ret)
{
	barrier_var(ret);
	return ret < 0 ? -EPERM : 0;
}

static __always_inline u32 generation_flags(u32 slot)
{
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);

	return g ? g->flags : 0;
}
