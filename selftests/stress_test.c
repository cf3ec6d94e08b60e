// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for VPDM_STRESS_SECONDS (5).
 *
 * The proof is a generation number. A primary writes it into the pages of a
 * slot of the BAR, exports the slot, hands the DMABUF and the number to a
 * subordinate, revokes the DMABUF, and writes the next number. A mapping of a
 * generation may show that number or raise SIGBUS, now and forever: a higher
 * number is an access after the revoke returned. Subordinates also write their
 * number, by CPU and by DMA: a lower number in a slot is such a write.
 *
 * Meanwhile memory goes off and on, the device is reset, and from time to time
 * unbound, closed and opened again.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/edu.h"
#include "lib/vfio_test.h"

#define BAR		2
#define RW		(PROT_READ | PROT_WRITE)
#define PAGES		16
#define SIZE		(PAGES * VT_PAGE)
/* Each worker of the primary has a slot and a subordinate of its own. */
#define WORKERS		3
/* Mappings that a subordinate keeps, long revoked ones among them. */
#define KEPT		24
#define REOPEN_MS	2000
/* Of what a subordinate has done between two events, at most. */
#define PACE		64

enum count {
	EXPORTS,
	REVOKES,
	READS,
	WRITES,
	SIGBUSES,
	REFAULTS,
	REFUSED,
	FORKS,
	IMPORTS,
	DMAS,
	RESETS,
	REOPENS,
	VIOLATIONS,
	NR_COUNTS,
};

static const char * const names[NR_COUNTS] = {
	[EXPORTS] = "exports",
	[REVOKES] = "revokes",
	[READS] = "reads",
	[WRITES] = "writes",
	[SIGBUSES] = "SIGBUS",
	[REFAULTS] = "accesses again after SIGBUS",
	[REFUSED] = "mmaps refused",
	[FORKS] = "forks",
	[IMPORTS] = "imports",
	[DMAS] = "DMAs",
	[RESETS] = "resets",
	[REOPENS] = "device closed, unbound and opened",
	[VIOLATIONS] = "accesses after a revoke returned",
};

/* Shared by all processes. */
static struct shared {
	long count[NR_COUNTS];
	/* Of each subordinate: what it was sent and has dealt with, and accesses. */
	long received[WORKERS];
	long used[WORKERS];
	bool can_import;
	bool stop;
} *shared;

static long counted(enum count what)
{
	return __atomic_load_n(&shared->count[what], __ATOMIC_RELAXED);
}

static void add(enum count what)
{
	__atomic_fetch_add(&shared->count[what], 1, __ATOMIC_RELAXED);
}

static bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static bool passes(const long *count, long to)
{
	while (__atomic_load_n(count, __ATOMIC_RELAXED) < to) {
		if (stopped())
			return false;
		usleep(100);
	}
	return true;
}

/*
 * Waits for the next @nr of @what. Without it a slow machine would see nothing but
 * revoked buffers and resets.
 */
static bool next(enum count what, long nr)
{
	return passes(&shared->count[what], counted(what) + nr);
}

static void violation(const char *what, __u64 seen, __u64 gen)
{
	add(VIOLATIONS);
	if (counted(VIOLATIONS) < 20)
		vt_log("%s: saw generation %llu in %llu", what,
		       (unsigned long long)seen, (unsigned long long)gen);
}

/* The subordinate: a process with two threads that use what they got. */
struct kept {
	pthread_mutex_t lock;
	int fd;
	char *map;
	__u64 gen;
	bool was_sigbus;
};

struct subordinate {
	int sock;
	int nr;
	/* One of them: there is one engine, and everybody waits for a DMA. */
	bool dma;
	int edu;
	struct kept kept[KEPT];
};

static void sub_sigbus(struct kept *k)
{
	add(SIGBUSES);
	k->was_sigbus = true;
}

