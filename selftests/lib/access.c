// SPDX-License-Identifier: GPL-2.0-only
/* Loads and stores that survive SIGBUS and SIGSEGV */
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "vfio_test.h"

/* volatile: the handler reads it between two stores of the same thread. */
static __thread sigjmp_buf *volatile recover;

static void on_fault(int sig)
{
	if (recover)
		siglongjmp(*recover, sig);
	/*
	 * Not in one of ours: die as if there were no handler. A fault would come
	 * again by itself; what kill() sent, as the test harness passes on the
	 * death of a child, would not.
	 */
	signal(sig, SIG_DFL);
	raise(sig);
}

static void __attribute__((constructor)) install(void)
{
	/* SA_NODEFER: siglongjmp() need not restore the signal mask. */
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

int vt_peek(const volatile void *addr, __u64 *value)
{
	sigjmp_buf here;
	int sig;

	sig = sigsetjmp(here, 0);
	if (!sig) {
		recover = &here;
		*value = *(const volatile __u64 *)addr;
	}
	recover = NULL;
	return sig;
}

int vt_poke(volatile void *addr, __u64 value)
{
	sigjmp_buf here;
	int sig;

	sig = sigsetjmp(here, 0);
	if (!sig) {
		recover = &here;
		*(volatile __u64 *)addr = value;
	}
	recover = NULL;
	return sig;
}
