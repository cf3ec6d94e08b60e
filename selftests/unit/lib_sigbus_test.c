// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_dmabuf_guard() and the copies on top of it, in a file that is shorter
 * than its mapping: an access beyond its end raises SIGBUS as a revoked mapping
 * does.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sigbus.c"
#include "lib/copy.c"
#include "tap.h"

#define SIZE	4096

/* Two mappings that fault, one that does not. */
static char *bad, *bad2, *good;

static char *map(off_t file_size)
{
	int fd = memfd_create("unit", MFD_CLOEXEC);
	void *addr;

	if (fd < 0 || ftruncate(fd, file_size))
		bail_out("memfd");
	addr = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED)
		bail_out("mmap");
	close(fd);
	return addr;
}

static void touch(void *addr)
{
	*(volatile char *)addr;
}

static volatile int after;

static void touch_then_mark(void *addr)
{
	touch(addr);
	after++;
}

static volatile int inner_result;

/* Guards one mapping inside the guard of another, and touches @arg. */
static void nest(void *arg)
{
	inner_result = vfio_dmabuf_guard(bad, SIZE, touch_then_mark, arg);
	after++;
}

static void nest_same(void *arg)
{
	inner_result = vfio_dmabuf_guard(bad, SIZE, touch, arg);
	touch(arg);
	after++;
}

static void test_nesting(void)
{
	after = 0;
	ok(!vfio_dmabuf_guard(good, SIZE, touch_then_mark, good) && after == 1,
	   "a function that does not fault returns");
	after = 0;
	ok(vfio_dmabuf_guard(bad, SIZE, touch_then_mark, bad) == -EFAULT &&
	   !after, "one that faults is cut off");
	ok(vfio_dmabuf_guard(bad, SIZE, touch, bad + SIZE - 1) == -EFAULT,
	   "at the last byte too");
	after = 0;
	ok(!vfio_dmabuf_guard(bad2, SIZE, nest, bad) &&
	   inner_result == -EFAULT && after == 1,
	   "the inner guard takes its own fault, and the outer goes on");
	after = 0;
	inner_result = 1;
	ok(vfio_dmabuf_guard(bad2, SIZE, nest, bad2) == -EFAULT && !after &&
	   inner_result == 1,
	   "a fault in the outer's mapping leaves both");
	after = 0;
	ok(vfio_dmabuf_guard(bad, SIZE, nest_same, bad) == -EFAULT && !after &&
	   inner_result == -EFAULT,
	   "the outer guard is whole after the inner one was left");
	ok(vfio_dmabuf_guard(bad, SIZE, touch, bad) == -EFAULT,
	   "and a new guard after all that");
}

static void *guard_many(void *arg)
{
	long i, cut = 0;

	(void)arg;
	for (i = 0; i < 2000; i++)
		cut += vfio_dmabuf_guard(bad, SIZE, touch,
					 i & 1 ? bad : good) == -EFAULT;
	return (void *)cut;
}

static void test_threads(void)
{
	pthread_t threads[4];
	bool all = true;
	void *cut;
	size_t i;

	for (i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, guard_many, NULL))
			bail_out("pthread_create");
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &cut);
		all &= (long)cut == 1000;
	}
	ok(all, "each thread has its own guards");
}

static void test_copies(void)
{
	char out[64], in[64];
	size_t start, len, i;
	bool same = true;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i + 1;
	for (start = 0; start < 9; start++) {
		for (len = 0; len < 40; len++) {
			memset(good, 0, SIZE);
			memset(out, 0, sizeof(out));
			same &= !vfio_dmabuf_write(good + start, in, len) &&
				!vfio_dmabuf_read(out, good + start, len) &&
				!memcmp(out, in, len) && !out[len] &&
				!good[start + len] &&
				(!start || !good[start - 1]);
		}
	}
	ok(same, "copies of every length and alignment");
	ok(vfio_dmabuf_read(out, bad, 8) == -EFAULT, "a read that faults");
	ok(vfio_dmabuf_write(bad, in, 8) == -EFAULT, "a write that faults");
}

/* Status of a child that runs @fn; the reports of sanitizers are not for it. */
static int in_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		fn();
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void unguarded(void)
{
	vfio_dmabuf_guard(bad, SIZE, touch, good);
	touch(bad);
}

static void other_mapping(void)
{
	vfio_dmabuf_guard(bad, SIZE, touch, bad2);
}

static void before_and_after(void)
{
	vfio_dmabuf_guard(bad + 1, SIZE - 2, touch, bad);
}

