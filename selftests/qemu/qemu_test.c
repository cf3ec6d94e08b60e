// SPDX-License-Identifier: GPL-2.0-only
/*
 * The patched QEMU of integration/qemu, with a guest that shows pictures which
 * lie in the BAR of an assigned device. guest.c says what the guest can do; the
 * screen is what QEMU's screendump says.
 *
 * Device a is behind a port in the guest, device b on its root bus. Some tests start
 * QEMU again, with other devices.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vfio_test.h"
#include "picture.h"

#define QEMU	"/qemu/bin/qemu-system-x86_64"
#define GUEST	"/qemu/guest"
#define SCREEN	"/tmp/screen.ppm"
/* What selftests/qemu/picture takes. */
#define PICTURE	"/tmp/picture.png"
#define LOG	"/tmp/qemu.log"

#define FRAMES	5

#define OK			0x1100
#define ERR_UNSPEC		0x1200
#define ERR_OUT_OF_MEMORY	0x1201
#define ERR_INVALID_PARAMETER	0x1205

/* What QEMU has besides a virtio-gpu and device a. */
enum {
	DEVICE_B = 1,
	SECOND_GPU = 2,
	/* An nvme: its MSI-X table is in the BAR that has its registers. */
	DRIVE = 4,
};

FIXTURE(qemu)
{
	pid_t pid;
	int serial;
	int qmp;
	/* Whose screen is looked at. */
	const char *gpu;
	/* Of all pictures of the test. */
	unsigned int width;
	unsigned int height;
	/* Before QEMU was there. */
	int dmabufs;
};

FIXTURE_VARIANT(qemu)
{
	const char *driver;
	bool can_mmap;
};

FIXTURE_VARIANT_ADD(qemu, ours)
{
	.driver = VT_DRIVER,
	.can_mmap = true,
};

FIXTURE_VARIANT_ADD(qemu, stock)
{
	.driver = VT_STOCK,
};

#define self_t FIXTURE_DATA(qemu)

#define GPU	" -device virtio-gpu-pci,blob=true,max_hostmem=64M,id="
#define DEVICE	" -device vfio-pci,id=%s,host=%s"

static void add(char *command, size_t size, const char *fmt, const char *id,
		const char *host)
{
	size_t len = strlen(command);

	snprintf(command + len, size - len, fmt, id, host);
}

