/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * kernel.ftrace_enabled, which takes programs of security hooks off when it is cleared
 * (6.1 and 6.12; others refuse, or do not have it), and what is done about that.
 */
#pragma once

#include "hooks.h"
#include "special.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define SWITCH "ftrace_enabled"

/* Decides on what somebody does to us: what the hook returns. */
static __always_inline int decide_self(u32 hook, u32 operation, u64 mnt, u64 dentry)
{
	int ret = ask(hook, IS(SELF));
	struct scratch *s = asked(ret);

	if (!s)
		return ret;
	s->mnt = mnt;
	s->dentry = dentry;
	pick_operation(s, operation);
	ret = decide_picked(s, SELF);
	end();
	return ret;
}

/* A function of its own: programs of file_open are long enough. */
__noinline int decide_switch(u64 mnt, u64 dentry)
{
	return decide_self(HOOK_FILE_OPEN, IS_SELF_SWITCH, mnt, dentry);
}

/* Known by its name in procfs, whatever it is mounted on. */
static __always_inline bool is_switch(struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;
	char name[sizeof(SWITCH)] = {};

	if (dentry->d_sb->s_magic != PROC_SUPER_MAGIC || dentry->d_name.len != sizeof(SWITCH) - 1)
		return false;
	bpf_probe_read_kernel(name, sizeof(SWITCH) - 1, dentry->d_name.name);
	return !__builtin_memcmp(name, SWITCH, sizeof(SWITCH) - 1);
}
