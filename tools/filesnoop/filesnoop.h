/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What filesnoop's programs share: constants, the record, the maps. */
#pragma once

/* The strings are two names as given, two paths, an executable, a cgroup and a sample. */
#define BUFFER_SIZE 20480    /* bytes: four of PATH_MAX, and the last one's room */
#define BUFFER_MAX_READ 4096 /* bytes: one name or path */
#define BUFFER_ROOM (BUFFER_SIZE - BUFFER_MAX_READ)
#include "../../internal/bpf/buffer.h"
#include "../../internal/bpf/path_text.h"

/* ---- constants ---- */

/* What happened: bits of want_ops. */
enum op {
	OP_NONE, /* of a system call that is not one of ours */
	OP_OPEN,
	OP_CREATE,
	OP_TMPFILE,
	OP_MEMFD,
	OP_DELETE,
	OP_RENAME,
	OP_LINK,
	OP_SYMLINK,
	OP_MKDIR,
	OP_RMDIR,
	OP_MKNOD,
	OP_TRUNCATE,
	OP_CHMOD,
	OP_CHOWN,
	OP_SETXATTR,
	OP_REMOVEXATTR,
	OP_WRITE,  /* the first one of an open file */
	OP_CLOSE,  /* of a file that was written */
	OP_MMAP,   /* shared and writable */
	OP_ENCRYPT, /* by a library of cryptography, or by the kernel for a process */
};

/* file_record.flags */
#define F_PATH 0x01           /* path is known */
#define F_PATH_CUT 0x02
#define F_PATH_DETACHED 0x04
#define F_BASE 0x08           /* path is the directory that the name as given begins at */
#define F_PATH2 0x10
#define F_PATH2_CUT 0x20
#define F_PATH2_DETACHED 0x40
#define F_BASE2 0x80
#define F_NAME 0x100          /* the name as given is known */
#define F_NAME2 0x200
#define F_UNREADABLE 0x400    /* a name as given could not be read */
#define F_EXE 0x800
#define F_EXE_CUT 0x1000
#define F_EXE_DETACHED 0x2000
#define F_INODE 0x4000        /* inode, dev, size and kind of file are known */
#define F_OPEN_FLAGS 0x8000   /* open_flags and mode are known */
#define F_SIZE 0x10000        /* bytes is known */
#define F_FD 0x20000          /* fd is known */
#define F_DETAILS 0x40000     /* executable, start and container were asked for */
#define F_KERNEL 0x80000      /* the kernel encrypts: the names are those of algorithm and kind */

#define MAX_ERRNO 4095
#define ERESTARTSYS 512       /* 512 to 516 never reach user space */
#define ERESTART_LAST 516
#define AT_FDCWD -100
#define AT_REMOVEDIR 0x200    /* unlinkat() is to remove a directory */
#define ATTR_OPEN (1 << 15)   /* time_attrs of do_truncate: by an open */

/* Set by the command before load. */
const volatile u64 want_ops = 0;            /* bits by enum op */
const volatile bool want_successes = true;
const volatile bool want_failures = false;
const volatile bool want_files = true;      /* path, inode, size; else the name as given will do */
const volatile bool want_details = false;   /* executable, start of the process, container */
const volatile u32 filter_tid = 0;          /* --tid */
const volatile u32 filter_open_flags = 0;   /* --flag-filter: any of these bits */
const volatile bool want_sample = false;    /* --entropy */

/*
 * Bytes of what is written that are sent along, and how many there are to be for a
 * look at their order: where the first write has fewer, the first one that has as
 * many is an event as well.
 */
#define SAMPLE_MAX 1024
#define SAMPLE_LEAST 256

/*
 * --path and --not-path: texts that a path is to begin with, as words and with the
 * mask of the bytes that count. Behind them a path ends or has a slash. A command
 * line with longer texts or more of them is left to user space, which decides where
 * the path is not whole here as well.
 */
#define PREFIXES 8
#define PREFIX_WORDS 32 /* of 8 bytes: one less than PATH_TEXT_NAME */
enum prefix_set {
	PREFIX_ONLY, /* --path */
	PREFIX_NOT,  /* --not-path */
	PREFIX_SETS,
};

struct prefix {
	u64 text[PREFIX_WORDS];
	u64 mask[PREFIX_WORDS];
	u32 len;
	u32 reserved;
};

const volatile u32 filter_prefixes[PREFIX_SETS] = {}; /* how many there are */
const volatile struct prefix prefixes[PREFIX_SETS * PREFIXES] = {};

/* ---- records and maps ---- */

struct file_record {
	struct record_head head; /* kind is the op */
	u64 inode;
	u64 size;        /* bytes of the file after it */
	u64 bytes;       /* written; the new length of truncate */
	u64 writes;      /* how many calls wrote them */
	u64 start_ns;    /* when the process began, by the kernel's clock; 0: not known */
	u32 dev;         /* kernel dev_t */
	u32 flags;       /* F_* */
	s32 ret;         /* 0, a descriptor, or a negative errno */
	s32 fd;
	u32 open_flags;  /* O_*; RENAME_* of a rename, protection of a mapping */
	u32 mode;        /* asked for; of chmod the new one */
	u32 file_mode;   /* kind and permissions of the file after it */
	u32 owner;       /* of chown, (u32)-1 for unchanged */
	u32 group;
	/* Bytes of the strings, in this order; none has a NUL that counts. */
	u16 name_len;    /* as given */
	u16 path_len;
	u16 name2_len;
	u16 path2_len;
	u16 exe_len;
	u16 container_len;
	u16 sample_len;  /* bytes that were written, the first ones */
	u16 probe;       /* of encrypt: number of the function that tells */
};

