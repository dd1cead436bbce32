/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How a record leaves the kernel, and how nothing is lost silently.
 *
 * A command fills a record in its scratch buffer and calls submit() once.
 * Every occurrence that a hook sees is counted exactly once as seen, and then
 * exactly once as filtered, lost or sent, so that
 *
 *     seen = printed + filtered + lost
 *
 * holds at exit to the unit.
 */
#pragma once

#include "kernel.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#define TASK_COMM_LEN 16

/* Helpers that this kernel may lack; the enum of its own BTF tells. */
enum bpf_func_id___ringside {
	BPF_FUNC_ktime_get_boot_ns___ringside = 125, /* 5.8 */
	BPF_FUNC_task_pt_regs___ringside = 175,      /* 5.15 */
};

/*
 * One ring for all CPUs keeps events in order and memory independent of the
 * number of CPUs. The loader turns the map into a perf event array, and
 * use_ringbuf to false, on a kernel without ring buffers (before 5.8).
 */
const volatile bool use_ringbuf = true;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* bytes; --buffer changes it */
} events SEC(".maps");

struct counters {
	u64 seen;       /* occurrences that reached a hook */
	u64 filtered;   /* dropped because a filter said so */
	u64 lost;       /* dropped because the buffer or a map was full */
	u64 truncated;  /* sent, but cut */
	u64 unreadable; /* sent, but with memory that could not be read */
	u64 rescued;    /* handled by a backup, since the kernel skipped the program */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} counters SEC(".maps");

/*
 * Adds one to a counter of this CPU; atomically, since from 7.0 on another
 * task can preempt us on this CPU and count as well.
 */
#define COUNT(field)                                                          \
	do {                                                                  \
		u32 zero_ = 0;                                                \
		struct counters *c_ = bpf_map_lookup_elem(&counters, &zero_); \
		if (c_)                                                       \
			__sync_fetch_and_add(&c_->field, 1);                  \
	} while (0)

/* What begins every record of every command. */
struct record_head {
	u64 time_ns;    /* clock_ns() at the event */
	u64 cgroup_id;  /* of the cgroup v2 hierarchy; equals the directory's inode */
	u32 kind;       /* the command's own type of record */
	u32 pid;        /* process (thread group) id in the initial namespace */
	u32 tid;        /* thread id */
	u32 ppid;       /* process id of the real parent */
	u32 uid;        /* real user id in the initial namespace */
	u32 gid;        /* real group id */
	char comm[TASK_COMM_LEN];
};

/* Nanoseconds since boot, suspend included where the kernel can tell. */
static __always_inline u64 clock_ns(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___ringside,
				       BPF_FUNC_ktime_get_boot_ns___ringside))
		return bpf_ktime_get_boot_ns();
	return bpf_ktime_get_ns();
}

/*
 * Backups. The kernel skips a program on a CPU where the same program is
 * running already, and from 7.0 on it can be preempted there: under load some
 * events in a hundred would be lost. So the same code is attached COPIES times.
 * The first to run marks the event as handled, by a value that tells it from the
 * task's other events as well as can be; the others, which run right after it,
 * take what has no mark.
 * Two copies still lose one event in a thousand on a crowded machine.
 *
 * Where a task that is in the kernel cannot be preempted, and no interrupt comes by
 * the hook, nothing is skipped: then the loader leaves the backups out.
 */
#define COPIES 3

const volatile bool has_backups = true;

struct mark {
	u64 event;
	u64 copy; /* the last one that came by */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* task */
	__type(value, struct mark);
} handled SEC(".maps");

/*
 * True for the copy, counted from 0, that is to handle this event of the task.
 * Call it first, before any return: a run that the kernel skipped counts as lost
 * unless a backup came as far as this. Where most events are dropped by a cheap
 * filter, that may come before, if it is the same in all copies: what the
 * kernel skipped is then bounded by what it skipped of the last copy.
 *
 * While a task is preempted within a copy, that copy is skipped for all others
 * on the CPU. So a mark may stay behind, and the next event, which can have the
 * same value, may come to the very copy that made it: a mark holds only for copies
 * after the last one that saw it.
 */
static __always_inline bool handle_once(u32 copy, u64 task, u64 event)
{
	if (!has_backups)
		return true;
	if (copy > 0) {
		struct mark *mark = bpf_map_lookup_elem(&handled, &task);
		bool done = mark && mark->event == event && mark->copy < copy;

		if (mark && copy == COPIES - 1)
			bpf_map_delete_elem(&handled, &task);
		else if (done)
			mark->copy = copy;
		if (done)
			return false;
		COUNT(rescued);
	}
	if (copy < COPIES - 1) {
		struct mark mark = { .event = event, .copy = copy };

		bpf_map_update_elem(&handled, &task, &mark, BPF_ANY);
	}
	return true;
}

/*
 * A body is what a program and its backups all do for an event that is theirs: a
 * program of its own, that they end with by a tail call. The verifier goes through
 * it once then, and not again for each backup. It sits in a map of one entry, and the
 * loader loads it where a program refers to that map.
 */
#define BODY(name)                                                \
	int name(unsigned long long *ctx);                        \
	struct {                                                  \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);            \
		__uint(max_entries, 1);                           \
		__uint(key_size, sizeof(u32));                    \
		__array(values, int(void *));                     \
	} at_##name SEC(".maps") = { .values = { [0] = (void *)&name } }

/*
 * Goes on in a body, and comes back only if there is none, which the loader rules out.
 * That counts as lost, perhaps more than once.
 */
static __always_inline int end_with(void *ctx, void *at_body)
{
	bpf_tail_call(ctx, at_body, 0);
	COUNT(seen);
	COUNT(lost);
	return 0;
}

/* Fills the head for the current task. */
static __always_inline void record_head_fill(struct record_head *head, u32 kind,
					     struct task_struct *task)
{
	u64 ids = bpf_get_current_pid_tgid();
	u64 owner = bpf_get_current_uid_gid();

	head->time_ns = clock_ns();
	head->cgroup_id = bpf_get_current_cgroup_id();
	head->kind = kind;
	head->pid = ids >> 32;
	head->tid = (u32)ids;
	head->ppid = BPF_CORE_READ(task, real_parent, tgid);
	head->uid = (u32)owner;
	head->gid = owner >> 32;
	bpf_get_current_comm(head->comm, sizeof(head->comm));
}

/* Hands bytes to the command; 0, or a negative errno where there is no room. */
static __always_inline long send(void *ctx, void *record, u64 size)
{
	if (use_ringbuf)
		return bpf_ringbuf_output(&events, record, size, 0);
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, record, size);
}

/* The only way out for an event: sends it, or counts it as lost. */
static __always_inline void submit(void *ctx, void *record, u64 size)
{
	if (send(ctx, record, size))
		COUNT(lost);
}
