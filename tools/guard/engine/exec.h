/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs about execution, and what it gives. */
#pragma once

#include "file.h"
#include "special.h"

/* What has no name: a memfd, an unlinked file, a file of O_TMPFILE. */
static __always_inline bool is_fileless(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_nlink) == 0;
}

/* Guard's own program, which is what ends a policy. */
static __always_inline bool is_guard_file(struct scratch *s)
{
	struct inode *inode = (void *)s->inode;
	struct inode_key key = {};

	set_inode_key(&key, SPACE_EXE, inode, generation_flags(s->slot) & HAS_SUBVOLUMES);
	struct inode_ids *ids = lookup(&inodes, s->slot, &key);
	struct set *set = ids ? lookup(&sets, s->slot, &ids->exact) : NULL;

	return set && has_bit(set, SUBJECT_GUARD);
}

/*
 * Called for a script, and again for its interpreter. The task still is what it
 * was: the subject is who executes.
 */
SEC("lsm/bprm_check_security")
int BPF_PROG(bprm_check_security, struct linux_binprm *bprm)
{
	struct file *file = bprm->file;

	int ret = ask(HOOK_BPRM_CHECK_SECURITY, IS(EXEC));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	s->mnt = (u64)BPF_CORE_READ(file, f_path.mnt);
	s->dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
	s->inode = (u64)BPF_CORE_READ(file, f_inode);
	find(SPACE_FILE, generation_flags(s->slot));
	if (is_fileless(file)) {
		s->count = 0; /* what has no name is below no directory */
		pick_operation(s, IS_FILELESS);
	}
	if (bprm->argc == 0)
		pick_operation(s, IS_NO_ARGS);
	push_picked();
	ret = is_guard_file(s) ? 0 : decide(EXEC, EXEC * 2 + is_own(s));

	end();
	return verdict(ret);
}
