// A program with static probes of all forms, which needs no library. It counts to
// the number that it was built with and passes a function of it to each probe.
// Built as the comment in testdata_test.go says.
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#define COUNT 7919

#define SEMAPHORE __attribute__((section(".probes"))) volatile unsigned short
SEMAPHORE demo_twice_semaphore;
SEMAPHORE demo_values_semaphore;
SEMAPHORE demo_memory_semaphore;
SEMAPHORE demo_guarded_semaphore;

static volatile signed char tiny = -3;
static volatile unsigned long table[4] = {11, 22, 33, 44};

static inline __attribute__((always_inline)) void twice(long n)
{
	DTRACE_PROBE1(demo, twice, n);
}

__attribute__((noinline)) static void values(long n, int negative, unsigned char small, unsigned long index)
{
	volatile int local = (int)n + 1;

	DTRACE_PROBE5(demo, values, n, negative, small, local, 7);
	DTRACE_PROBE2(demo, memory, tiny, table[index & 3]);
}

__attribute__((noinline)) static void guarded(long n)
{
	if (__builtin_expect(demo_guarded_semaphore, 0))
		DTRACE_PROBE1(demo, guarded, n);
}

static void leave(int status)
{
#ifdef __x86_64__
	__asm__ volatile("syscall" : : "a"(231), "D"(status) : "rcx", "r11", "memory");
#else
	register long x0 __asm__("x0") = status, x8 __asm__("x8") = 94;
	__asm__ volatile("svc 0" : : "r"(x0), "r"(x8) : "memory");
#endif
	for (;;)
		;
}

void _start(void)
{
	int seen = 0;

	for (long n = 0; n < COUNT; n++) {
		values(n, (int)-n, (unsigned char)n, n);
		twice(n);
		if (n & 1)
			twice(-n);
		guarded(n);
		seen |= demo_guarded_semaphore != 0;
	}
	leave(seen ? 3 : 0);
}
