/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a file is known by, besides its paths. */
#pragma once

#include "tables.h"

#define BTRFS_SUPER_MAGIC 0x9123683e
#define BCACHEFS_STATFS_MAGIC 0xca451a4e

/*
 * Where btrfs keeps the root of an inode's subvolume, from the inode, and in a root its
 * number. These types are the module's: the offsets are 0 where it was not loaded or has
 * no type information (before 5.11).
 */
const volatile s32 btrfs_root_at;
const volatile u32 btrfs_number_at;

/*
 * Which subvolume a file is in, of those that number their files on their own, 0 in other
 * file systems. Where the number is not to be had it is when the file was made, which
 * files that were made within seconds and snapshots of a file share.
 */
static __always_inline u32 subvolume_of(struct inode *inode)
{
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic), at = (u64)inode, root = 0, number = 0;

	if (magic != BTRFS_SUPER_MAGIC && magic != BCACHEFS_STATFS_MAGIC)
		return 0;
	if (magic != BTRFS_SUPER_MAGIC || !btrfs_number_at)
		return BPF_CORE_READ(inode, i_generation) & 0xffffff;
	bpf_probe_read_kernel(&root, sizeof(root), (void *)(at + btrfs_root_at));
	bpf_probe_read_kernel(&number, sizeof(number), (void *)(root + btrfs_number_at));
	return number & 0xffffff;
}

static __always_inline void set_inode_key(struct inode_key *key, u32 space, struct inode *inode, u32 subvolumes)
{
	key->space = space;
	if (subvolumes)
		key->space |= subvolume_of(inode) << 8;
	key->ino = BPF_CORE_READ(inode, i_ino);
	key->dev = BPF_CORE_READ(inode, i_sb, s_dev);
}
