// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An access to a revoked mapping raises SIGBUS in the thread that makes it. The
 * handler leaves the guarded function by siglongjmp() if the address belongs to
 * a guard of this thread, and hands every other SIGBUS on.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct guard {
	struct guard *outer;
	uintptr_t addr;
	size_t length;
	sigjmp_buf env;
};

/* A handler must not allocate, as the first use of dynamic TLS can. */
static __thread struct guard *innermost
	__attribute__((tls_model("initial-exec")));

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction previous;
static int install_error;

/* Under the mask that the kernel would have set; it takes it back on return. */
static void call_previous(int sig, siginfo_t *info, void *context)
{
	sigset_t mask = previous.sa_mask;

	if (!(previous.sa_flags & SA_NODEFER))
		sigaddset(&mask, sig);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(sig, info, context);
	else
		previous.sa_handler(sig);
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	bool sent = info->si_code <= 0;

	if ((previous.sa_flags & SA_SIGINFO) ||
	    (previous.sa_handler != SIG_DFL &&
	     previous.sa_handler != SIG_IGN)) {
		call_previous(sig, info, context);
		return;
	}
	if (sent && previous.sa_handler == SIG_IGN)
		return;
	/* The access is made again, and ends the process with its own trace. */
	sigaction(sig, &previous, NULL);
	if (sent)
		raise(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t addr = (uintptr_t)info->si_addr;
	int saved_errno = errno;
	struct guard *g;

	if (info->si_code == BUS_ADRERR) {
		for (g = innermost; g; g = g->outer) {
			if (addr < g->addr || addr - g->addr >= g->length)
				continue;
			innermost = g->outer;
			siglongjmp(g->env, 1);
		}
	}
	pass_on(sig, info, context);
	errno = saved_errno;
}

static void install(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_sigbus,
		/* Not deferred: siglongjmp() then has no mask to restore. */
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
	};

	sigemptyset(&sa.sa_mask);
	/* Read first: a SIGBUS may arrive as soon as the handler is there. */
	if (sigaction(SIGBUS, NULL, &previous) ||
	    sigaction(SIGBUS, &sa, NULL))
		install_error = -errno;
}

/* A handler that was installed over ours may or may not call it. */
static int check_handler(void)
{
	struct sigaction now;

	pthread_once(&once, install);
	if (install_error)
		return install_error;
	if (sigaction(SIGBUS, NULL, &now))
		return -errno;
	if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_sigbus)
		return -EBUSY;
	return 0;
}

static void leave(struct guard *g)
{
	atomic_signal_fence(memory_order_seq_cst);
	innermost = g->outer;
}

int vfio_dmabuf_guard(const void *addr, size_t length, void (*fn)(void *arg),
		      void *arg)
{
	/* Left as well if @fn throws a C++ exception or ends its thread. */
	__attribute__((cleanup(leave))) struct guard g = {
		.outer = innermost,
		.addr = (uintptr_t)addr,
		.length = length,
	};
	int ret;

	ret = check_handler();
	if (ret)
		return ret;
	if (sigsetjmp(g.env, 0))
		return -EFAULT;
	innermost = &g;
	atomic_signal_fence(memory_order_seq_cst);
	fn(arg);
	return 0;
}