/*
 * What a system call does, by its number, and which of its arguments are what
 * (from 0; -1: none). The command fills the maps for this architecture and for
 * what was asked for.
 */
struct call_desc {
	u8 op;
	u8 how;     /* flags and mode are in a struct open_how; of a write, bytes in struct iovec */
	s8 dirfd;
	s8 name;    /* of a write: where the bytes are */
	s8 dirfd2;
	s8 name2;
	s8 flags;
	s8 mode;
	s8 fd;
	s8 size;
	s8 user;    /* owner; the group is the next argument */
	u8 splices; /* copies by splicing on some file systems, and tells of that itself */
};

#define CALLS_MAX 512 /* numbers of system calls */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLS_MAX);
	__type(key, u32);
	__type(value, struct call_desc);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLS_MAX);
	__type(key, u32);
	__type(value, struct call_desc);
} compat_calls SEC(".maps");

/* A name in a directory, or without leaf what dentry itself is. */
struct place {
	struct dentry *dentry; /* NULL: not known */
	struct vfsmount *mnt;
	u32 leaf_len;
	char leaf[PATH_TEXT_NAME];
};

/* An operation on names between the question to security modules and its end. */
struct pending {
	u64 dentry;  /* what it is about, to tell it from one inside, of a file system on another */
	struct place at[2];
	const char *target; /* of a symbolic link, in the kernel's memory */
	u32 flags;
	u32 mode;
	u64 inode;
	u32 op;
	u32 dev;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, u64); /* task */
	__type(value, struct pending);
} pending SEC(".maps");

/* What was written to an open file, by the address of its struct file. */
struct written {
	u64 bytes;
	u64 writes;
	u64 sampled; /* enough of it was sent to look at its order */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct written);
} written SEC(".maps");

/* What a program tells report(). */
struct job {
	u32 op;
	s32 ret;
	s32 fd;
	u32 flags;         /* F_OPEN_FLAGS, F_SIZE, F_FD, F_BASE, F_BASE2 */
	u32 open_flags;
	u32 mode;
	u32 owner;
	u32 group;
	u64 bytes;
	u64 writes;
	struct dentry *dentry; /* of the file, for its inode; NULL: not known */
	struct inode *inode;   /* where there is no dentry */
	u64 name[2];       /* as given, in the memory of the caller; 0: not known */
	const char *kernel_name[2]; /* the same in the kernel's memory */
	struct place at[2];
	u64 args[8];        /* of the system call, 5 of them */
	u64 sample;         /* in the memory of the caller: what was written */
	u64 sample_len;
	u32 probe;
};

struct scratch {
	u64 owner; /* task whose job it is */
	u64 slot;  /* which one it is; known as a constant, the verifier would go through a body for each */
	struct job job;
	struct path_text path;
	struct file_record rec;
	struct buffer strings;
	u64 head[PREFIX_WORDS]; /* of the path */
	s32 exit_fd; /* of a process that ends: where we are among its descriptors */
};

/*
 * Programs that can be preempted by each other on the same CPU have a scratch each, of
 * 26 kB. Those of rung raw_tp come first, and then those of opens: the others are not
 * made where they are not used.
 */
enum slot {
	SLOT_CALL,                        /* and one for each copy */
	SLOT_CLOSE = SLOT_CALL + COPIES,
	SLOT_EXIT,
	SLOT_URING_WRITE,
	SLOT_URING_OPEN,
	SLOT_ALG_CLOSE,
	SLOT_ALG_EXIT,
	SLOT_CRYPTO,
	SLOTS_RAW,
	SLOT_OPEN = SLOTS_RAW,            /* and one for each copy */
	SLOT_OPEN_OTHER = SLOT_OPEN + COPIES,
	SLOTS_OPEN,
	SLOT_UNLINK = SLOTS_OPEN,
	SLOT_RMDIR,
	SLOT_RENAME,
	SLOT_LINK,
	SLOT_SYMLINK,
	SLOT_MKDIR,
	SLOT_MKNOD,
	SLOT_CREATE,
	SLOT_TRUNCATE,
	SLOT_FTRUNCATE,
	SLOT_MMAP,
	SLOT_MEMFD,
	SLOT_WRITE,
	SLOT_WRITEV,
	SLOT_COPY,
	SLOT_SPLICE,
	SLOT_PUT,
	SLOTS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/*
 * Goes on in a body, with the scratch of this slot. While a program has not
 * returned, the kernel skips it for all other tasks on the CPU, and so the slot of
 * each copy has one owner, until the body gives it back.
 */
static __always_inline int end_with_scratch(void *ctx, void *at_body, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s) {
		COUNT(seen);
		COUNT(lost);
		return 0;
	}
	s->owner = bpf_get_current_task();
	s->slot = slot;
	return end_with(ctx, at_body);
}

/* In a body: the scratch of the copy that it goes on for, by the slot of the first. */
static __always_inline struct scratch *scratch_of_copy(u32 first)
{
	u64 task = bpf_get_current_task();

	for (u32 copy = 0; copy < COPIES; copy++) {
		u32 slot = first + copy;
		struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

		if (s && s->owner == task)
			return s;
	}
	return NULL;
}
