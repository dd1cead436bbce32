/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What capable's programs share: constants, the records, the maps. */
#pragma once

#include "../../internal/bpf/buffer.h"

/* ---- constants ---- */

#define KIND_CHECK 1
#define KIND_SUBJECT 2

/* cap_capable()'s opts (include/linux/security.h, 5.1 and backports). */
#define CAP_OPT_NOAUDIT 0x2
#define CAP_OPT_INSETID 0x4

#define CAP_SETGID 6
#define CAP_SETUID 7
#define CAP_SETPCAP 8
#define CAP_SYS_ADMIN 21

#define STACK_FRAMES 127      /* kernel.perf_event_max_stack, if nobody changed it */
#define BUILD_ID_FRAME 32     /* struct bpf_stack_build_id */

/* cap_record.flags */
#define F_AUDIT 0x01          /* the check may be audited */
#define F_AUDIT_KNOWN 0x02
#define F_AUDIT_INFERRED 0x04 /* from the caller, not from the argument */
#define F_INSETID 0x08        /* asked by setuid() or its like */
#define F_INSETID_KNOWN 0x10
#define F_OVERRIDDEN 0x20     /* not with the task's own credentials */
#define F_COMPAT 0x40         /* syscall is a 32-bit one */
#define F_EXE_CUT 0x80
#define F_EXE_DETACHED 0x100

/* Set by the command before load. */
const volatile bool want_all = false;        /* -v: what is not audited or not the task's own, too */
const volatile bool want_denied = false;     /* only what was refused */
const volatile u64 want_caps = ~0ULL;        /* bit by capability */
const volatile bool want_kstack = false;
const volatile bool want_ustack = false;
const volatile bool want_details = false;    /* container, for json and csv */
const volatile bool want_profile = false;    /* add up instead of sending */
const volatile u32 unique_by = 0;            /* UNIQUE_* */
const volatile bool opts_are_bits = true;    /* else a plain "audit", before 5.1 */

#define UNIQUE_NO 0
#define UNIQUE_PID 1
#define UNIQUE_CGROUP 2
#define UNIQUE_CONTAINER 3

/* ---- records and maps ---- */

struct cap_record {
	struct record_head head;
	s32 cap;
	s32 ret;            /* 0 or -EPERM */
	s32 syscall;        /* -1: none */
	u32 flags;
	u32 current_userns; /* of the credentials that were checked */
	u32 target_userns;  /* that the capability was asked for */
	/* Bytes of what follows, in this order. */
	u16 kstack_len;     /* addresses, 8 bytes each */
	u16 ustack_len;     /* BUILD_ID_FRAME bytes each */
	u16 exe_len;        /* components, leaf first; with a user stack only */
	u16 container_len;
};

/* One check at the hook. */
struct check {
	const struct cred *cred;
	struct user_namespace *target;
	s32 cap;
	s32 ret;
	u32 flags;
	u32 reserved; /* padding in a map's value must have a name to be zero */
};

/* Known not to be audited; what is not known counts as audited. */
static __always_inline bool is_unaudited(const struct check *c)
{
	return (c->flags & (F_AUDIT_KNOWN | F_AUDIT)) == F_AUDIT_KNOWN;
}

struct scratch {
	struct cap_record rec;
	struct buffer tail;
};

/* One for each copy: a program can be preempted by another of ours on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COPIES); /* the command lowers it where no record has a tail */
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* --unique: what has been sent. */
struct once_key {
	u64 who;      /* process or cgroup */
	u64 stack;    /* hash of the stacks, if they are shown */
	s32 cap;
	u32 ret;
	char container[128]; /* CONTAINER_NAME_MAX; zeros unless by container */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384); /* the command lowers it to 1 without --unique */
	__type(key, struct once_key);
	__type(value, u8);
} once SEC(".maps");
