/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Arguments and result of the kernel function that a kprobe or kretprobe is on. */
#pragma once

#include "event.h"

#if defined(__TARGET_ARCH_x86)
#define PROBE_ARG1(regs) ((regs)->di)
#define PROBE_ARG2(regs) ((regs)->si)
#define PROBE_ARG3(regs) ((regs)->dx)
#define PROBE_ARG4(regs) ((regs)->cx) /* r10 in system calls only */
#define PROBE_RESULT(regs) ((regs)->ax)
#elif defined(__TARGET_ARCH_arm64)
#define PROBE_ARG1(regs) ((regs)->regs[0])
#define PROBE_ARG2(regs) ((regs)->regs[1])
#define PROBE_ARG3(regs) ((regs)->regs[2])
#define PROBE_ARG4(regs) ((regs)->regs[3])
#define PROBE_RESULT(regs) ((regs)->regs[0])
#endif
