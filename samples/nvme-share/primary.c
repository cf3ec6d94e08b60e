// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvme-share BDF: drive an NVMe controller, and let processes of other users read
 * and write blocks by way of slices of its memory. See README.
 *
 * The device must be bound to vfio-pci-dmabuf-mmap. The first MiB of namespace 1
 * is overwritten.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sample.h"
#include "loan.h"

#define ME	"primary"
/* Requests that make a round of WORK. */
#define ROUND	(2 * EXTENT_UNITS)

enum { GOOD, BAD, THIRD, NR_LOANS };

/* Numbers of the borrowers, and of their extents. */
enum { MEASURER, BORROWER_GOOD, BORROWER_BAD, BORROWER_THIRD, NR_BORROWERS };

static struct nvme nvme;
static struct loan loans[NR_LOANS] = {
	{ .sock = -1 }, { .sock = -1 }, { .sock = -1 }
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "nvme-share: %s: %s\n", what, why);
	exit(1);
}

static bool lent(const struct loan *loan)
{
	return loan->sock >= 0;
}

static void lend(struct loan *loan, unsigned int slot, unsigned int borrower,
		 enum role role, uint32_t memattr)
{
	int ret = loan_make(&nvme, loan, slot, borrower, role, memattr);

	if (ret)
		die("cannot lend a slice", strerror(-ret));
}

static void take_back(struct loan *loan)
{
	int ret = loan_end(&nvme, loan);

	/* The drive may write into the slice still: it is nobody's any more. */
	if (ret)
		die("cannot take a slice back", strerror(-ret));
}

static void finish(struct loan *loan)
{
	if (lent(loan) && !loan_finish(loan))
		take_back(loan);
}

/* The socket waits while the queue is full. */
static bool may_ask(const struct loan *loan)
{
	return !nvme_queue_full(&nvme.queues[loan->slot + 1]);
}

static void serve(struct loan *loan, short events)
{
	bool alive = loan_complete(&nvme, loan);

	if (alive && (events & (POLLIN | POLLHUP)) && may_ask(loan))
		alive = loan_request(&nvme, loan);
	if (!alive)
		take_back(loan);
}

/* Waits for requests and for the drive, and serves every borrower once. */
static void turn(void)
{
	struct pollfd fds[NR_LOANS + 1];
	uint64_t count;
	unsigned int i;

	for (i = 0; i < NR_LOANS; i++) {
		fds[i].fd = loans[i].sock;
		fds[i].events = lent(&loans[i]) && may_ask(&loans[i]) ?
				POLLIN : 0;
		fds[i].revents = 0;
	}
	fds[NR_LOANS].fd = nvme.interrupt;
	fds[NR_LOANS].events = POLLIN;
	if (poll(fds, NR_LOANS + 1, -1) < 0 && errno != EINTR)
		die("poll", strerror(errno));
	/* Before the queues are looked at, or what comes after is missed. */
	if (read(nvme.interrupt, &count, sizeof(count)) < 0 && errno != EAGAIN)
		die("interrupt", strerror(errno));
	for (i = 0; i < NR_LOANS; i++)
		if (lent(&loans[i]))
			serve(&loans[i], fds[i].revents);
}

static bool ended_well(const struct loan *loan)
{
	int status;

	return waitpid(loan->pid, &status, 0) == loan->pid &&
	       WIFEXITED(status) && !WEXITSTATUS(status);
}

static void open_controller(const char *bdf)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();

	if (!ctx)
		die(bdf, "out of memory");
	if (nvme_open(&nvme, ctx, bdf))
		exit(1);
	if (!(vfio_dmabuf_features(nvme.dev) & VFIO_DMABUF_CAN_REVOKE))
		die(bdf, "bind it to vfio-pci-dmabuf-mmap");
	if (nvme.cmb_size < (NVME_QUEUES - 1) * SLICE_SIZE)
		die(bdf, "too little controller memory");
	if (nvme.units < NR_BORROWERS * EXTENT_UNITS)
		die(bdf, "the drive is too small");
	say(ME, "I drive %s: %llu KiB of controller memory in BAR %u, doorbells %u bytes apart",
	    bdf, (unsigned long long)nvme.cmb_size >> 10, nvme.cmb_bar,
	    nvme.stride);
}