static void just_after(void)
{
	vfio_dmabuf_guard(bad, SIZE - 1, touch, bad + SIZE - 1);
}

static void sent(void)
{
	vfio_dmabuf_guard(bad, SIZE, touch, good);
	raise(SIGBUS);
}

static void send_it(void *arg)
{
	(void)arg;
	raise(SIGBUS);
}

static void sent_in_guard(void)
{
	vfio_dmabuf_guard(NULL, SIZE_MAX, send_it, NULL);
}

static bool died(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

static void test_default(void)
{
	ok(died(in_child(unguarded)), "an access without a guard kills");
	ok(died(in_child(other_mapping)), "so does one of another mapping");
	ok(died(in_child(before_and_after)), "and one byte before it");
	ok(died(in_child(just_after)), "and one byte after it");
	ok(died(in_child(sent)), "and a SIGBUS that was sent");
	ok(died(in_child(sent_in_guard)), "in any guard too");
}

static volatile sig_atomic_t seen_sig;
static void *volatile seen_addr;
static volatile sig_atomic_t seen_masked;

static void theirs(int sig, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)context;
	seen_sig = sig;
	seen_addr = info->si_addr;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	seen_masked = sigismember(&now, SIGUSR1) && sigismember(&now, SIGBUS);
	if (info->si_code == BUS_ADRERR)
		_exit(seen_masked && info->si_addr == bad ? 7 : 8);
}

static void use_theirs(int flags)
{
	struct sigaction sa = { .sa_sigaction = theirs, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGUSR1);
	previous = sa;
}

static void fault_with_theirs(void)
{
	use_theirs(SA_SIGINFO);
	touch(bad);
}

static void sent_with_theirs(void)
{
	sigset_t now;

	use_theirs(SA_SIGINFO);
	raise(SIGBUS);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	_exit(seen_sig == SIGBUS && seen_masked &&
	      !sigismember(&now, SIGUSR1) ? 7 : 8);
}

/* What an access raises that the processor cannot make there, as on arm64. */
static void misalign(void *addr)
{
	siginfo_t info = { .si_signo = SIGBUS, .si_code = BUS_ADRALN };

	info.si_addr = addr;
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, &info))
		_exit(9);
	after++;
}

static void misaligned_with_theirs(void)
{
	use_theirs(SA_SIGINFO);
	after = 0;
	_exit(!vfio_dmabuf_guard(bad, SIZE, misalign, bad) && after == 1 &&
	      seen_sig == SIGBUS && seen_addr == bad ? 7 : 8);
}

static void plain_handler(int sig)
{
	_exit(sig == SIGBUS ? 7 : 8);
}

static void fault_with_plain(void)
{
	previous = (struct sigaction){ .sa_handler = plain_handler };
	touch(bad);
}

static void sent_ignored(void)
{
	previous = (struct sigaction){ .sa_handler = SIG_IGN };
	raise(SIGBUS);
	_exit(7);
}

static void fault_ignored(void)
{
	previous = (struct sigaction){ .sa_handler = SIG_IGN };
	touch(bad);
}

static bool exited(int status, int code)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

static void test_chain(void)
{
	ok(exited(in_child(fault_with_theirs), 7),
	   "the earlier handler gets a fault that is not ours, with its mask");
	ok(exited(in_child(sent_with_theirs), 7),
	   "and a signal that was sent, and the mask is restored");
	ok(exited(in_child(misaligned_with_theirs), 7),
	   "and an access that is not aligned, in any guard");
	ok(exited(in_child(fault_with_plain), 7),
	   "also one without SA_SIGINFO");
	ok(exited(in_child(sent_ignored), 7), "ignored stays ignored if sent");
	ok(died(in_child(fault_ignored)), "a fault cannot be ignored");
}

static void test_replaced(void)
{
	struct sigaction ours;

	after = 0;
	sigaction(SIGBUS, NULL, &ours);
	signal(SIGBUS, plain_handler);
	ok(vfio_dmabuf_guard(good, SIZE, touch_then_mark, good) == -EBUSY &&
	   !after, "refuses to run under a handler that replaced ours");
	sigaction(SIGBUS, &ours, NULL);
	ok(!vfio_dmabuf_guard(good, SIZE, touch_then_mark, good),
	   "and runs when it is back");
}

int main(void)
{
	signal(SIGBUS, SIG_DFL);
	bad = map(0);
	bad2 = map(0);
	good = map(SIZE);
	plan(25);
	test_nesting();
	test_threads();
	test_copies();
	test_default();
	test_chain();
	test_replaced();
	return finish();
}
