/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Ends of connections. */
#pragma once

#include "connection.h"

/* The end of an object: the next one at its address is another connection. */
static __always_inline int ended(u64 object)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct connection *c = connection_find(pid, object);

	if (!c)
		return 0;
	struct end_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	if (rec) { /* without it, the command forgets the connection later */
		record_head_fill(&rec->head, KIND_END, (void *)bpf_get_current_task());
		rec->object = object;
		rec->born_ns = c->born_ns;
		bpf_ringbuf_submit(rec, 0);
	}
	connection_forget(pid, object);
	return 0;
}
