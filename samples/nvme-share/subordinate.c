// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that borrows a slice of controller memory: another user, a socket,
 * and nothing else. It keeps WINDOW requests under way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../sample.h"
#include "share.h"

#define WORDS		(NVME_UNIT / sizeof(uint64_t))
#define WINDOW		8u
#define NO_TAG		(SHARE_FINISH - 1)

static char me[32];
static unsigned int borrower;
static char *slice;
static bool finish;
static uint32_t next_tag;
static uint64_t replies;

/* The tags of requests under way, and the unit that each is about. */
static struct {
	uint32_t tag;
	unsigned int unit;
} window[WINDOW];
static unsigned int inflight;

static void die(const char *what)
{
	say(me, "%s", what);
	exit(1);
}

static void receive_slice(void)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_info info;
	void *addr;
	int fd;

	if (!ctx)
		die("out of memory");
	fd = vfio_dmabuf_recv(ctx, SPAWN_SOCK, &info);
	if (fd < 0 || vfio_dmabuf_map(ctx, fd, 0, info.size,
				      PROT_READ | PROT_WRITE, info.phase,
				      &addr))
		die(vfio_dmabuf_error(ctx));
	if (info.size != SLICE_SIZE)
		die("a slice of another size");
	slice = addr;
	say(me, "pid %d, uid %d: got \"%s\", %s", getpid(), getuid(), info.name,
	    info.memattr == VFIO_DMABUF_WC ? "write-combining" : "uncached");
}

static void slice_is_clean(void)
{
	static const uint64_t zero[WORDS];
	uint64_t words[WORDS];
	unsigned int i;

	for (i = 0; i < SLICE_UNITS; i++)
		if (vfio_dmabuf_read(words, slice + i * NVME_UNIT, NVME_UNIT) ||
		    memcmp(words, zero, NVME_UNIT))
			die("the slice has something of another's in it");
}

static void fill(unsigned int slot, unsigned int unit, unsigned int generation)
{
	uint64_t words[WORDS], last;
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		words[i] = share_pattern(borrower, unit, generation, i);
	if (vfio_dmabuf_write(slice + slot * NVME_UNIT, words, NVME_UNIT))
		die("the slice is gone");
	/*
	 * Stores to write-combining memory wait in the processor, and then on
	 * the bus. After the fence they have left the one, and what is read
	 * back after them has pushed them through the other.
	 */
	__sync_synchronize();
	if (vfio_dmabuf_read(&last, slice + (slot + 1) * NVME_UNIT -
			     sizeof(last), sizeof(last)))
		die("the slice is gone");
}

static void verify(unsigned int slot, unsigned int unit,
		   unsigned int generation)
{
	uint64_t words[WORDS];
	unsigned int i;

	if (vfio_dmabuf_read(words, slice + slot * NVME_UNIT, NVME_UNIT))
		die("the slice is gone");
	for (i = 0; i < WORDS; i++)
		if (words[i] != share_pattern(borrower, unit, generation, i))
			die("read something else than was written");
}

static void send_request(const struct share_request *request)
{
	if (send(SPAWN_SOCK, request, sizeof(*request), MSG_NOSIGNAL) !=
	    sizeof(*request))
		die("the primary is gone");
}

/* The next reply; false if there will be none. */
static bool take_reply(struct share_reply *reply)
{
	while (recv(SPAWN_SOCK, reply, sizeof(*reply), 0) == sizeof(*reply)) {
		if (reply->tag != SHARE_FINISH)
			return true;
		finish = true;
	}
	return false;
}

/* Takes one reply. Returns the unit that it is about. */
static unsigned int complete(void)
{
	struct share_reply reply;
	unsigned int i;

	if (!take_reply(&reply))
		die("replies are missing");
	for (i = 0; i < WINDOW && window[i].tag != reply.tag; i++)
		;
	if (i == WINDOW)
		die("a reply to no request, or a second one");
	if (reply.result)
		die(strerror(-reply.result));
	window[i].tag = NO_TAG;
	inflight--;
	replies++;
	return window[i].unit;
}

static void request(enum nvme_opcode opcode, unsigned int unit,
		    unsigned int slot)
{
	struct share_request request = {
		.opcode = opcode,
		.tag = next_tag++ % NO_TAG,
		.unit = unit,
		.offset = (uint64_t)slot * NVME_UNIT,
	};
	unsigned int i;

	for (i = 0; window[i].tag != NO_TAG; i++)
		;
	window[i].tag = request.tag;
	window[i].unit = unit;
	inflight++;
	send_request(&request);
}

/* All units of the extent, each from a page of its own of the slice. */
static void write_pass(unsigned int generation)
{
	unsigned int unit;

	for (unit = 0; unit < EXTENT_UNITS; unit++) {
		fill(unit, unit, generation);
		if (inflight == WINDOW)
			complete();
		request(NVME_WRITE, unit, unit);
	}
	while (inflight)
		complete();
}

