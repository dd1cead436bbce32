/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The filters that every command shares, decided in the kernel.
 *
 * The switches are constants, set before load: the verifier removes the code
 * of every filter that is off. Package filter sets them.
 */
#pragma once

#include "event.h"

#define FILTER_PIDS_MAX 8192 /* processes that --pid with --follow can track */

const volatile u32 filter_self = 0;        /* our own process, never reported */
const volatile bool filter_by_pid = false; /* --pid: only processes in filter_pids */
const volatile bool filter_by_uid = false; /* --uid */
const volatile u32 filter_uid = 0;
const volatile bool filter_by_comm = false; /* --comm */
const volatile char filter_comm[TASK_COMM_LEN] = {};
const volatile bool filter_by_mntns = false; /* --mntns */
const volatile u32 filter_mntns = 0;
const volatile u32 filter_cgroup_count = 0;     /* --cgroup, --container */
const volatile bool filter_by_cgroupmap = false; /* --cgroupmap */
const volatile bool filter_by_mntnsmap = false;  /* --mntnsmap */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILTER_PIDS_MAX);
	__type(key, u32); /* process id */
	__type(value, u8);
} filter_pids SEC(".maps");

/* A task passes when it is below every one of these cgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32);
} filter_cgroups SEC(".maps");

/* Pinned sets that the user made; a present key passes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64); /* cgroup id */
	__type(value, u64);
} filter_cgroupmap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64); /* mount namespace number */
	__type(value, u32);
} filter_mntnsmap SEC(".maps");

static __always_inline bool filter_comm_equals(void)
{
	char comm[TASK_COMM_LEN];

	if (bpf_get_current_comm(comm, sizeof(comm)))
		return false;
	for (int i = 0; i < TASK_COMM_LEN; i++) {
		if (comm[i] != filter_comm[i])
			return false;
		if (!comm[i])
			break; /* the kernel does not clear what follows the NUL */
	}
	return true;
}

/* True when the current task passes every filter. */
static __always_inline bool filter_passes(struct task_struct *task)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (filter_self && pid == filter_self)
		return false;
	if (filter_by_pid && !bpf_map_lookup_elem(&filter_pids, &pid))
		return false;
	if (filter_by_uid && (u32)bpf_get_current_uid_gid() != filter_uid)
		return false;
	if (filter_cgroup_count > 0 && bpf_current_task_under_cgroup(&filter_cgroups, 0) != 1)
		return false;
	if (filter_cgroup_count > 1 && bpf_current_task_under_cgroup(&filter_cgroups, 1) != 1)
		return false;
	if (filter_by_cgroupmap) {
		u64 id = bpf_get_current_cgroup_id();

		if (!bpf_map_lookup_elem(&filter_cgroupmap, &id))
			return false;
	}
	if (filter_by_mntns || filter_by_mntnsmap) {
		u64 mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);

		if (filter_by_mntns && mntns != filter_mntns)
			return false;
		if (filter_by_mntnsmap && !bpf_map_lookup_elem(&filter_mntnsmap, &mntns))
			return false;
	}
	if (filter_by_comm && !filter_comm_equals())
		return false;
	return true;
}

/*
 * --follow: a child of a process in the set joins it before it first runs,
 * and leaves it with its last thread. Where that was missed (from 7.0 on a
 * program is skipped that preempts itself, as when all threads of a process end
 * at once), its id leaves the set when it is given to somebody else's child.
 */
SEC("raw_tp/sched_process_fork")
int BPF_PROG(filter_follow_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 parent_pid = BPF_CORE_READ(parent, tgid);
	u32 child_pid = BPF_CORE_READ(child, tgid);
	u8 followed = 1;

	if (child_pid == parent_pid)
		return 0;
	if (!bpf_map_lookup_elem(&filter_pids, &parent_pid)) {
		bpf_map_delete_elem(&filter_pids, &child_pid);
		return 0;
	}
	if (bpf_map_update_elem(&filter_pids, &child_pid, &followed, BPF_ANY)) {
		/* The set is full: what this child does will be missed. */
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

/*
 * The command that we run ourselves joins the set when it executes: what it did
 * before that, our own code did.
 */
SEC("raw_tp/sched_process_exec")
int BPF_PROG(filter_follow_exec, struct task_struct *task)
{
	u32 pid = BPF_CORE_READ(task, tgid);
	u8 followed = 1;

	if (BPF_CORE_READ(task, real_parent, tgid) == filter_self &&
	    bpf_map_update_elem(&filter_pids, &pid, &followed, BPF_ANY)) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(filter_follow_exit, struct task_struct *task)
{
	u32 pid = BPF_CORE_READ(task, tgid);

	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&filter_pids, &pid);
	return 0;
}
