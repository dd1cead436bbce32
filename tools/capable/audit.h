/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether a check is audited, for the tracepoint, which does not say.
 *
 * It depends on which function asked: some always ask without audit, such as
 * the accounting of memory at every mmap(), the others with. The command looks
 * the addresses of these functions up before load; here the first caller that is
 * one of them decides.
 */
#pragma once

#include "capable.h"

#define CALLER_RANGES 32 /* functions, with their compiled-out parts */
#define CALLER_FRAMES 10 /* our own frames, cap_capable, security_capable, the caller */

#define CALLER_AUDITS 1
#define CALLER_NOAUDIT 2
#define CALLER_SETID 3   /* audits, on behalf of setuid() or its like */

struct caller {
	u64 start, end; /* addresses; end is not part of it */
	u64 how;        /* CALLER_* */
};

const volatile u32 caller_count = 0;
const volatile struct caller callers[CALLER_RANGES] = {};

/*
 * The flags that a caller implies by its address: none if it is not one that we
 * know. A function of its own, that the verifier goes through once and not for
 * every frame.
 */
__noinline u32 audit_of_address(u64 address)
{
	for (u32 k = 0; k < CALLER_RANGES; k++) {
		if (k >= caller_count)
			break;
		if (address < callers[k].start || address >= callers[k].end)
			continue;
		switch (callers[k].how) {
		case CALLER_NOAUDIT:
			return F_AUDIT_KNOWN | F_AUDIT_INFERRED | F_INSETID_KNOWN;
		case CALLER_SETID:
			return F_AUDIT_KNOWN | F_AUDIT_INFERRED | F_AUDIT | F_INSETID_KNOWN | F_INSETID;
		default:
			return F_AUDIT_KNOWN | F_AUDIT_INFERRED | F_AUDIT | F_INSETID_KNOWN;
		}
	}
	return 0;
}

/* The flags that the first known caller on the stack implies. */
static __always_inline u32 audit_of_caller(void *ctx)
{
	u64 frames[CALLER_FRAMES] = {};

	if (!caller_count ||
	    bpf_get_stack(ctx, frames, sizeof(frames), 0) < (long)sizeof(u64))
		return 0;
	for (int i = 0; i < CALLER_FRAMES; i++) {
		u32 flags = audit_of_address(frames[i]);

		if (flags)
			return flags;
	}
	return 0;
}