static void sub_read(struct kept *k, char *page)
{
	__u64 value;

	if (vt_peek(page, &value)) {
		sub_sigbus(k);
		return;
	}
	add(READS);
	if (k->was_sigbus)
		add(REFAULTS);
	k->was_sigbus = false;
	if (value != k->gen)
		violation("read", value, k->gen);
}

static void sub_write(struct kept *k, char *page)
{
	if (vt_poke(page, k->gen))
		sub_sigbus(k);
	else
		add(WRITES);
}

static bool sub_map_again(struct kept *k)
{
	char *map = vt_map_rw(k->fd, SIZE);

	if (!map) {
		add(REFUSED);
		return false;
	}
	munmap(k->map, SIZE);
	k->map = map;
	return true;
}

/*
 * A page in the middle goes. Another mapping takes its place at once, lest one
 * of another generation does; the whole is mapped anew or dropped.
 */
static void sub_unmap(struct kept *k, char *page)
{
	mmap(page, VT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
	if (sub_map_again(k))
		return;
	munmap(k->map, SIZE);
	close(k->fd);
	k->map = NULL;
}

static void sub_fork(struct kept *k, __u64 *seed)
{
	pid_t pid = fork();
	int i, status;

	if (!pid) {
		for (i = 0; i < 20; i++)
			sub_read(k, k->map + vt_random(seed) % PAGES * VT_PAGE);
		_exit(0);
	}
	if (pid > 0) {
		add(FORKS);
		if (waitpid(pid, &status, 0) != pid || status)
			_exit(1);
	}
}

static void sub_import(struct subordinate *s, struct kept *k, unsigned int page,
		       bool dma)
{
	int h = vt_edu_import(s->edu, k->fd);
	__u64 value = 0;

	if (h < 0)
		return;
	add(IMPORTS);
	if (dma && !vt_edu_dma(s->edu, h, 0, page * VT_PAGE, &value,
			       sizeof(value))) {
		add(DMAS);
		if (value != k->gen)
			violation("DMA read", value, k->gen);
	}
	if (dma && !vt_edu_dma(s->edu, h, VPDM_EDU_DMA_WRITE, page * VT_PAGE,
			       &k->gen, sizeof(k->gen)))
		add(DMAS);
	vt_edu_detach(s->edu, h);
}

static void sub_use(struct subordinate *s, struct kept *k, __u64 *seed)
{
	unsigned int n = vt_random(seed) % PAGES;
	char *page = k->map + n * VT_PAGE;
	unsigned int what = vt_random(seed) % 1000;

	if (what < 600)
		sub_read(k, page);
	else if (what < 850)
		sub_write(k, page);
	else if (what < 900)
		sub_map_again(k);
	else if (what < 950)
		sub_unmap(k, page);
	else if (what < 990)
		sub_import(s, k, n, false);
	else if (what < 994)
		sub_import(s, k, n, s->dma);
	else
		sub_fork(k, seed);
}

static void *sub_user(void *arg)
{
	struct subordinate *s = arg;
	__u64 seed = getpid() + (__u64)(size_t)&seed;
	struct kept *k;

	while (!stopped()) {
		k = &s->kept[vt_random(&seed) % KEPT];
		if (pthread_mutex_trylock(&k->lock))
			continue;
		if (k->map)
			sub_use(s, k, &seed);
		else
			sched_yield();
		pthread_mutex_unlock(&k->lock);
		__atomic_fetch_add(&shared->used[s->nr], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * Takes what comes and puts it in the place of something old. The revoke of a
 * buffer that is imported at once meets a DMA.
 */
static void *sub_receiver(void *arg)
{
	struct subordinate *s = arg;
	struct kept *k;
	unsigned int n;
	__u64 gen;
	int fd;

	for (n = 0; read(s->sock, &gen, sizeof(gen)) == sizeof(gen); n++) {
		fd = vt_recv_fd(s->sock);
		if (fd < 0)
			_exit(1);
		k = &s->kept[n % KEPT];
		pthread_mutex_lock(&k->lock);
		if (k->map) {
			munmap(k->map, SIZE);
			close(k->fd);
		}
		k->fd = fd;
		k->gen = gen;
		k->was_sigbus = false;
		k->map = vt_map_rw(fd, SIZE);
		if (!k->map) {
			add(REFUSED);
			close(fd);
		} else if (s->dma && n % 8 == 0) {
			sub_import(s, k, 0, true);
		}
		pthread_mutex_unlock(&k->lock);
		__atomic_fetch_add(&shared->received[s->nr], 1,
				   __ATOMIC_RELAXED);
	}
	return NULL;
}

static void subordinate(int sock, int nr)
{
	static struct subordinate s;
	pthread_t user[2], receiver;
	size_t i;

	s.sock = sock;
	s.nr = nr;
	s.dma = !nr;
	s.edu = vt_edu_open(vt_bdf("SW_EDU"));
	if (s.edu < 0)
		_exit(1);
	for (i = 0; i < KEPT; i++)
		pthread_mutex_init(&s.kept[i].lock, NULL);
	if (pthread_create(&receiver, NULL, sub_receiver, &s) ||
	    pthread_create(&user[0], NULL, sub_user, &s) ||
	    pthread_create(&user[1], NULL, sub_user, &s))
		_exit(1);
	pthread_join(receiver, NULL);
	pthread_join(user[0], NULL);
	pthread_join(user[1], NULL);
	_exit(0);
}

/* The primary */
struct primary {
	struct vt_device d;
	/* Held for read while the device is used, for write to change it. */
	pthread_rwlock_t open;
	/*
	 * Held for a reset by sysfs. Opening the device meanwhile gives EAGAIN;
	 * closing it meanwhile may leave it without addresses, since
	 * vfio_pci_core_disable() restores what it has saved without the device
	 * lock, under which the reset saves and restores the same.
	 */
	pthread_mutex_t reset;
	bool failed;
};

static void fail(struct primary *p, const char *who, int ret)
{
	vt_log("%s: %s", who, strerror(-ret));
	__atomic_store_n(&p->failed, true, __ATOMIC_RELAXED);
}

struct worker {
	pthread_t thread;
	struct primary *p;
	int nr;
	size_t slot;
	int sock;
	__u64 gen;
};

/* Memory is off now and then, for the primary as for everyone. */
static void write_all(char *bar, __u64 gen)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		while (vt_poke(bar + i * VT_PAGE, gen))
			sched_yield();
	}
}

static void check_all(char *bar, __u64 gen)
{
	unsigned int i;
	__u64 value;

	for (i = 0; i < PAGES; i++) {
		while (vt_peek(bar + i * VT_PAGE, &value))
			sched_yield();
		if (value != gen)
			violation("slot", value, gen);
	}
}

static bool vend(struct worker *w, int fd)
{
	return write(w->sock, &w->gen, sizeof(w->gen)) == sizeof(w->gen) &&
	       !vt_send_fd(w->sock, fd);
}

static void pause_us(__u64 *seed, unsigned int max)
{
	usleep(vt_random(seed) % max);
}

/*
 * Before the revoke: nothing, or the subordinate deals with the buffer first, or
 * it goes on to use what it has.
 */
static void let_use(struct worker *w, __u64 *seed)
{
	long *used = &shared->used[w->nr];
	unsigned int n = vt_random(seed) % PACE;

	if (n % 4 && passes(&shared->received[w->nr], w->gen) && n % 4 > 1)
		passes(used, __atomic_load_n(used, __ATOMIC_RELAXED) + n);
}

/* One generation: nobody has the slot before export and after revoke. */
static int round_of(struct worker *w, char *bar, __u64 *seed)
{
	int fd, ret;

	w->gen++;
	write_all(bar, w->gen);
	pause_us(seed, 500);
	check_all(bar, w->gen);

	fd = vt_export_one(w->p->d.fd, BAR, w->slot * SIZE, SIZE);
	if (fd < 0)
		return fd;
	if (!vend(w, fd))
		return -EPIPE;
	add(EXPORTS);
	let_use(w, seed);
	/* Some live until the device is closed. */
	if (vt_random(seed) % 64) {
		ret = vt_revoke(w->p->d.fd, fd);
		if (ret)
			return ret;
		add(REVOKES);
	} else {
		w->slot += WORKERS;
	}
	close(fd);
	return 0;
}

static void *worker(void *arg)
{
	struct worker *w = arg;
	__u64 seed = w->slot + 1;
	int ret = 0;
	char *bar;

	while (!ret && !stopped()) {
		pthread_rwlock_rdlock(&w->p->open);
		bar = vt_map_bar(&w->p->d, BAR, w->slot * SIZE, SIZE);
		ret = bar ? round_of(w, bar, &seed) : -errno;
		if (bar)
			munmap(bar, SIZE);
		pthread_rwlock_unlock(&w->p->open);
		/* The writer must have its turn, and so must late accesses. */
		pause_us(&seed, 1000);
	}
	if (ret)
		fail(w->p, "worker", ret);
	return NULL;
}

static int reset_by_sysfs(struct primary *p)
{
	int ret;

	pthread_mutex_lock(&p->reset);
	ret = vt_sysfs_reset(p->d.bdf);
	pthread_mutex_unlock(&p->reset);
	add(RESETS);
	return ret;
}

static int disturb_device(struct primary *p, __u64 *seed)
{
	int ret;

	pthread_rwlock_rdlock(&p->open);
	if (vt_random(seed) % 2) {
		/* EAGAIN: an unbind holds the device's lock. */
		ret = vt_reset(&p->d);
		ret = ret == -EAGAIN ? 0 : ret;
		add(RESETS);
	} else {
		ret = vt_memory(&p->d, false);
		pause_us(seed, 2000);
		ret |= vt_memory(&p->d, true);
	}
	pthread_rwlock_unlock(&p->open);
	return ret;
}

static void *disturb(void *arg)
{
	struct primary *p = arg;
	enum count often = shared->can_import ? IMPORTS : WRITES;
	enum count seldom = shared->can_import ? DMAS : WRITES;
	__u64 seed = 99;
	int ret = 0;

	while (!stopped() && !ret) {
		if (vt_random(&seed) % 4)
			ret = disturb_device(p, &seed);
		else
			ret = reset_by_sysfs(p);
		/* Nothing, or what needs the device to stay as it is. */
		if (vt_random(&seed) % 4)
			next(READS, vt_random(&seed) % (PACE / 4));
		if (!(vt_random(&seed) % 8))
			next(often, 1);
		if (!(vt_random(&seed) % 64))
			next(seldom, 1);
	}
	if (ret)
		fail(p, "disturb", ret);
	return NULL;
}

static void *unbind(void *arg)
{
	struct primary *p = arg;

	return (void *)(long)vt_unbind(p->d.bdf);
}

/* The unbind begins in the midst of it all, and ends with the close. */
static bool reopen(struct primary *p)
{
	const char *bdf = vt_bdf("SW_MEM");
	pthread_t thread;
	void *ret;
	bool ok;

	pthread_mutex_lock(&p->reset);
	if (pthread_create(&thread, NULL, unbind, p))
		return false;
	vt_sleep_ms(50);
	pthread_rwlock_wrlock(&p->open);
	vt_close(&p->d);
	pthread_join(thread, &ret);
	ok = !ret && !vt_open(&p->d, bdf, VT_DRIVER);
	pthread_rwlock_unlock(&p->open);
	pthread_mutex_unlock(&p->reset);
	add(REOPENS);
	return ok;
}

FIXTURE(stress)
{
	struct primary p;
	struct worker w[WORKERS];
	pid_t sub[WORKERS];
};

FIXTURE_SETUP(stress)
{
	pthread_rwlockattr_t attr;
	int i, sock[2];

	shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ASSERT_NE(MAP_FAILED, shared);
	shared->can_import = vt_stock_exports();
	if (shared->can_import)
		ASSERT_EQ(0, vt_edu_domain(vt_bdf("SW_EDU"), "identity"));
	close(vt_edu_open(vt_bdf("SW_EDU")));
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
					0, sock));
		self->sub[i] = fork();
		ASSERT_LE(0, self->sub[i]);
		if (!self->sub[i]) {
			close(sock[0]);
			subordinate(sock[1], i);
		}
		close(sock[1]);
		self->w[i].sock = sock[0];
		self->w[i].nr = i;
		self->w[i].slot = i;
		self->w[i].p = &self->p;
	}
	/* The workers alone would hold it for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	ASSERT_EQ(0, pthread_rwlock_init(&self->p.open, &attr));
	ASSERT_EQ(0, pthread_mutex_init(&self->p.reset, NULL));
	ASSERT_EQ(0, vt_open(&self->p.d, vt_bdf("SW_MEM"), VT_DRIVER));
}

FIXTURE_TEARDOWN(stress)
{
	vt_close(&self->p.d);
	if (shared->can_import)
		EXPECT_EQ(0, vt_edu_domain(vt_bdf("SW_EDU"), "DMA"));
}

static unsigned int seconds(void)
{
	const char *s = getenv("VPDM_STRESS_SECONDS");

	return s ? atoi(s) : 5;
}

static bool is_expected(enum count what)
{
	if (what == IMPORTS || what == DMAS)
		return shared->can_import;
	return what != VIOLATIONS;
}

/* Chance decides when what happens, but not whether. */
static bool has_seen_all(void)
{
	enum count i;

	for (i = 0; i < NR_COUNTS; i++) {
		if (is_expected(i) && !counted(i))
			return false;
	}
	return true;
}

