/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What kernel.h is for tasks and files, for packets: the fields that we read. */
#pragma once

#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff {
	unsigned int len;
	unsigned int data_len;          /* of len, what is not in the linear part */
	u16 network_header;             /* offset from head */
	unsigned char *head;            /* of the linear part */
	unsigned char *data;            /* where the packet begins in it */
};

#pragma clang attribute pop
