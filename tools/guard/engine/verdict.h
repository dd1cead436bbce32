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

#include "tell.h"

#define EPERM 1
#define SIGKILL 9

/* Why: record.reason. */
enum { BY_RULE = 1, BY_DEFAULT, BY_DOUBT };

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