/* Each to where the slice has another unit now. */
static unsigned int read_slot(unsigned int unit)
{
	return EXTENT_UNITS - 1 - unit;
}

static void read_pass(unsigned int generation)
{
	unsigned int unit, done;

	for (unit = 0; unit < EXTENT_UNITS || inflight;) {
		if (unit < EXTENT_UNITS && inflight < WINDOW) {
			request(NVME_READ, unit, read_slot(unit));
			unit++;
			continue;
		}
		done = complete();
		verify(read_slot(done), done, generation);
	}
}

static int work(void)
{
	unsigned int generation;

	for (generation = 1; !finish; generation++) {
		write_pass(generation % LAST_GENERATION);
		read_pass(generation % LAST_GENERATION);
	}
	write_pass(LAST_GENERATION);
	read_pass(LAST_GENERATION);
	say(me, "%llu requests, a reply to each, all data right",
	    (unsigned long long)replies);
	return 0;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#define ROUNDS	4

static void fill_all(unsigned int generation)
{
	unsigned int unit;

	for (unit = 0; unit < SLICE_UNITS; unit++)
		fill(unit, unit, generation);
}

/* MB/s of ROUNDS passes over the slice. */
static double speed(void (*pass)(unsigned int generation))
{
	double start = seconds();
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		pass(1);
	return ROUNDS * SLICE_SIZE / 1e6 / (seconds() - start);
}

static int measure(void)
{
	double fills, writes, reads;

	/* The drive's first write to a place may be slower than those after. */
	write_pass(1);
	fills = speed(fill_all);
	writes = speed(write_pass);
	reads = speed(read_pass);
	say(me, "MB/s: %.1f filled, %.1f filled and written, %.1f read and checked",
	    fills, writes, reads);
	return 0;
}

/* Requests that must be refused. */
static const struct {
	struct share_request request;
	int result;
} wrong[] = {
	/* the slice that lies behind this one */
	{ { .opcode = NVME_READ, .offset = SLICE_SIZE }, -EACCES },
	{ { .opcode = NVME_WRITE, .offset = SLICE_SIZE }, -EACCES },
	/* the one before it */
	{ { .opcode = NVME_READ, .offset = -SLICE_SIZE }, -EACCES },
	/* another's part of the drive */
	{ { .opcode = NVME_READ, .unit = EXTENT_UNITS }, -EACCES },
	{ { .opcode = NVME_WRITE, .unit = -(uint64_t)EXTENT_UNITS }, -EACCES },
	/* what is not a page of the slice */
	{ { .opcode = NVME_READ, .offset = SLICE_SIZE - 8 }, -EINVAL },
	/* not read, not write */
	{ { .opcode = 0x80 }, -EINVAL },
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NR_WRONG	ARRAY_SIZE(wrong)

static void ask_wrongly(unsigned int i)
{
	struct share_reply reply;

	send_request(&wrong[i].request);
	if (!take_reply(&reply))
		die("no reply");
	if (reply.result != wrong[i].result) {
		say(me, "wrong request %u: %d", i, reply.result);
		exit(1);
	}
}

/* Until the primary has had enough. */
static void hammer(void)
{
	struct share_request good = { .opcode = NVME_READ };
	struct share_reply reply;
	unsigned int i;

	for (i = 0;; i++) {
		if (send(SPAWN_SOCK, &good, sizeof(good), MSG_NOSIGNAL) < 0 ||
		    send(SPAWN_SOCK, &wrong[i % NR_WRONG].request,
			 sizeof(good), MSG_NOSIGNAL) < 0)
			break;
		/* One reply to two requests: the others are never taken. */
		if (!take_reply(&reply))
			break;
	}
}

static int misbehave(void)
{
	uint64_t word = 0;
	unsigned int i;

	write_pass(LAST_GENERATION);
	read_pass(LAST_GENERATION);
	for (i = 0; i < NR_WRONG; i++)
		ask_wrongly(i);
	say(me, "%zu requests for what is not mine: refused", NR_WRONG);
	hammer();
	if (vfio_dmabuf_write(slice, &word, sizeof(word)) != -EFAULT ||
	    vfio_dmabuf_read(&word, slice, sizeof(word)) != -EFAULT)
		die("the slice can be reached still");
	say(me, "the slice is gone: SIGBUS");
	return 0;
}

int subordinate(enum role role, unsigned int number)
{
	unsigned int i;

	borrower = number;
	snprintf(me, sizeof(me), "borrower %u", number);
	for (i = 0; i < WINDOW; i++)
		window[i].tag = NO_TAG;
	receive_slice();
	slice_is_clean();
	switch (role) {
	case MEASURE:
		return measure();
	case WORK:
		return work();
	case MISBEHAVE:
		return misbehave();
	default:
		return 2;
	}
}