static void run_qemu(int serial, int qmp, unsigned int devices)
{
	char command[2048];
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(LOG, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDERR_FILENO);
	snprintf(command, sizeof(command),
		 "exec " QEMU " -L /qemu/share -nodefaults -no-user-config"
		 " -display none -accel tcg,thread=single"
		 " -machine q35,memory-backend=ram -m 128M"
		 " -object memory-backend-memfd,id=ram,size=128M"
		 " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
		 " -kernel " GUEST " -d guest_errors"
		 " -chardev socket,id=serial,fd=%d -serial chardev:serial"
		 " -chardev socket,id=qmp,fd=%d -mon chardev=qmp,mode=control"
		 GPU "gpu0 -device pcie-root-port,id=behind,chassis=1",
		 serial, qmp);
	add(command, sizeof(command), DEVICE ",bus=behind", "a", vt_bdf("SW_MEM"));
	if (devices & DEVICE_B)
		add(command, sizeof(command), DEVICE, "b", vt_bdf("A"));
	if (devices & DRIVE)
		add(command, sizeof(command), DEVICE, "drive", vt_bdf("PM"));
	if (devices & SECOND_GPU)
		add(command, sizeof(command), GPU "%s", "gpu1", "");
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* Without the newline. */
static bool read_line(int fd, char *line, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	char c;

	for (;;) {
		if (poll(&p, 1, vt_patience_ms()) != 1 || read(fd, &c, 1) != 1)
			return false;
		if (c == '\n')
			break;
		if (c != '\r' && n < size - 1)
			line[n++] = c;
	}
	line[n] = '\0';
	return true;
}

static bool qmp_waits_for(const self_t *self, const char *word)
{
	char line[4096];

	while (read_line(self->qmp, line, sizeof(line))) {
		if (strstr(line, word))
			return true;
		if (strstr(line, "\"error\"")) {
			vt_log("QMP: %s", line);
			return false;
		}
	}
	vt_log("QMP: no %s", word);
	return false;
}

static bool qmp(const self_t *self, const char *command)
{
	return dprintf(self->qmp, "%s\n", command) > 0 &&
	       qmp_waits_for(self, "\"return\"");
}

static bool guest_is_ready(const self_t *self)
{
	char line[64] = "";

	if (read_line(self->serial, line, sizeof(line)) &&
	    !strcmp(line, "ready"))
		return true;
	vt_log("the guest says \"%s\"", line);
	return false;
}

/* The guest's answer; -1 if there is none. */
static long __attribute__((format(printf, 2, 3)))
guest(const self_t *self, const char *fmt, ...)
{
	char line[64];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vdprintf(self->serial, fmt, ap);
	va_end(ap);
	if (len < 0 || write(self->serial, "\n", 1) != 1 ||
	    !read_line(self->serial, line, sizeof(line)) ||
	    strstr(line, "what"))
		return -1;
	return strtol(line, NULL, 16);
}

static long paint(const self_t *self, char area, unsigned int seed)
{
	return guest(self, "paint %c %x %x %x", area, seed, self->width, self->height);
}

static long blob(const self_t *self, unsigned int id, char area)
{
	return guest(self, "blob %x %c %x %x", id, area, self->width, self->height);
}

static long scanout(const self_t *self, unsigned int id)
{
	return guest(self, "scanout %x %x %x 0", id, self->width, self->height);
}

static long flush(const self_t *self, unsigned int id)
{
	return guest(self, "flush %x 0 0 %x %x", id, self->width, self->height);
}

/* Makes blob @id of the area, with the picture of the seed, and shows it. */
static bool show(const self_t *self, unsigned int id, char area,
		 unsigned int seed)
{
	return !paint(self, area, seed) && blob(self, id, area) == OK &&
	       scanout(self, id) == OK && flush(self, id) == OK;
}

static bool screendump(const self_t *self, const char *file, const char *format)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"%s\","
		 "\"device\":\"%s\",\"format\":\"%s\"}}", file, self->gpu, format);
	return qmp(self, command);
}

/* What is on the screen, three bytes a pixel; NULL if it is of another size. */
static unsigned char *screen(const self_t *self)
{
	unsigned int width, height;
	unsigned char *rgb;
	FILE *f;

	if (!screendump(self, SCREEN, "ppm"))
		return NULL;
	f = fopen(SCREEN, "r");
	if (!f)
		return NULL;
	rgb = malloc(self->width * self->height * 3);
	if (fscanf(f, "P6 %u %u 255", &width, &height) != 2 ||
	    fgetc(f) != '\n' || width != self->width || height != self->height ||
	    fread(rgb, 3, self->width * self->height, f) != self->width * self->height) {
		vt_log("the screen is %u x %u", width, height);
		free(rgb);
		rgb = NULL;
	}
	fclose(f);
	return rgb;
}

/* Whether each pixel of the rows is the picture's. */
static bool rows_are(const self_t *self, const unsigned char *rgb,
		     unsigned int from, unsigned int to, unsigned int seed)
{
	unsigned int x, y, want, got, wrong = 0;
	const unsigned char *p;

	for (y = from; y < to; y++) {
		for (x = 0; x < self->width; x++) {
			p = rgb + (y * self->width + x) * 3;
			got = p[0] << 16 | p[1] << 8 | p[2];
			want = picture(x, y, self->width, self->height, seed);
			if (got != want && !wrong++)
				vt_log("pixel %u, %u is 0x%06x, not 0x%06x", x,
				       y, got, want);
		}
	}
	if (wrong)
		vt_log("%u pixels are wrong", wrong);
	return !wrong;
}

static bool first_pixel_is(const self_t *self, int want)
{
	unsigned char *rgb = screen(self);
	bool ret = rgb && (rgb[0] << 16 | rgb[1] << 8 | rgb[2]) == want;

	free(rgb);
	return ret;
}

