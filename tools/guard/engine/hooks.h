/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Numbers of hooks in alerts, and what is different about them between kernels. */
#pragma once

#include "tables.h"

enum hook {
	HOOK_NONE,
	HOOK_FILE_OPEN,
	HOOK_FILE_RECEIVE,
	HOOK_FILE_PERMISSION,
	HOOK_MMAP_FILE,
	HOOK_FILE_MPROTECT,
	HOOK_PATH_MKNOD,
	HOOK_PATH_MKDIR,
	HOOK_PATH_SYMLINK,
	HOOK_PATH_LINK,
	HOOK_PATH_RENAME,
	HOOK_PATH_UNLINK,
	HOOK_PATH_RMDIR,
	HOOK_PATH_TRUNCATE,
	HOOK_FILE_TRUNCATE,
	HOOK_PATH_CHMOD,
	HOOK_PATH_CHOWN,
	HOOK_INODE_SETATTR,
	HOOK_INODE_SETXATTR,
	HOOK_INODE_REMOVEXATTR,
	HOOK_FILE_IOCTL,
	HOOK_BPRM_CHECK_SECURITY,
	HOOK_BPRM_CREDS_FROM_FILE,
	HOOK_SOCKET_CREATE,
	HOOK_SOCKET_BIND,
	HOOK_SOCKET_LISTEN,
	HOOK_SOCKET_CONNECT,
	HOOK_SOCKET_SENDMSG,
	HOOK_UNIX_STREAM_CONNECT,
	HOOK_UNIX_MAY_SEND,
	HOOK_SB_MOUNT,
	HOOK_SB_KERN_MOUNT,
	HOOK_SB_REMOUNT,
	HOOK_SB_UMOUNT,
	HOOK_SB_PIVOTROOT,
	HOOK_MOVE_MOUNT,
	HOOK_TASK_FIX_SETUID,
	HOOK_TASK_FIX_SETGID,
	HOOK_TASK_FIX_SETGROUPS,
	HOOK_CAPSET,
	HOOK_USERNS_CREATE,
};

const volatile bool rename_has_flags = false;   /* 5.14 */
const volatile bool setattr_has_idmap = false;  /* 6.9 */
const volatile bool setxattr_has_idmap = false; /* 5.12, as a user namespace */

/* A rule reaches what was opened before it came: mmap_file decides on all maps. */
const volatile bool reach_back = false;
