// SPDX-License-Identifier: GPL-2.0-only
/*
 * samples/nvme-share, on a drive with a controller memory buffer. What it leaves
 * on the drive is read by the kernel's own driver. In a machine of its own.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"
#include "../samples/nvme-share/share.h"

#define SAMPLE	"/samples/nvme-share "
#define WORDS	(NVME_UNIT / sizeof(__u64))

/* Runs the sample; its exit status. What it prints goes to @out, and is shown. */
static int run(const char *bdf, char *out, size_t size)
{
	char command[64];
	size_t used = 0;
	FILE *f;
	int ret;

	snprintf(command, sizeof(command), SAMPLE "%s 2>&1", bdf);
	f = popen(command, "r");
	if (!f)
		return -1;
	while (used + 1 < size && fgets(out + used, size - used, f)) {
		printf("# %s", out + used);
		used += strlen(out + used);
	}
	out[used] = '\0';
	ret = pclose(f);
	return WIFEXITED(ret) ? WEXITSTATUS(ret) : 128 + WTERMSIG(ret);
}

FIXTURE(nvme_share) {
	char out[16384];
};

FIXTURE_SETUP(nvme_share)
{
}

FIXTURE_TEARDOWN(nvme_share)
{
}

/* The other controller of the machine has no namespace. */
static int open_drive(void)
{
	glob_t found;
	int fd = -1;

	if (!glob("/dev/nvme*n1", 0, NULL, &found)) {
		fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
		globfree(&found);
	}
	return fd;
}

static bool unit_is(int fd, unsigned int borrower, unsigned int unit)
{
	__u64 words[WORDS];
	unsigned int i;

	if (pread(fd, words, NVME_UNIT, (borrower * EXTENT_UNITS + unit) *
		  (off_t)NVME_UNIT) != NVME_UNIT)
		return false;
	for (i = 0; i < WORDS; i++)
		if (words[i] != share_pattern(borrower, unit, LAST_GENERATION,
					      i))
			return false;
	return true;
}

static bool is_empty(int fd, off_t offset)
{
	static const char zero[NVME_UNIT];
	char data[NVME_UNIT];

	return pread(fd, data, NVME_UNIT, offset) == NVME_UNIT &&
	       !memcmp(data, zero, NVME_UNIT);
}

TEST_F(nvme_share, data_is_on_the_drive)
{
	const char *bdf = vt_bdf("NVME");
	unsigned int borrower, unit;
	int fd;

	ASSERT_EQ(0, vt_bind(bdf, VT_DRIVER));
	ASSERT_EQ(0, run(bdf, self->out, sizeof(self->out)));

	/* Said by those who see it: who was revoked, who went on, who was third. */
	EXPECT_NE(NULL, strstr(self->out, "borrower 2  the slice is gone"));
	EXPECT_NE(NULL, strstr(self->out, "borrower 1  "));
	EXPECT_NE(NULL, strstr(self->out, "borrower 3  "));

	if (access("/sys/bus/pci/drivers/nvme", F_OK)) {
		/* Debian's have it. */
		ASSERT_TRUE(vt_is_slow());
		SKIP(return, "a kernel without a driver of NVMe");
	}
	ASSERT_EQ(0, vt_bind(bdf, "nvme"));
	ASSERT_TRUE(vt_wait_for((fd = open_drive()) >= 0));
	for (borrower = 1; borrower <= 3; borrower++)
		for (unit = 0; unit < EXTENT_UNITS; unit++)
			ASSERT_TRUE(unit_is(fd, borrower, unit))
				TH_LOG("borrower %u, unit %u", borrower, unit);
	EXPECT_TRUE(is_empty(fd, 4 * EXTENT_UNITS * NVME_UNIT));
	close(fd);
}

TEST_F(nvme_share, no_controller_memory)
{
	const char *bdf = vt_bdf("PM");

	ASSERT_EQ(0, vt_bind(bdf, VT_DRIVER));
	EXPECT_EQ(1, run(bdf, self->out, sizeof(self->out)));
	EXPECT_NE(NULL, strstr(self->out, "no controller memory buffer"));
}

TEST_HARNESS_MAIN