static bool screen_shows(const self_t *self, unsigned int seed)
{
	unsigned char *rgb = screen(self);
	bool ret = rgb && rows_are(self, rgb, 0, self->height, seed);

	free(rgb);
	return ret;
}

/* How many lines of a file have the text; none if there is no file. */
static unsigned int lines_with(const char *path, const char *text)
{
	char line[512];
	unsigned int nr = 0;
	FILE *f;

	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		nr += !!strstr(line, text);
	if (f)
		fclose(f);
	return nr;
}

/* Lines of QEMU's memory map that have the word. */
static unsigned int mappings(const self_t *self, const char *word)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", self->pid);
	return lines_with(path, word);
}

/* QEMU's fds that lead to something with the word in its name; how many. */
static unsigned int fds(const self_t *self, const char *word, int *list,
			unsigned int max)
{
	char path[64], link[512], target[256];
	struct dirent *entry;
	unsigned int nr = 0;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", self->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (!strstr(target, word))
			continue;
		if (nr < max)
			list[nr] = atoi(entry->d_name);
		nr++;
	}
	if (dir)
		closedir(dir);
	return nr;
}

static unsigned int nr_fds(const self_t *self)
{
	return fds(self, "", NULL, 0);
}

static unsigned int lowest_free_fd(const self_t *self)
{
	unsigned int fd = 0;
	char path[64];

	for (;; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%u", self->pid, fd);
		if (access(path, F_OK))
			return fd;
	}
}

static int copy_fd(const self_t *self, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, self->pid, 0);
	int copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return copy;
}

/* What QEMU, which has the devices, could do: one of them made the buffer. */
static int revoke_blob(const self_t *self)
{
	int devices[2], dmabuf, ret = -ENODEV, fd;
	unsigned int i;

	if (fds(self, "/dmabuf:", &dmabuf, 1) != 1 ||
	    fds(self, "vfio-device", devices, 2) != 2)
		return -EINVAL;
	dmabuf = copy_fd(self, dmabuf);
	for (i = 0; i < 2 && ret == -ENODEV; i++) {
		fd = copy_fd(self, devices[i]);
		ret = vt_revoke(fd, dmabuf);
		close(fd);
	}
	close(dmabuf);
	return ret;
}

static int count_dmabufs(void)
{
	char line[512];
	int nr = -1;
	FILE *f;

	f = fopen("/sys/kernel/debug/dma_buf/bufinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Total %d objects", &nr);
	if (f)
		fclose(f);
	return nr;
}

/* How often QEMU has written a line with the text. */
static unsigned int said(const char *text)
{
	return lines_with(LOG, text);
}

static bool is_free(const char *name, const char *driver)
{
	struct vt_device d;

	if (vt_open(&d, vt_bdf(name), driver))
		return false;
	vt_close(&d);
	return true;
}

static void show_log(void)
{
	char line[512];
	FILE *f = fopen(LOG, "r");

	while (f && fgets(line, sizeof(line), f))
		vt_log("%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static void stop(self_t *self)
{
	kill(self->pid, SIGKILL);
	waitpid(self->pid, NULL, 0);
	close(self->serial);
	close(self->qmp);
}

static bool start(self_t *self, unsigned int devices)
{
	int serial[2], control[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, serial) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, control))
		return false;
	self->serial = serial[0];
	self->qmp = control[0];
	self->pid = fork();
	if (!self->pid) {
		close(serial[0]);
		close(control[0]);
		run_qemu(serial[1], control[1], devices);
	}
	close(serial[1]);
	close(control[1]);
	if (qmp_waits_for(self, "\"QMP\"") &&
	    qmp(self, "{\"execute\":\"qmp_capabilities\"}") &&
	    guest_is_ready(self))
		return true;
	show_log();
	return false;
}

static bool restart(self_t *self, unsigned int devices)
{
	stop(self);
	return start(self, devices);
}

