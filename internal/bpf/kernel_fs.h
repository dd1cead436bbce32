/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What kernel.h is for tasks and files, for what is done to files: the fields that we read. */
#pragma once

#include "kernel.h"

typedef __s8 s8;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct filename {
	const char *name;               /* as the caller gave it */
};

struct open_flags {
	int open_flag;                  /* O_*, and __FMODE_EXEC for an exec */
	unsigned short mode;            /* of the file that may be made */
};

struct open_how___ringside {            /* argument of openat2 */
	u64 flags;                      /* O_* */
	u64 mode;
};

struct renamedata {
	struct dentry *old_dentry;
};

struct inode___ringside {
	s64 i_size;                     /* bytes */
};

struct fs_struct___ringside {
	struct path root;               /* of chroot() */
	struct path pwd;
};

#pragma clang attribute pop

#define FMODE_CREATED 0x100000 /* file.f_mode: made by this open */
#define FMODE_EXEC_FLAG 0x20   /* among the flags of an open: by an exec */
#define O_CREAT 0100
#define O_TMPFILE 020000000    /* without O_DIRECTORY, which differs by architecture */

#define PROT_WRITE 0x2
#define MAP_TYPE 0x0f
#define MAP_SHARED 0x01
#define MAP_SHARED_VALIDATE 0x03
