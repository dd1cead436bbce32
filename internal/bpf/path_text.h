/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The paths of files as text, from the root on. path.h sends the names as they are
 * found, from the leaf on, which is cheaper and goes 48 names deep; a filter by path in
 * the kernel needs the text, and so do names of PATH_MAX bytes.
 */
#pragma once

#include "fd.h"
#include "kernel_fs.h"

#define PATH_TEXT_MAX 4096   /* bytes, with a NUL that is not sent: PATH_MAX */
#define PATH_TEXT_NAME 256   /* bytes behind it, so that the verifier sees every name fit */
/* Names of one byte, and mounts, that fill it: a stretch of steps for each of a stretch. */
#define PATH_TEXT_STRETCH 47

/* path_text.flags */
#define PATH_TEXT_CUT 1      /* longer than PATH_TEXT_MAX: the beginning is missing */
#define PATH_TEXT_DETACHED 2 /* has no place in a mount tree: memfd, unmounted */

/*
 * A path is written from its end to its beginning, the way in which dentries are
 * followed, and is there as text when the root of the mount namespace is reached.
 */
struct path_text {
	struct dentry *dentry;
	struct mount *mnt;
	u32 pos; /* where the text begins; it ends at PATH_TEXT_MAX - 1 */
	u32 flags;
	char text[PATH_TEXT_MAX + PATH_TEXT_NAME];
};

/* Begins a path that ends at a dentry on a mount. */
static __always_inline void path_text_begin(struct path_text *t, struct dentry *dentry,
					    struct vfsmount *mnt)
{
	t->dentry = dentry;
	t->mnt = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	t->pos = PATH_TEXT_MAX - 1;
	t->flags = 0;
}

/* Puts a name in front, at most 255 bytes; false where there is no room. */
static __always_inline bool path_text_prepend(struct path_text *t, const void *name, u32 len)
{
	u32 pos = *(volatile u32 *)&t->pos;

	len &= 255;
	if (pos <= len) {
		t->flags |= PATH_TEXT_CUT;
		return false;
	}
	pos -= len;
	bpf_probe_read_kernel(&t->text[pos & (PATH_TEXT_MAX - 1)], len, name);
	pos--;
	t->text[pos & (PATH_TEXT_MAX - 1)] = '/';
	t->pos = pos;
	return true;
}

/* One name or one mount further up; 1 when there is nothing more. */
static __always_inline int path_text_step(struct path_text *t)
{
	struct dentry *dentry = t->dentry;
	struct mount *mnt = t->mnt;

	if (dentry == BPF_CORE_READ(mnt, mnt.mnt_root)) {
		struct mount *above = BPF_CORE_READ(mnt, mnt_parent);

		if (above == mnt)
			return 1;
		t->dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
		t->mnt = above;
		return 0;
	}
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

	if (!path_text_prepend(t, BPF_CORE_READ(dentry, d_name.name), BPF_CORE_READ(dentry, d_name.len)))
		return 1;
	if (parent == dentry || !parent) {
		t->flags |= PATH_TEXT_DETACHED;
		return 1;
	}
	t->dentry = parent;
	return 0;
}
