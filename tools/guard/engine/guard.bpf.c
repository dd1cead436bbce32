//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * guard: decides, in the kernel's own security hooks, what the policies deny.
 *
 *     tables.h    what policies become; set.h
 *     subject.h   who the task is
 *     object.h    which rules a file finds; hash.h, scratch.h
 *     verdict.h   what follows from them; tell.h tells it
 *     ask.h       whether there is anything to decide
 *     place.h     decisions about a file in its place
 *     special.h   rules that are picked by an operation
 *     flow.h      rules that addresses and ports find; pick.h, ports that the kernel picks
 *     canary.h    a program for the engine
 *     label.h     programs that write down who tasks are
 *     file.h, exec.h, net.h, unix.h, mount.h, identity.h   programs that decide
 *     switch.h, self.h   programs that keep all this from being taken away
 */
#include "canary.h"
#include "label.h"
#include "file.h"
#include "exec.h"
#include "net.h"
#include "mount.h"
#include "identity.h"
#include "self.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes Go types from these. */
const struct alert *unused_alert __attribute__((unused));

/*
 * clang describes what a map has for keys and values, but not what the maps in a
 * map have. This one is for their types; it is never loaded.
 */
union table_types {
	struct path_key path_key;
	struct path_ids path_ids;
	struct inode_key inode_key;
	struct inode_ids inode_ids;
	struct effect effect;
	struct address_key address_key;
	struct network_key network_key;
	struct port_classes port_classes;
	struct flow_key flow_key;
	struct user_key user_key;
	struct word_key word_key;
	struct own_key own_key;
	enum hook hook;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, union table_types);
} table_types SEC(".maps");