FIXTURE_SETUP(qemu)
{
	ASSERT_EQ(0, vt_bind(vt_bdf("SW_MEM"), variant->driver));
	ASSERT_EQ(0, vt_bind(vt_bdf("A"), variant->driver));
	self->dmabufs = count_dmabufs();
	ASSERT_LE(0, self->dmabufs);
	self->gpu = "gpu0";
	self->width = 320;
	self->height = 240;
	ASSERT_TRUE(start(self, DEVICE_B));
}

FIXTURE_TEARDOWN(qemu)
{
	if (self->pid > 0) {
		show_log();
		stop(self);
	}
}

TEST_F(qemu, a_blob_in_ram)
{
	ASSERT_TRUE(show(self, 1, 'r', 1));
	ASSERT_TRUE(screen_shows(self, 1));
	ASSERT_EQ(0, paint(self, 'r', 2));
	ASSERT_EQ(OK, flush(self, 1));
	ASSERT_TRUE(screen_shows(self, 2));
	ASSERT_EQ(OK, guest(self, "unref 1"));
}

/* Mapped as one DMABUF, or page by page where the exporter has no mmap(). */
TEST_F(qemu, a_blob_in_a_bar)
{
	unsigned int pages, before, dmabufs;
	unsigned char *rgb;

	pages = (self->width * self->height * 4 + VT_PAGE - 1) / VT_PAGE;
	before = mappings(self, "vfio-device");
	dmabufs = mappings(self, "/dmabuf:");
	ASSERT_TRUE(show(self, 1, 'a', 1));
	EXPECT_EQ(dmabufs + variant->can_mmap, mappings(self, "/dmabuf:"));
	EXPECT_EQ(before + (variant->can_mmap ? 0 : pages),
		  mappings(self, "vfio-device"));
	ASSERT_TRUE(screen_shows(self, 1));
	ASSERT_TRUE(screendump(self, PICTURE, "png"));

	ASSERT_EQ(0, paint(self, 'a', 2));
	ASSERT_EQ(OK, flush(self, 1));
	ASSERT_TRUE(screen_shows(self, 2));

	ASSERT_EQ(0, paint(self, 'a', 3));
	ASSERT_EQ(OK, guest(self, "flush 1 0 40 %x 20", self->width));
	rgb = screen(self);
	ASSERT_NE(NULL, rgb);
	EXPECT_TRUE(rows_are(self, rgb, 0, 0x40, 2));
	EXPECT_TRUE(rows_are(self, rgb, 0x40, 0x60, 3));
	EXPECT_TRUE(rows_are(self, rgb, 0x60, self->height, 2));
	free(rgb);
	EXPECT_EQ(0, said("virtio_gpu"));
}

struct frame {
	double flush, dump;
};

static double since_ms(__u64 start)
{
	return (vt_now_ns() - start) / 1e6;
}

/* Of a number of flushes, each after a copy from the area; negative on failure. */
static double flushes_ms(const self_t *self, unsigned int id, char from,
			 unsigned int nr)
{
	__u64 start = vt_now_ns();

	if (guest(self, "flushes %x %x %x %x %c", id, self->width,
		  self->height, nr, from) != OK)
		return -1;
	return since_ms(start);
}

/* The way to the guest and back, which is slow, is in none of the figures. */
static bool time_frame(const self_t *self, unsigned int id, char from,
		       struct frame *f)
{
	double one = flushes_ms(self, id, from, 1);
	double all = flushes_ms(self, id, from, 1 + FRAMES);
	__u64 start = vt_now_ns();
	unsigned char *rgb;

	rgb = screen(self);
	f->flush = (all - one) / FRAMES;
	f->dump = since_ms(start);
	free(rgb);
	return rgb && one >= 0 && all >= 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *list)
{
	qsort(list, FRAMES, sizeof(*list), compare);
	return list[FRAMES / 2];
}

/* Medians, in a line of the log. */
static void tell_speed(const char *what, const struct frame *frames)
{
	double flush[FRAMES], dump[FRAMES], all[FRAMES];
	unsigned int i;

	for (i = 0; i < FRAMES; i++) {
		flush[i] = frames[i].flush;
		dump[i] = frames[i].dump;
		all[i] = flush[i] + dump[i];
	}
	vt_log("speed: %s: flush %.1f ms, screendump %.1f ms, %.2f frames/s",
	       what, median(flush), median(dump), 1000 / median(all));
}

