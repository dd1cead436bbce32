/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What policies become: tables that the engine fills (compile.go).
 *
 * There are several slots for them. A reload fills one that nobody uses and
 * then changes one number, control.slot, which every program reads once: there
 * is no moment without a policy, and none with half of one.
 */
#pragma once

#include "set.h"

#define SLOTS 4

/* Subjects whose bit is always the same; what the others mean is the engine's to say. */
#define SUBJECT_ALL 0    /* every task but the next two */
#define SUBJECT_INIT 1   /* process 1 */
#define SUBJECT_KERNEL 2 /* threads of the kernel */
#define SUBJECT_GUARD 3  /* guard itself, run by root: nothing applies to it */

/* Kinds of decisions: the accesses of package policy, in its order, and more. */
enum {
	READ, WRITE, CREATE, DELETE, ATTR, EXEC, LOAD,
	HELD_READ, HELD_WRITE, /* of what was opened before */
	CONNECT, BIND, SOCKET, MOUNT, SETUID,
	SELF, /* what is done to guard */
	KINDS,
};

#define KIND_SLOTS 16 /* a power of two, so that a mask bounds an index */

#define FILE_KINDS (HELD_WRITE + 1)
#define IS(kind) (1u << (kind))

/* One number that all programs read first. */
struct control_block {
	u32 slot;       /* the policy in force */
	u32 label_slot; /* the one that names the executables of subjects */
	u32 armed;      /* 0: nothing is decided */
	u32 agent;      /* the process that loads policies, to which nothing applies */
	u64 agent_started; /* when it did: its number is another's one day */
	u32 initial_mntns;
	u32 unused;
	u64 epoch;      /* changes whenever tables change; cached results are of one */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct control_block);
} control SEC(".maps");

/* What is in force, in words (JSON), for who finds it pinned. */
#define NOTE_SIZE 8192

struct note {
	char text[NOTE_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct note);
} note SEC(".maps");

#define EXCEPTIONS 64

struct exception {
	u32 bit; /* a subject that loses tasks */
	u32 unused;
	struct set to;
};

/* Flags of a generation. */
#define HAS_EXE (1u << 0)     /* subjects by executable: look at labels */
#define HAS_CGROUP (1u << 1)
#define HAS_UID (1u << 2)
#define HAS_NAMES (1u << 3)   /* patterns on the last component */
#define HAS_SUFFIXES (1u << 4)
#define HAS_ADDRESSES (1u << 5)
#define HAS_NETWORKS (1u << 6)
#define HAS_PORTS (1u << 7)
#define HAS_NAMED (1u << 8) /* subjects with a definition, or with exceptions */
#define HAS_FILE_DEFAULTS (1u << 9)
#define HAS_PEER_DEFAULTS (1u << 10)
#define HAS_SUBVOLUMES (1u << 11) /* files whose number is that of others in other subvolumes */

/* The part of a policy that is the same size for all. */
struct generation {
	u32 revision; /* told in alerts */
	u32 flags;
	u32 exceptions;
	u32 unused;
	u32 port_low;      /* the range of ports that bind to port 0 was taken for */
	u32 port_high;
	struct set descendants; /* subjects that a task is still one of when it executes */
	struct set no_exe, no_cgroup, no_uid; /* subjects that do not ask for one */
	struct set of_all; /* subjects that are SUBJECT_ALL without some */
	struct set concerned[KIND_SLOTS];          /* subjects with a rule or a default */
	struct set deny[KIND_SLOTS];               /* defaults */
	struct set audit[KIND_SLOTS];
	/* what becomes of paths that cannot be found out */
	struct set unresolved_deny[KIND_SLOTS];
	struct set unresolved_audit[KIND_SLOTS];
	struct set unresolved_allow[KIND_SLOTS];
	struct exception exception[EXCEPTIONS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct generation);
} generations SEC(".maps");

#define INNER_HASH(name, key_type, value_type, limit)      \
	struct name {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);           \
		__uint(max_entries, limit);                \
		__uint(map_flags, BPF_F_NO_PREALLOC);      \
		__type(key, key_type);                     \
		__type(value, value_type);                 \
	}
#define INNER_ARRAY(name, value_type)                      \
	struct name {                                      \
		__uint(type, BPF_MAP_TYPE_ARRAY);          \
		__uint(max_entries, 1);                    \
		__uint(map_flags, BPF_F_INNER_MAP);        \
		__type(key, u32);                          \
		__type(value, value_type);                 \
	}
#define INNER_TRIE(name, key_type, value_type)             \
	struct name {                                      \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);       \
		__uint(max_entries, 1);                    \
		__uint(map_flags, BPF_F_NO_PREALLOC);      \
		__type(key, key_type);                     \
		__type(value, value_type);                 \
	}
#define BY_SLOT(name, inner)                                 \
	struct {                                             \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);    \
		__uint(max_entries, SLOTS);                  \
		__type(key, u32);                            \
		__array(values, struct inner);               \
	} name SEC(".maps")

/* What a path, or a file, is looked up for. */
enum {
	SPACE_FILE,   /* entries of rules about files and execution */
	SPACE_EXE,    /* sets of subjects */
	SPACE_TARGET, /* sets of rules about mounts, as subjects are */
	SPACE_UNIX_CONNECT, /* entries of rules about sockets with a name in the file system */
	SPACE_UNIX_BIND,
	SPACES,
};

/* Which part of the path the hash is of. */
enum { PART_PATH, PART_NAME, PART_SUFFIX, PART_ABSTRACT /* a socket without a file */ };

struct path_key {
	u32 space;
	u32 part;
	u64 hash[2];
};

