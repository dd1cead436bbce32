/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The files behind descriptors. */
#pragma once

#include "event.h"

/* The file that fd is in the task, or NULL. */
static __always_inline struct file *file_of_fd(struct task_struct *task, int fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;

	if (fd < 0 || (u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	struct file **fds = BPF_CORE_READ(fdt, fd);

	bpf_probe_read_kernel(&file, sizeof(file), &fds[fd]);
	return file;
}
