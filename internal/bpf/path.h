/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Full paths, walked in the kernel.
 *
 * bpf_d_path() is allowed in a few hooks only, so we follow the dentries
 * ourselves. The components are appended leaf first, each with its NUL
 * ("sleep\0bin\0usr\0"); user space turns them round. That way a record
 * carries exactly the bytes of the names and nothing is copied twice.
 */
#pragma once

#include "buffer.h"

#define PATH_COMPONENTS 48 /* components and mounts that one walk follows */
#define PATH_NAME_MAX 256  /* NAME_MAX and its NUL */

/* Results of path_append(), or-ed together. */
#define PATH_OK 0
#define PATH_CUT 1      /* deeper than PATH_COMPONENTS: the beginning is missing */
#define PATH_DETACHED 2 /* has no place in a mount tree: memfd, unmounted */

/*
 * Appends the path of a dentry on a mount as seen from the root of its mount
 * namespace: mounts, bind mounts and chroot directories included.
 */
static __always_inline int path_append(struct buffer *b, struct path *path)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct vfsmount *vfs = BPF_CORE_READ(path, mnt);
	struct mount *mnt = (void *)vfs - bpf_core_field_offset(struct mount, mnt);

	for (int i = 0; i < PATH_COMPONENTS; i++) {
		struct dentry *root = BPF_CORE_READ(mnt, mnt.mnt_root);

		if (dentry == root) {
			struct mount *above = BPF_CORE_READ(mnt, mnt_parent);

			if (above == mnt)
				return PATH_OK;
			dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
			mnt = above;
			continue;
		}

		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);

		if (buffer_kernel_str(b, name, PATH_NAME_MAX) <= 0)
			return PATH_CUT;
		if (parent == dentry || !parent)
			return PATH_DETACHED;
		dentry = parent;
	}
	return PATH_CUT;
}