/* In which mount namespaces an id counts. */
enum { IN_ANY, IN_INITIAL, VIEWS };

/* Ids, 0 for none. Of a part that is no path, only exact. */
struct path_ids {
	u32 exact[VIEWS];
	u32 children[VIEWS]; /* of what is directly below */
	u32 subtree[VIEWS];  /* of it and all below */
};

INNER_HASH(path_table, struct path_key, struct path_ids, 1);
BY_SLOT(paths, path_table);

struct inode_key {
	u32 space; /* and above 8 bits, that of its subvolume, see inode.h */
	u32 dev; /* super_block.s_dev */
	u64 ino;
};

struct inode_ids {
	u32 exact;
	u32 children;
	u32 subtree;
};

INNER_HASH(inode_table, struct inode_key, struct inode_ids, 1);
BY_SLOT(inodes, inode_table);

/* What an id of a file, a connection or another object stands for: the index of its
 * effects, of which files have one for each kind and owner.
 */
INNER_ARRAY(entry_table, u32);
BY_SLOT(entries, entry_table);

/* Whom the rules deny, would deny, and allow. */
struct effect {
	struct set deny, audit;
	struct set allow;
	struct set allow_audit; /* of policies that only tell: against their own defaults */
	struct set kill;        /* of those that are denied */
};

INNER_ARRAY(effect_table, struct effect);
BY_SLOT(effects, effect_table);

INNER_ARRAY(set_table, struct set);
BY_SLOT(sets, set_table);

/* Addresses become classes: those that the same rules name are one. */
struct address {
	u8 bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct network_key {
	u32 prefix;
	u32 space; /* SPACE_CONNECT or SPACE_BIND */
	struct address address;
};

/*
 * SPACE_RANGE is that of rules that deny to bind ports, for a port that the kernel
 * picks: its addresses are those of SPACE_BIND.
 */
enum { SPACE_CONNECT, SPACE_BIND, SPACE_RANGE, FLOW_SPACES };

struct address_key {
	u32 space;
	struct address address;
};

INNER_HASH(address_table, struct address_key, u32, 1);
BY_SLOT(addresses, address_table);
INNER_TRIE(network_table, struct network_key, u32);
BY_SLOT(networks, network_table);

/* Ports become classes, too, by protocol. */
enum { PROTO_TCP, PROTO_UDP, PROTO_OTHER, PROTOS };

struct port_classes {
	u16 of[FLOW_SPACES][4]; /* by PROTO_* */
	u16 next[4]; /* the next port of another class in SPACE_RANGE, 0 for none; behind of, which is looked at with a mask */
};

INNER_ARRAY(port_table, struct port_classes);
BY_SLOT(ports, port_table);

#define ANY 0 /* class of rules that name no address, or no port */

struct flow_key {
	u32 space;
	u32 proto;
	u32 address_class;
	u32 port_class;
};

INNER_HASH(flow_table, struct flow_key, u32, 1); /* entry */
BY_SLOT(flows, flow_table);

/* Users, for subjects and for rules about identities. */
struct user_key {
	u32 prefix;
	u32 space; /* big endian: 0 subjects, 1 rules */
	u32 id;    /* big endian */
};

INNER_TRIE(user_table, struct user_key, u32); /* set */
BY_SLOT(users, user_table);

INNER_HASH(cgroup_table, u64, u32, 1); /* cgroup id -> set */
BY_SLOT(cgroups, cgroup_table);

/*
 * Rules about mounts, sockets and identities are few: each has a bit, and what
 * an operation is picks those that apply, as it does subjects.
 */
#define SPECIAL_RULES (64 * WORDS)

enum {
	/* mounts: what is done */
	IS_MOUNT_NEW, IS_MOUNT_BIND, IS_MOUNT_MOVE, IS_MOUNT_REMOUNT, IS_MOUNT_UMOUNT,
	IS_MOUNT_PIVOT, IS_MOUNT_PROPAGATION,
	/* sockets: nothing to tell apart */
	IS_SOCKET,
	/* identities: the way */
	IS_SETUID, IS_SETGID, IS_SETGROUPS, IS_SUID_EXEC, IS_USERNS, IS_CAPSET,
	/* execution of what has no name, and without arguments */
	IS_FILELESS, IS_NO_ARGS,
	/* what is done to guard */
	IS_SELF_SIGNAL, IS_SELF_TRACE, IS_SELF_MAP, IS_SELF_PROGRAM, IS_SELF_SWITCH,
	OPERATIONS,
};

struct special {
	struct set of[OPERATIONS];
	struct set no_fstype, no_target; /* rules about mounts that do not ask */
	struct set unplaced;             /* those that are about targets that are not known */
	struct set no_family, no_type;   /* rules about sockets that do not ask */
	struct set no_user;              /* rules about identities that do not ask */
	struct set allows;               /* rules that allow: every new id must be named */
	u32 entry[SPECIAL_RULES];        /* the entry of each rule */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct special);
} specials SEC(".maps");

/* Names of file systems, and numbers of families and types of sockets. */
enum { WORD_FSTYPE, WORD_FAMILY, WORD_TYPE };

#define FSTYPE_LEN 24

struct word_key {
	u32 space;
	u32 number;
	char name[FSTYPE_LEN]; /* zero behind its end */
};

INNER_HASH(word_table, struct word_key, u32, 1); /* set */
BY_SLOT(words, word_table);

static __always_inline void *lookup(void *by_slot, u32 slot, const void *key)
{
	void *inner = bpf_map_lookup_elem(by_slot, &slot);

	return inner ? bpf_map_lookup_elem(inner, key) : NULL;
}