static void measure(void)
{
	static const uint32_t attrs[] = { VFIO_DMABUF_NC, VFIO_DMABUF_WC };
	struct loan *loan = &loans[GOOD];
	unsigned int i;

	say("\n1.", "The same slice, uncached and write-combining");
	for (i = 0; i < 2; i++) {
		lend(loan, 0, MEASURER, MEASURE, attrs[i]);
		while (lent(loan))
			turn();
		check(ended_well(loan) && !loan->refused,
		      "%llu blocks, all data right",
		      (unsigned long long)loan->done);
	}
}

static void misbehaviour(void)
{
	struct loan *good = &loans[GOOD], *bad = &loans[BAD];

	say("\n2.", "Two borrowers; one asks for more than it has");
	lend(good, 0, BORROWER_GOOD, WORK, VFIO_DMABUF_WC);
	lend(bad, 1, BORROWER_BAD, MISBEHAVE, VFIO_DMABUF_WC);
	while (lent(bad))
		turn();
	check(bad->revoked && bad->refused == REFUSALS_MAX + 1,
	      "borrower %u: refused %u times, then revoked", bad->borrower,
	      bad->refused);
	check(ended_well(bad), "its mapping reaches nothing");
	check(lent(good) && !good->refused,
	      "borrower %u goes on", good->borrower);
}

static void lend_again(void)
{
	struct loan *good = &loans[GOOD], *third = &loans[THIRD];
	uint64_t before = good->done;

	say("\n3.", "The slice is lent to a third");
	lend(third, 1, BORROWER_THIRD, WORK, VFIO_DMABUF_WC);
	while (lent(good) && lent(third) &&
	       (third->done < ROUND || good->done < before + ROUND))
		turn();
	finish(good);
	finish(third);
	while (lent(good) || lent(third))
		turn();
	check(ended_well(third), "borrower %u: %llu blocks, in a slice that was clean",
	      third->borrower, (unsigned long long)third->done);
	check(ended_well(good), "borrower %u: %llu blocks, undisturbed",
	      good->borrower, (unsigned long long)good->done);
}

/* Whether the borrower's extent has what it has written last. */
static bool extent_is_right(unsigned int borrower)
{
	const uint64_t *words;
	unsigned int unit, i;

	for (unit = 0; unit < EXTENT_UNITS; unit++) {
		words = nvme_read_unit(&nvme, 1, borrower * EXTENT_UNITS + unit);
		for (i = 0; words && i < NVME_UNIT / sizeof(*words); i++)
			if (words[i] != share_pattern(borrower, unit,
						      LAST_GENERATION, i))
				return false;
		if (!words)
			return false;
	}
	return true;
}

static void read_the_drive(void)
{
	unsigned int borrower;

	say("\n4.", "The primary reads the drive into memory of its own");
	if (nvme_queue_create(&nvme, 1))
		exit(1);
	for (borrower = BORROWER_GOOD; borrower < NR_BORROWERS; borrower++)
		check(extent_is_right(borrower), "what borrower %u wrote is there",
		      borrower);
}

int main(int argc, char **argv)
{
	keep_stdio();
	if (argc == 4 && !strcmp(argv[1], "--subordinate"))
		return subordinate(atoi(argv[2]), atoi(argv[3]));
	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: nvme-share BDF\n");
		return 2;
	}
	open_controller(argv[1]);
	measure();
	misbehaviour();
	lend_again();
	read_the_drive();
	nvme_close(&nvme);
	vfio_dmabuf_free(nvme.ctx);
	return report();
}
