/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Memory for a decision. It belongs to the task and not to the CPU: where the
 * kernel can be preempted, another task may decide on this CPU before we have.
 */
#pragma once

#include "hash.h"
#include "subject.h"

#define DEPTH 128  /* components that a walk follows, a power of two */
#define MATCHES 64 /* rules, or groups of them, that one object finds */

/* How a walk ended. */
#define WALK_UNFINISHED (1u << 0) /* deeper than DEPTH, or changed as we looked */
#define WALK_DETACHED (1u << 1)   /* in no tree of mounts: the path begins at the file system's root */
#define WALK_INITIAL (1u << 2)    /* in the initial mount namespace */

/* Objects of a decision that are no files, for alerts. */
struct detail {
	u8 address[16];  /* IPv4 as ::ffff:a.b.c.d */
	u16 port;
	u16 family;
	u32 protocol;    /* IPPROTO_* of sockets */
	u32 operation;   /* IS_* of specials */
	u32 old_id, new_id;
	u32 type;        /* SOCK_* */
	char fstype[FSTYPE_LEN];
};

/* What the entries that were found say, as far as it concerns the task. */
struct tally {
	struct set deny, audit;
	u32 deny_entry, audit_entry; /* the first of each */
	u32 allowed;
	u32 allowed_audit;
	u32 kill;
	u32 unused;
};

struct scratch {
	/* the question */
	u32 slot;
	u32 hook;
	struct set who;
	u64 mnt, dentry; /* vfsmount, dentry; mnt 0 where the hook does not know it */
	u64 inode;       /* 0 for that of the dentry */

	/* what a walk found: components from the leaf up */
	u32 depth;
	u32 walk;
	u64 at, at_mount; /* where the walk is: dentry, mount */
	u64 top;         /* directory that the walk has come to */
	u64 name[DEPTH]; /* dentry whose name it is */
	u64 node[DEPTH]; /* dentry whose inode it is: not the same at mount points */
	struct sip sip;
	char text[NAME_MAX_LEN];

	/* what applies */
	u32 count;
	u32 inner; /* it is behind another file, which was decided on: only rules that deny count */
	u32 id[MATCHES];
	struct set picked; /* special rules */
	struct set found;  /* by the part that is looked at now */

	struct tally tally;

	/* the answer */
	u32 kind;
	u32 reason;
	u32 entry;
	u32 denied;
	struct set because; /* subjects */

	struct detail detail;
	u32 abstract; /* 1 and the length of the abstract name in text; 0: no such socket */
	u32 subvolumes;   /* HAS_SUBVOLUMES of the generation */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192); /* tasks in the middle of a decision */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} blank_scratch SEC(".maps");

static __always_inline struct scratch *scratch_of_task(void)
{
	u64 task = bpf_get_current_task();

	return bpf_map_lookup_elem(&scratches, &task);
}

/* Fresh scratch for the current task; NULL if memory is short. */
static __always_inline struct scratch *new_scratch(u32 hook, u32 slot)
{
	u64 task = bpf_get_current_task();
	u32 zero = 0;
	struct scratch *blank = bpf_map_lookup_elem(&blank_scratch, &zero);

	if (!blank || bpf_map_update_elem(&scratches, &task, blank, BPF_ANY)) {
		DOUBT(no_memory);
		return NULL;
	}
	struct scratch *s = bpf_map_lookup_elem(&scratches, &task);

	if (!s)
		return NULL;
	s->slot = slot;
	s->hook = hook;
	return s;
}

static __always_inline void end(void)
{
	u64 task = bpf_get_current_task();

	bpf_map_delete_elem(&scratches, &task);
}

static __always_inline void push(struct scratch *s, u32 id)
{
	u32 n = s->count;

	if (!id)
		return;
	if (n >= MATCHES) { /* more rules on one path than anybody writes */
		s->walk |= WALK_UNFINISHED;
		return;
	}
	s->id[n] = id;
	s->count = n + 1;
}
