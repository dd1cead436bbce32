/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What execsnoop's programs share: constants, the record, the maps. */
#pragma once

#include "../../internal/bpf/buffer.h"

/* ---- constants ---- */

#define KIND_EXEC 1
#define KIND_FAIL 2

#define FILENAME_MAX 4096    /* bytes; PATH_MAX */
#define INTERP_MAX 256       /* bytes; the kernel's limit for a #! line */
#define ARGS_MAX BUFFER_MAX_READ /* bytes of arguments in one record */
#define ARGV_MAX 512         /* argv entries of a failed exec that are counted */
#define ARG_POINTERS 60      /* argv entries of a failed exec that are read */
#define MAX_ERRNO 4095
#define ERESTARTSYS 512      /* 512 to 516 never reach user space */
#define ERESTART_LAST 516
#define AT_FDCWD -100

#define OVERLAYFS_MAGIC 0x794c7630
#define SB_KERNMOUNT (1 << 22) /* a mount that no user made: memfd lives there */

/* exec_record.flags */
#define F_ARGS_CUT 0x01        /* arguments beyond the record's limit */
#define F_ARGS_UNREADABLE 0x02 /* an argument's memory could not be read */
#define F_EXE_CUT 0x04
#define F_EXE_DETACHED 0x08
#define F_CWD_CUT 0x10
#define F_CWD_DETACHED 0x20
#define F_MEMFD 0x40           /* the image is a memfd */
#define F_DELETED 0x80         /* the image's file has no name any more */
#define F_UPPER 0x100          /* the image is in an overlay's upper layer */
#define F_OVERLAY 0x200        /* the image is on an overlay */
#define F_AUDIT 0x400          /* loginuid and sessionid are known */
#define F_ARGC_MIN 0x800       /* argc is a lower bound */
#define F_FILENAME_UNREADABLE 0x1000
#define F_PATHS 0x2000         /* exe and cwd were asked for */

/* Set by the command before load. */
const volatile bool want_paths = false;    /* exe, cwd, the kind of file, the container */
const volatile bool want_failures = false; /* otherwise their end only closes the entry */
const volatile bool filter_by_ppid = false;
const volatile u32 filter_ppid = 0;
const volatile u32 args_max = ARGS_MAX; /* bytes, at most ARGS_MAX */

/* ---- records and maps ---- */

struct exec_record {
	struct record_head head;
	u64 duration_ns;  /* since system call entry; 0: not known */
	u64 inode;        /* of the image; 0 without want_paths */
	u32 dev;          /* kernel dev_t of the image */
	u32 flags;
	s32 ret;          /* 0 or negative errno */
	u32 argc;
	u32 args_bytes;   /* what all arguments together take, NULs included */
	u32 from_tid;     /* thread that called exec */
	u32 euid;
	u32 loginuid;
	u32 sessionid;
	s32 dirfd;        /* of a failed execveat */
	u32 cpu;
	/*
	 * Bytes of the strings, in this order, NULs included. The paths come last:
	 * what a long one leaves out is its own beginning, never an argument.
	 */
	u16 filename_len;
	u16 interp_len;
	u16 args_len;
	u16 exe_len; /* components, leaf first */
	u16 cwd_len;
	u16 container_len; /* name of the container's cgroup */
	u16 args_unreadable; /* arguments that stand as empty strings in args */
	char parent_comm[TASK_COMM_LEN];
};

struct scratch {
	struct exec_record rec;
	struct buffer strings;
	/*
	 * Bytes of an argv entry beyond 4: 4, or 0 for a 32-bit caller. Here and
	 * not in a register, the verifier does not know which and explores the
	 * loops once instead of twice.
	 */
	u32 wide;
};

/*
 * One scratch per program: a program can be preempted by another of ours on
 * the same CPU (fexit always, tracepoints from 7.0 on), but never by itself.
 */
#define SCRATCH_EXEC 0      /* and one for each other copy */
#define SCRATCH_FAIL COPIES /* and the three after it */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COPIES + 4); /* the command lowers it to what it uses */
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* Tasks between entry and end of an exec; a task keeps its address throughout. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);   /* task */
	__type(value, u64); /* clock_ns() at entry */
} pending SEC(".maps");