/* What the subordinates have done since the device was opened last. */
static bool was_used(const long *before)
{
	return counted(READS) >= before[READS] + PACE &&
	       (!shared->can_import || counted(DMAS) > before[DMAS]);
}

TEST_F(stress, no_access_after_a_revoke_returned)
{
	__u64 end = vt_now_ns() + seconds() * 1000000000ULL;
	bool *failed = &self->p.failed;
	long before[NR_COUNTS];
	pthread_t disturber;
	int i, status;

	for (i = 0; i < WORKERS; i++)
		ASSERT_EQ(0, pthread_create(&self->w[i].thread, NULL, worker,
					    &self->w[i]));
	ASSERT_EQ(0, pthread_create(&disturber, NULL, disturb, &self->p));
	do {
		memcpy(before, shared->count, sizeof(before));
		vt_sleep_ms(REOPEN_MS);
		EXPECT_TRUE(vt_wait_for(was_used(before) || *failed));
		EXPECT_TRUE(reopen(&self->p));
	} while (!*failed && vt_now_ns() < end);
	EXPECT_TRUE(vt_wait_for(has_seen_all() || *failed));
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(disturber, NULL));
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, pthread_join(self->w[i].thread, NULL));
		/* Later subordinates were born with a copy of it. */
		shutdown(self->w[i].sock, SHUT_RDWR);
		close(self->w[i].sock);
		ASSERT_EQ(self->sub[i], waitpid(self->sub[i], &status, 0));
		EXPECT_EQ(0, status);
	}

	for (i = 0; i < NR_COUNTS; i++) {
		TH_LOG("%9ld %s", shared->count[i], names[i]);
		EXPECT_EQ(is_expected(i), shared->count[i] > 0);
	}
	EXPECT_FALSE(self->p.failed);
}

TEST_HARNESS_MAIN