/* 2025 pages, none of which is beside the next. How fast it is, is only told. */
TEST_F(qemu, a_large_picture)
{
	struct frame bar[FRAMES], ram[FRAMES];
	unsigned int i;

	self->width = 1920;
	self->height = 1080;
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(screen_shows(self, 1));
	ASSERT_EQ(OK, blob(self, 2, 's'));
	for (i = 0; i < FRAMES; i++) {
		ASSERT_EQ(OK, scanout(self, 1));
		ASSERT_TRUE(time_frame(self, 1, '-', &bar[i]));
		ASSERT_EQ(OK, scanout(self, 2));
		ASSERT_TRUE(time_frame(self, 2, 'a', &ram[i]));
	}
	ASSERT_TRUE(screen_shows(self, 1));
	tell_speed(variant->can_mmap ? "DMABUF" : "stitched view", bar);
	tell_speed("copied into RAM by the guest", ram);
}

/* A blob of the second device, while one of the first is there. */
TEST_F(qemu, blobs_of_two_devices)
{
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(show(self, 2, 'b', 2));
	ASSERT_TRUE(screen_shows(self, 2));
	ASSERT_EQ(OK, scanout(self, 1));
	ASSERT_TRUE(screen_shows(self, 1));
}

TEST_F(qemu, wrong_memory_is_the_guests_mistake)
{
	int before = count_dmabufs();
	unsigned int open = nr_fds(self), lines = said("");

	EXPECT_EQ(ERR_INVALID_PARAMETER, blob(self, 1, 'h'));
	EXPECT_EQ(1, said("neither of whole pages"));
	EXPECT_EQ(ERR_INVALID_PARAMETER, blob(self, 1, 't'));
	EXPECT_EQ(2, said("neither of whole pages"));
	EXPECT_EQ(ERR_UNSPEC, blob(self, 1, 'n'));
	EXPECT_EQ(1, said("failed to map MMIO memory"));
	EXPECT_EQ(ERR_INVALID_PARAMETER, guest(self, "blob 1 n 10 10"));
	EXPECT_EQ(3, said("neither of whole pages"));
	EXPECT_EQ(lines + 4, said(""));
	EXPECT_EQ(before, count_dmabufs());
	EXPECT_EQ(open, nr_fds(self));

	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(screen_shows(self, 1));
}

TEST_F(qemu, a_host_without_fds)
{
	unsigned int lines = said("");
	struct rlimit old, none;

	ASSERT_EQ(0, prlimit(self->pid, RLIMIT_NOFILE, NULL, &old));
	none = old;
	/* No lower, as poll() of more than that fails, too. */
	none.rlim_cur = lowest_free_fd(self);
	ASSERT_EQ(0, prlimit(self->pid, RLIMIT_NOFILE, &none, NULL));
	EXPECT_EQ(ERR_OUT_OF_MEMORY, blob(self, 1, 'a'));
	EXPECT_EQ(1, said("cannot export BAR 2"));
	EXPECT_EQ(lines + 1, said(""));
	EXPECT_EQ(ERR_OUT_OF_MEMORY, blob(self, 1, 'r'));
	EXPECT_EQ(lines + 2, said(""));
	ASSERT_EQ(0, prlimit(self->pid, RLIMIT_NOFILE, &old, NULL));
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(screen_shows(self, 1));
}

/* QEMU has a copy of what it shows, and max_hostmem counts it. */
TEST_F(qemu, more_than_max_hostmem)
{
	unsigned int id;
	int dmabufs;

	for (id = 1; id <= 3; id++)
		ASSERT_EQ(OK, guest(self, "blob %x a 800 800", id));
	dmabufs = count_dmabufs();
	EXPECT_EQ(ERR_OUT_OF_MEMORY, guest(self, "blob 4 a 800 800"));
	EXPECT_EQ(1, said("max_hostmem"));
	EXPECT_EQ(dmabufs, count_dmabufs());
	ASSERT_EQ(OK, guest(self, "unref 2"));
	ASSERT_EQ(OK, guest(self, "blob 4 a 800 800"));
	ASSERT_EQ(OK, guest(self, "detach 1"));
	EXPECT_EQ(OK, guest(self, "attach 1 a 800 800"));
	EXPECT_EQ(ERR_OUT_OF_MEMORY, guest(self, "blob 2 a 800 800"));
}

