/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What kernel.h is for tasks and files, for the requests of io_uring: the fields that we read. */
#pragma once

#include "kernel_fs.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct io_cqe {                         /* 5.19 */
	s32 res;                        /* a length, a descriptor, or a negative errno */
};

struct io_kiocb {
	struct file *file;              /* what the request is about; NULL: no open file */
	u8 opcode;                      /* IORING_OP_* */
	struct io_cqe cqe;
};

struct io_open {                        /* io_kiocb begins with it in an open */
	u32 file_slot;                  /* not 0: it gets no descriptor */
	struct open_how___ringside how;
};

#pragma clang attribute pop

#define IORING_OP_WRITEV 2
#define IORING_OP_WRITE_FIXED 5
#define IORING_OP_OPENAT 18
#define IORING_OP_WRITE 23
#define IORING_OP_OPENAT2 28
#define IORING_OP_WRITEV_FIXED 59       /* 6.15 */
