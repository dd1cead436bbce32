/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs about changes of identity. What stays the same is no change. */
#pragma once

#include "hooks.h"
#include "special.h"

#define LSM_SETID_FS 8

/* Which rules name the new ids: one of them, and all of them. */
struct named {
	struct set one, all;
	u32 ids;
};

static __always_inline void take_id(struct scratch *s, struct named *n, u32 old_id, u32 new_id)
{
	struct set set = {};

	if (old_id == new_id)
		return;
	s->detail.old_id = old_id;
	s->detail.new_id = new_id;
	add_user(&set, s->slot, USER_RULE, new_id);
	add_set(&n->one, &set);
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		n->all.w[i] = n->ids ? n->all.w[i] & set.w[i] : set.w[i];
	n->ids++;
}

/*
 * Leaves those rules picked that take these ids. Where there are none, as for a user
 * namespace, rules that deny take it for one of theirs.
 */
static __always_inline int decide_identity(struct scratch *s, const struct named *n)
{
	struct special *rules = specials_of(s);

	if (rules) {
#pragma unroll
		for (int i = 0; i < WORDS; i++) {
			u64 allows = rules->allows.w[i];
			u64 denies = n->ids ? n->one.w[i] : ~0ull;

			s->picked.w[i] &= (denies & ~allows) | (n->all.w[i] & allows) |
					  rules->no_user.w[i];
		}
	}
	return decide_picked(s, SETUID);
}

/* One change: the ids of the old credentials and of the new. */
static __always_inline int change(u32 hook, u32 operation, const u32 old_ids[4],
				  const u32 new_ids[4])
{
	struct named n = {};

	if (old_ids[0] == new_ids[0] && old_ids[1] == new_ids[1] && old_ids[2] == new_ids[2] &&
	    old_ids[3] == new_ids[3])
		return 0;
	int ret = ask(hook, IS(SETUID));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	pick_operation(s, operation);
	take_id(s, &n, old_ids[3], new_ids[3]);
	take_id(s, &n, old_ids[2], new_ids[2]);
	take_id(s, &n, old_ids[0], new_ids[0]);
	take_id(s, &n, old_ids[1], new_ids[1]); /* the effective one is told */
	ret = decide_identity(s, &n);
	end();
	return verdict(ret);
}

/* An operation that gives one id, or none where both are the same. */
static __always_inline int single(u32 hook, u32 operation, u32 old_id, u32 new_id)
{
	struct named n = {};
	int ret = ask(hook, IS(SETUID));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	pick_operation(s, operation);
	s->detail.old_id = s->detail.new_id = old_id;
	take_id(s, &n, old_id, new_id);
	ret = decide_identity(s, &n);
	end();
	return verdict(ret);
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(task_fix_setuid, struct cred *new, const struct cred *old)
{
	u32 before[4] = { old->uid.val, old->euid.val, old->suid.val, old->fsuid.val };
	u32 after[4] = { new->uid.val, new->euid.val, new->suid.val, new->fsuid.val };

	return change(HOOK_TASK_FIX_SETUID, IS_SETUID, before, after);
}

SEC("lsm/task_fix_setgid")
int BPF_PROG(task_fix_setgid, struct cred *new, const struct cred *old)
{
	u32 before[4] = { old->gid.val, old->egid.val, old->sgid.val, old->fsgid.val };
	u32 after[4] = { new->gid.val, new->egid.val, new->sgid.val, new->fsgid.val };

	return change(HOOK_TASK_FIX_SETGID, IS_SETGID, before, after);
}

SEC("lsm/task_fix_setgroups") /* 6.0 */
int BPF_PROG(task_fix_setgroups, struct cred *new, const struct cred *old)
{
	return single(HOOK_TASK_FIX_SETGROUPS, IS_SETGROUPS, old->egid.val, old->egid.val);
}

SEC("lsm/userns_create") /* 6.1: whoever makes one is root in it */
int BPF_PROG(userns_create, const struct cred *cred)
{
	return single(HOOK_USERNS_CREATE, IS_USERNS, cred->euid.val, cred->euid.val);
}

/* Two words of 32 bits before 6.3, in the same order. */
static __always_inline u64 capabilities(const kernel_cap_t *caps)
{
	u64 bits = 0;

	bpf_probe_read_kernel(&bits, sizeof(bits), caps);
	return bits;
}

SEC("lsm/capset")
int BPF_PROG(capset, struct cred *new, const struct cred *old)
{
	u64 before = capabilities(&old->cap_effective), after = capabilities(&new->cap_effective);

	if (!(after & ~before))
		return 0;
	return single(HOOK_CAPSET, IS_CAPSET, old->euid.val, old->euid.val);
}

/* Execution that gives another user, another group, or capabilities to a user. */
SEC("lsm/bprm_creds_from_file") /* 5.8 */
int BPF_PROG(bprm_creds_from_file, struct linux_binprm *bprm)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct cred *new = bprm->cred;
	u32 old_euid = BPF_CORE_READ(task, cred, euid.val), old_egid = BPF_CORE_READ(task, cred, egid.val);
	const struct cred *old = BPF_CORE_READ(task, cred);
	u64 old_caps = capabilities(&old->cap_permitted), caps = capabilities(&new->cap_permitted);
	u32 euid = new->euid.val;

	if (euid == old_euid && new->egid.val == old_egid && (new->uid.val == 0 || !(caps & ~old_caps)))
		return 0;
	return single(HOOK_BPRM_CREDS_FROM_FILE, IS_SUID_EXEC, old_euid, euid);
}