/* Whether each pixel of the screen is a word of the registers. */
static bool screen_shows_registers(const self_t *self)
{
	unsigned char *rgb = screen(self), *p = rgb;
	unsigned int i;
	long want;

	for (i = 0; p && i < 16; i++, p += 3) {
		want = guest(self, "peek d %x", i * 4) & 0xffffff;
		if (want == (p[0] << 16 | p[1] << 8 | p[2]))
			continue;
		vt_log("pixel %u is not 0x%06lx", i, want);
		break;
	}
	free(rgb);
	return i == 16;
}

/*
 * The guest's writes to the table are QEMU's, so that a mapping of its page would not
 * be what the guest has there. The pages around it are the device's.
 */
TEST_F(qemu, beside_the_msix_table)
{
	unsigned int refused;

	ASSERT_EQ(0, vt_bind(vt_bdf("PM"), variant->driver));
	ASSERT_TRUE(restart(self, DRIVE));
	self->width = 32;
	self->height = 32;
	/*
	 * The BIOS has used the drive. QEMU traps the BARs from an INTx until a second
	 * after the guest has touched one.
	 */
	ASSERT_NE(0, guest(self, "peek d 8"));
	ASSERT_TRUE(vt_wait_for(blob(self, 1, 'd') == OK));
	ASSERT_EQ(OK, scanout(self, 1));
	EXPECT_TRUE(screen_shows_registers(self));
	/* The address of the admin queue. */
	ASSERT_EQ(0, guest(self, "poke d 28 5a5000"));
	ASSERT_EQ(OK, flush(self, 1));
	EXPECT_TRUE(screen_shows_registers(self));
	EXPECT_EQ(0x5a5000, guest(self, "peek d 28"));

	refused = said("neither of whole pages");
	EXPECT_EQ(ERR_INVALID_PARAMETER, blob(self, 2, 'v'));
	EXPECT_EQ(refused + 1, said("neither of whole pages"));
	self->height = 96;
	EXPECT_EQ(ERR_INVALID_PARAMETER, blob(self, 2, 'd'));
	EXPECT_EQ(refused + 2, said("neither of whole pages"));
	self->height = 32;
	EXPECT_EQ(OK, blob(self, 2, 'p'));
	EXPECT_EQ(OK, scanout(self, 2));
}

/* Each has a resource 1. */
TEST_F(qemu, two_gpus)
{
	int dmabufs, of_one;

	ASSERT_TRUE(restart(self, DEVICE_B | SECOND_GPU));
	dmabufs = count_dmabufs();
	ASSERT_TRUE(show(self, 1, 'a', 1));
	of_one = count_dmabufs() - dmabufs;
	EXPECT_LT(0, of_one);
	ASSERT_EQ(0, guest(self, "gpu 1"));
	ASSERT_TRUE(show(self, 1, 'b', 2));
	ASSERT_EQ(OK, blob(self, 2, 'a'));
	EXPECT_TRUE(screen_shows(self, 1));
	self->gpu = "gpu1";
	EXPECT_TRUE(screen_shows(self, 2));

	dmabufs = count_dmabufs();
	ASSERT_EQ(0, guest(self, "gpu 0"));
	ASSERT_EQ(OK, guest(self, "unref 1"));
	EXPECT_EQ(dmabufs - of_one, count_dmabufs());
	ASSERT_EQ(0, guest(self, "gpu 1"));
	ASSERT_EQ(0, paint(self, 'b', 3));
	ASSERT_EQ(OK, flush(self, 1));
	EXPECT_TRUE(screen_shows(self, 3));
	ASSERT_EQ(OK, scanout(self, 2));
	EXPECT_TRUE(screen_shows(self, 1));
}

