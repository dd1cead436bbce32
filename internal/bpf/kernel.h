/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel types that Ringside reads, and only the fields that it reads.
 *
 * There is no generated vmlinux.h on purpose: this file is the complete list
 * of our dependence on the kernel's internals. The loader rewrites every
 * access to the layout of the running kernel (CO-RE), so order, offsets and
 * missing neighbours do not matter; names do. Where a kernel renamed a field,
 * the older shape stands beside it with a ___suffix, which CO-RE ignores.
 */
#pragma once

#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)
#define offsetof(type, field) __builtin_offsetof(type, field)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* ---- identity of a task ---- */

typedef struct { u32 val; } kuid_t;
typedef struct { u32 val; } kgid_t;

struct ns_common {
	unsigned int inum;              /* the number in /proc/PID/ns/mnt */
};

struct user_namespace {
	struct ns_common ns;
	int level;                      /* 0: the initial one */
};

typedef struct { u64 val; } kernel_cap_t; /* 6.3; two u32 before, of the same size */

struct cred {
	kuid_t uid;                     /* real */
	kgid_t gid;
	kuid_t suid;                    /* saved */
	kgid_t sgid;
	kuid_t euid;                    /* effective: differs after set-user-ID exec */
	kgid_t egid;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns; /* in which its capabilities count */
	kuid_t fsuid;                   /* by which files are judged */
	kgid_t fsgid;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

typedef struct { int counter; } atomic_t;

struct signal_struct {
	atomic_t live;                  /* threads that have not begun to exit */
};

/* ---- files and paths ---- */

struct file_system_type {
	const char *name;
};

struct list_head {
	struct list_head *next;
};

struct super_block {
	unsigned long s_flags;
	unsigned long s_magic;
	u32 s_dev;                      /* kernel dev_t: major << 20 | minor */
	struct file_system_type *s_type;
	struct dentry *s_root;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct inode {
	struct hlist_head i_dentry;     /* its names in memory: dentry.d_u.d_alias */
	unsigned short i_mode;          /* S_IFMT: kind of file */
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;           /* 0: no name left */
	u32 i_generation;               /* when it was made: the meaning is the file system's */
};

struct qstr {
	u32 hash, len;                  /* of the name in its directory */
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;        /* itself at the root of a file system */
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;       /* itself at the root of the namespace */
	struct mnt_namespace *mnt_ns;   /* an errno for the kernel's own mounts */
	struct dentry *mnt_mountpoint;  /* in the parent's tree */
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct vm_area_struct {
	struct file *vm_file;           /* NULL for memory that is no file's */
	unsigned long vm_flags;         /* VM_* */
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_mode;            /* FMODE_* */
	unsigned int f_flags;           /* O_* */
	void *private_data;             /* of a socket: struct socket */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path pwd;
};

/* ---- memory and program images ---- */

struct mm_struct {
	struct file *exe_file;          /* what /proc/PID/exe leads to */
	unsigned long arg_start;        /* argv strings of the image, NUL-joined */
	unsigned long arg_end;
	struct task_struct *owner;      /* CONFIG_MEMCG */
};

struct linux_binprm {
	struct file *file;              /* the image that runs: the interpreter of a script */
	int argc;
	const char *filename;           /* as asked for, /dev/fd/N for fexecve */
	const char *interp;             /* same pointer as filename unless a script */
	struct cred *cred;              /* of the new image */
};

/* ---- cgroups ---- */

struct kernfs_node {
	u64 id;                         /* of a cgroup: its id */
	const char *name;               /* of the directory */
	struct kernfs_node *__parent;   /* 6.15 */
};

struct kernfs_node___5_10 {
	struct kernfs_node *parent;     /* until 6.14 */
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

/* Numbered by the kernel's configuration; only the name counts. */
enum cgroup_subsys_id {
	pids_cgrp_id = 1,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;        /* in the v2 hierarchy */
};

/* ---- the task itself ---- */

struct thread_info {
	unsigned long flags;
	u32 status;                     /* x86: TS_COMPAT while in a 32-bit system call */
};

struct task_struct {
	struct thread_info thread_info;
	s32 pid;                        /* thread id of user space */
	s32 tgid;                       /* process id of user space */
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_time;                 /* nanoseconds since boot, without suspend */
	const struct cred *cred;        /* in force: differs from real_cred while overridden */
	const struct cred *real_cred;   /* the task's own */
	unsigned int flags;             /* PF_* */
	void *stack;                    /* lowest address of the kernel stack */
	struct files_struct *files;
	char comm[16];
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct css_set *cgroups;
	kuid_t loginuid;                /* CONFIG_AUDITSYSCALL */
	unsigned int sessionid;         /* CONFIG_AUDITSYSCALL */
	unsigned in_execve : 1;
};

/* ---- registers at system call entry ---- */

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx, cx, dx, si, di, r10, r9, r8;
	unsigned long ax, sp, ip, bp;   /* ax: result of a function at its return */
	unsigned long orig_ax;          /* system call number */
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 sp, pc;
	u64 orig_x0;                    /* regs[0] before the result overwrote it */
	s32 syscallno;
};
#endif

#pragma clang attribute pop

/* inode.i_mode */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFDIR 0040000

/*
 * clang writes the types that are only pointed to in the order in which they lie in
 * its own memory, which is chance. Those that are parameters of a function it writes
 * where it meets them: an object is the same wherever it is built.
 */
struct bpf_flow_keys;
struct bpf_sock;
struct dentry;
struct fdtable;
struct file_system_type;
struct files_struct;
struct fs_struct;
struct hlist_node;
struct mm_struct;
struct net;
struct signal_struct;
struct super_block;
struct vfsmount;

void (*const volatile unused_pointed_to)(
	struct bpf_flow_keys *, struct bpf_sock *, struct dentry *, struct fdtable *,
	struct file_system_type *, struct files_struct *, struct fs_struct *, struct hlist_node *,
	struct mm_struct *, struct net *, struct signal_struct *, struct super_block *,
	struct user_namespace *, struct vfsmount *) __attribute__((unused));
