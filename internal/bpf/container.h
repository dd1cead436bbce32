/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which container a task is in, from the names of its cgroups.
 *
 * Runtimes put the container's id, 64 hexadecimal digits, into the name of a
 * cgroup directory. Reading that name here, at the event, is exact also for a
 * process or a container that is gone a moment later. Tasks outside containers
 * pay for a few short reads and add nothing to the record.
 */
#pragma once

#include "buffer.h"

#define CONTAINER_ID_LEN 64
#define CONTAINER_NAME_MAX 128 /* cri-containerd-ID.scope and the like, with NUL */
#define CONTAINER_LEVELS 6     /* cgroups that a container has below its own */

/*
 * Where a node has its parent. To be asked before the loop: the compiler moves an offset
 * out of a loop that is in there, to where nothing asks any more whether this kernel
 * has the field, and the verifier refuses one that it has not.
 */
static __always_inline u64 kernfs_parent_offset(void)
{
	u64 offset;

	if (bpf_core_field_exists(struct kernfs_node, __parent)) {
		offset = bpf_core_field_offset(struct kernfs_node, __parent); /* 6.15 */
		barrier_var(offset);
	} else {
		offset = bpf_core_field_offset(struct kernfs_node___5_10, parent);
		barrier_var(offset);
	}
	return offset;
}

/*
 * Appends the first name that is long enough to hold an id, going up from kn,
 * and returns its length with NUL, or 0.
 */
static __always_inline u32 container_walk(struct buffer *b, struct kernfs_node *kn)
{
	u64 parent = kernfs_parent_offset();

	for (int i = 0; i < CONTAINER_LEVELS && kn; i++) {
		char *tail = buffer_tail(b);
		long n;

		if (!tail)
			return 0;
		n = bpf_probe_read_kernel_str(tail, CONTAINER_NAME_MAX, BPF_CORE_READ(kn, name));
		if (n > CONTAINER_ID_LEN) {
			b->len += n;
			return n;
		}
		bpf_probe_read_kernel(&kn, sizeof(kn), (void *)kn + parent);
	}
	return 0;
}

/* The cgroup v2 hierarchy first, then that of v1's pids controller. */
static __always_inline u32 container_append(struct buffer *b, struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	u32 n = container_walk(b, BPF_CORE_READ(set, dfl_cgrp, kn));

	if (n || !bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return n;
	u32 pids = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	struct cgroup_subsys_state *css = NULL;

	bpf_core_read(&css, sizeof(css), &set->subsys[pids & 15]);
	return container_walk(b, BPF_CORE_READ(css, cgroup, kn));
}

/*
 * The same for a record that keeps the name in an array of its own. Returns its
 * length with NUL, or 0; what is behind it is not to be sent.
 */
static __always_inline u32 container_walk_name(char name[CONTAINER_NAME_MAX], struct kernfs_node *kn)
{
	u64 parent = kernfs_parent_offset();

	for (int i = 0; i < CONTAINER_LEVELS && kn; i++) {
		long n = bpf_probe_read_kernel_str(name, CONTAINER_NAME_MAX, BPF_CORE_READ(kn, name));

		if (n > CONTAINER_ID_LEN)
			return n;
		bpf_probe_read_kernel(&kn, sizeof(kn), (void *)kn + parent);
	}
	return 0;
}

static __always_inline u32 container_name(char name[CONTAINER_NAME_MAX], struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	u32 n = container_walk_name(name, BPF_CORE_READ(set, dfl_cgrp, kn));

	if (n || !bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return n;
	u32 pids = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	struct cgroup_subsys_state *css = NULL;

	bpf_core_read(&css, sizeof(css), &set->subsys[pids & 15]);
	return container_walk_name(name, BPF_CORE_READ(css, cgroup, kn));
}