/* The cursor is no part of a screendump. QEMU reads its picture, and lives. */
TEST_F(qemu, a_cursor)
{
	ASSERT_EQ(OK, guest(self, "blob 1 a 40 40"));
	ASSERT_EQ(0, guest(self, "cursor 1"));
	EXPECT_EQ(0, said("not accessible"));
	ASSERT_EQ(0, guest(self, "memory a 0"));
	ASSERT_EQ(0, guest(self, "cursor 1"));
	EXPECT_EQ(1, said("not accessible"));
	ASSERT_EQ(0, guest(self, "memory a 1"));

	ASSERT_EQ(OK, guest(self, "detach 1"));
	EXPECT_EQ(0, guest(self, "cursor 1"));
	ASSERT_EQ(OK, guest(self, "blob 2 r 40 40"));
	ASSERT_EQ(0, guest(self, "cursor 2"));
	ASSERT_EQ(OK, guest(self, "detach 2"));
	EXPECT_EQ(0, guest(self, "cursor 2"));
	ASSERT_EQ(OK, guest(self, "blob 3 - 40 40"));
	EXPECT_EQ(0, guest(self, "cursor 3"));
	EXPECT_EQ(OK, guest(self, "unref 3"));
}

/* Its first row on the screen does not fit into 16 bits. */
TEST_F(qemu, a_picture_of_many_rows)
{
	const unsigned int y = 0x9000;

	self->width = 16;
	self->height = y + 16;
	ASSERT_EQ(0, paint(self, 'a', 1));
	ASSERT_EQ(OK, blob(self, 1, 'a'));
	ASSERT_EQ(OK, guest(self, "scanout 1 10 10 %x", y));
	ASSERT_EQ(0, guest(self, "poke a %x 123456", y * 16 * 4));
	ASSERT_EQ(OK, guest(self, "flush 1 0 %x 10 10", y));
	self->height = 16;
	EXPECT_TRUE(first_pixel_is(self, 0x123456));
}

/* The last good picture stays, and the guest is told. */
TEST_F(qemu, memory_off_and_on)
{
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_EQ(0, guest(self, "memory a 0"));
	EXPECT_EQ(ERR_UNSPEC, flush(self, 1));
	EXPECT_EQ(ERR_UNSPEC, flush(self, 1));
	EXPECT_EQ(1, said("not accessible"));
	EXPECT_TRUE(screen_shows(self, 1));
	ASSERT_EQ(0, guest(self, "memory a 1"));
	ASSERT_EQ(0, paint(self, 'a', 2));
	ASSERT_EQ(OK, flush(self, 1));
	ASSERT_TRUE(screen_shows(self, 2));
}

TEST_F(qemu, a_device_that_is_reset)
{
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_EQ(0, vt_sysfs_reset(vt_bdf("SW_MEM")));
	ASSERT_EQ(0, paint(self, 'a', 2));
	ASSERT_EQ(OK, flush(self, 1));
	ASSERT_TRUE(screen_shows(self, 2));
}

TEST_F(qemu, a_buffer_that_is_revoked)
{
	if (!variant->can_mmap)
		SKIP(return, "vfio-pci cannot revoke one DMABUF");
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_EQ(0, revoke_blob(self));
	EXPECT_EQ(ERR_UNSPEC, flush(self, 1));
	EXPECT_TRUE(screen_shows(self, 1));
	EXPECT_EQ(1, said("not accessible"));
	ASSERT_EQ(OK, guest(self, "unref 1"));
	ASSERT_TRUE(show(self, 1, 'a', 2));
	ASSERT_TRUE(screen_shows(self, 2));
}

static bool unplug(const self_t *self)
{
	return qmp(self, "{\"execute\":\"device_del\",\"arguments\":"
		   "{\"id\":\"a\"}}") &&
	       !guest(self, "eject") && qmp_waits_for(self, "DEVICE_DELETED");
}

/* The device is free though its picture is still there. */
TEST_F(qemu, a_device_that_is_unplugged)
{
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(unplug(self));
	EXPECT_TRUE(screen_shows(self, 1));
	EXPECT_EQ(ERR_UNSPEC, flush(self, 1));
	EXPECT_TRUE(screen_shows(self, 1));
	EXPECT_TRUE(vt_wait_for(is_free("SW_MEM", variant->driver)));
	EXPECT_EQ(OK, guest(self, "unref 1"));
	ASSERT_TRUE(show(self, 1, 'b', 2));
	ASSERT_TRUE(screen_shows(self, 2));
}

static bool migrate(const self_t *self, const char *status)
{
	return qmp(self, "{\"execute\":\"migrate\",\"arguments\":"
		   "{\"uri\":\"exec:cat >/dev/null\"}}") &&
	       qmp_waits_for(self, status);
}

/* Where QEMU goes, there is no such memory. The device itself forbids it, if there. */
TEST_F(qemu, a_blob_does_not_migrate)
{
	ASSERT_TRUE(restart(self, 0));
	ASSERT_TRUE(qmp(self, "{\"execute\":\"migrate-set-capabilities\","
			"\"arguments\":{\"capabilities\":[{\"capability\":"
			"\"events\",\"state\":true}]}}"));
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(unplug(self));
	ASSERT_TRUE(migrate(self, "\"failed\""));
	EXPECT_EQ(1, said("is in the BAR"));
	EXPECT_TRUE(screen_shows(self, 1));
	ASSERT_EQ(OK, guest(self, "unref 1"));
	ASSERT_EQ(OK, guest(self, "blob 2 - 40 40"));
	ASSERT_TRUE(migrate(self, "\"completed\""));
}

TEST_F(qemu, nothing_stays_of_a_hundred_blobs)
{
	int dmabufs = count_dmabufs();
	unsigned int open = nr_fds(self), i;
	unsigned int mapped = mappings(self, "");

	ASSERT_LE(0, dmabufs);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(OK, blob(self, 1, i % 2 ? 'a' : 'b'));
		ASSERT_TRUE(i || dmabufs < count_dmabufs());
		ASSERT_EQ(OK, guest(self, "unref 1"));
	}
	EXPECT_EQ(open, nr_fds(self));
	EXPECT_EQ(dmabufs, count_dmabufs());
	/* The C library's heap may have grown by one. */
	EXPECT_GE(mapped + 4, mappings(self, ""));
}

/* Its surface would be a picture in memory that has been given back. */
TEST_F(qemu, a_blob_that_loses_its_backing)
{
	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_EQ(OK, guest(self, "detach 1"));
	EXPECT_TRUE(screendump(self, SCREEN, "ppm"));
	ASSERT_EQ(OK, guest(self, "attach 1 a %x %x", self->width, self->height));
	ASSERT_EQ(OK, scanout(self, 1));
	ASSERT_TRUE(screen_shows(self, 1));

	ASSERT_TRUE(show(self, 2, 'r', 2));
	ASSERT_EQ(OK, guest(self, "detach 2"));
	EXPECT_TRUE(screendump(self, SCREEN, "ppm"));
	ASSERT_EQ(OK, scanout(self, 1));
	ASSERT_TRUE(screen_shows(self, 1));
}

TEST_F(qemu, a_guest_that_reboots)
{
	int dmabufs = count_dmabufs();

	ASSERT_TRUE(show(self, 1, 'a', 1));
	ASSERT_TRUE(qmp(self, "{\"execute\":\"system_reset\"}"));
	ASSERT_TRUE(guest_is_ready(self));
	EXPECT_EQ(dmabufs, count_dmabufs());
	ASSERT_TRUE(show(self, 1, 'a', 2));
	ASSERT_TRUE(screen_shows(self, 2));
}

TEST_F(qemu, a_qemu_that_is_killed)
{
	ASSERT_TRUE(show(self, 1, 'a', 1));
	EXPECT_LT(self->dmabufs, count_dmabufs());
	stop(self);
	self->pid = 0;
	EXPECT_TRUE(is_free("SW_MEM", variant->driver));
	EXPECT_TRUE(is_free("A", variant->driver));
	EXPECT_TRUE(vt_wait_for(count_dmabufs() == self->dmabufs));
}

TEST_HARNESS_MAIN
