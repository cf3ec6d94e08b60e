// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tool's bind and unbind, on a machine made of files: what becomes of a
 * device, whatever happens in between.
 */
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* What the tool writes goes to the kernel of that machine, below. */
#define write_text real_write_text
#include "lib/bdf.c"
#include "tools/text.c"
#undef write_text
int write_text(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#include "tools/print.c"
#include "tools/json.c"
#include "tools/nonames.c"
#include "tools/pci.c"
#include "tools/buffers.c"
#include "tools/procs.c"
#include "tools/users.c"
#include "tools/guards.c"
#include "tools/state.c"
#include "tools/module.c"
#include "tools/bind.c"
#include "main.h"
#include "tap.h"
#include "fake.h"

#define DEV	"0000:00:10.0"
#define DEV2	"10000:e1:00.0"
#define PATH_OF	"/sys/bus/pci/devices/%s/%s"
#define OLD	"old"
#define OTHER	"other"
/* An override that has had no effect yet: no probe finds the driver by it. */
#define ODD	"odd"
#define BY_NAME	"vfio-pci"
#define SECOND	2

/* Which of the tool's writes something happens at, and what. */
static int event_at;
static enum { NOTHING, KILL_WORKER, KILL_PARENT } event;
/* The driver that wants the devices where no override says another. */
static const char *natural = OLD;
static bool ours_refuses;

static const char *driver_of(const char *bdf)
{
	static char driver[NAME_LEN];

	pci_driver(bdf, driver);
	return driver;
}

static const char *override_of(const char *bdf)
{
	static char override[NAME_LEN];

	get_override(bdf, override);
	return override;
}

/* Sysfs numbers each link anew; a disk's filesystem takes a number that is free. */
static void detach(const char *path)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;

	snprintf(from, sizeof(from), "%s%s", root, path);
	if (lstat(from, &st))
		return;
	snprintf(to, sizeof(to), "%s/gone.%lu", root, (unsigned long)st.st_ino);
	rename(from, to);
}

static void attach(const char *bdf, const char *driver)
{
	char path[128], to[128];

	snprintf(path, sizeof(path), PATH_OF, bdf, "driver");
	detach(path);
	snprintf(to, sizeof(to), "/sys/bus/pci/drivers/%s", driver);
	if (driver[0])
		make_link(path, to);
}

static void set_file(const char *bdf, const char *override)
{
	char path[128];

	snprintf(path, sizeof(path), PATH_OF, bdf, "driver_override");
	make_file(path, override[0] == '\n' ? "(null)\n" : override);
}

static int probe(const char *bdf, const char *driver)
{
	const char *override = override_of(bdf);

	if (driver_of(bdf)[0] || !driver_is_there(driver) ||
	    (override[0] && strcmp(override, driver)) ||
	    (!override[0] && !strcmp(driver, BY_NAME)) ||
	    (ours_refuses && !strcmp(driver, OUR_DRIVER)))
		return -ENODEV;
	attach(bdf, driver);
	return 0;
}

static void happen(void)
{
	if (--event_at)
		return;
	/* With its group, as a terminal does. */
	if (event == KILL_PARENT)
		kill(-getpgid(getppid()), SIGKILL);
	else if (event == KILL_WORKER)
		kill(getpid(), SIGKILL);
}

int write_text(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX], driver[NAME_LEN], bdf[BDF_LEN];
	const char *override;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	happen();
	if (!strcmp(base_name(path), "driver_override")) {
		bdf_of_path(path, bdf);
		set_file(bdf, text);
		return 0;
	}
	if (!strcmp(base_name(path), "drivers_probe")) {
		override = override_of(text);
		return probe(text, override[0] ? override : natural);
	}
	if (sscanf(path, "/sys/bus/pci/drivers/%63[^/]", driver) != 1)
		return -ENOENT;
	if (!strcmp(base_name(path), "bind"))
		return probe(text, driver);
	if (strcmp(driver, driver_of(text)))
		return -ENODEV;
	attach(text, "");
	return 0;
}

static char said[4096];

/*
 * The tool, as a process: its exit status, or -1 if it was killed. All that it
 * has started has ended, too.
 */
static int run(int (*cmd)(int argc, char **argv), const char *a, const char *b,
	       const char *c)
{
	char *argv[5] = { PROGRAM, (char *)a, (char *)b, (char *)c, NULL };
	pid_t pid = fork_saying();
	int status;

	if (!pid) {
		setpgid(0, 0);
		optind = 0;
		exit(flushed(cmd(a ? b ? c ? 4 : 3 : 2 : 1, argv)));
	}
	waitpid(pid, &status, 0);
	while (wait(NULL) > 0)
		;
	event_at = 0;
	read_text(said, sizeof(said), "/said");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool says(const char *text)
{
	if (!strstr(said, text))
		printf("# no \"%s\" in \"%s\"\n", text, said);
	return strstr(said, text);
}

static bool is(const char *bdf, const char *driver, const char *override)
{
	bool right = !strcmp(driver_of(bdf), driver) &&
		     !strcmp(override_of(bdf), override);

	if (!right)
		printf("# %s has \"%s\", override \"%s\"; tool: %s\n", bdf,
		       driver_of(bdf), override_of(bdf), said);
	return right;
}

static void start_with(const char *driver, const char *override)
{
	state_forget(DEV);
	state_forget(DEV2);
	set_file(DEV, override[0] ? override : "\n");
	attach(DEV, driver);
	set_file(DEV2, "\n");
	attach(DEV2, OLD);
}

#define BIND(...) run(cmd_bind, __VA_ARGS__)
#define UNBIND(...) run(cmd_unbind, __VA_ARGS__)

static void test_there_and_back(void)
{
	start_with(OLD, "");
	ok(!BIND(DEV, NULL, NULL) && is(DEV, OUR_DRIVER, OUR_DRIVER) &&
	   says(DEV ": " OUR_DRIVER), "bind");
	ok(!BIND(DEV, NULL, NULL) && is(DEV, OUR_DRIVER, OUR_DRIVER),
	   "again, with nothing to do");
	ok(!UNBIND(DEV, NULL, NULL) && is(DEV, OLD, "") &&
	   says(DEV ": " OLD), "unbind");
	ok(UNBIND(DEV, NULL, NULL) == FAILED && says("is bound to " OLD),
	   "what is not ours is not given back");

	start_with(OTHER, OTHER);
	ok(!BIND(DEV, NULL, NULL) && !UNBIND(DEV, NULL, NULL) &&
	   is(DEV, OTHER, OTHER), "an override comes back");
	start_with(OLD, OUR_DRIVER);
	ok(!BIND(DEV, NULL, NULL) && !UNBIND(DEV, NULL, NULL) &&
	   is(DEV, OLD, ""), "one to our driver would keep the device here");
	start_with(BY_NAME, OUR_DRIVER);
	ok(!BIND(DEV, NULL, NULL) && !UNBIND(DEV, NULL, NULL) &&
	   is(DEV, BY_NAME, ""), "also for a driver that needs one");
	start_with(OLD, OTHER);
	ok(!BIND(DEV, NULL, NULL) && !UNBIND(DEV, NULL, NULL) &&
	   is(DEV, OLD, OTHER), "one that has had no effect yet");
	start_with("", "");
	ok(!BIND(DEV2, NULL, NULL) && is(DEV2, OUR_DRIVER, OUR_DRIVER) &&
	   !UNBIND(DEV2, NULL, NULL) && is(DEV2, OLD, ""),
	   "a domain of five digits");
}

static void test_failures(void)
{
	start_with(OLD, "");
	ours_refuses = true;
	ok(BIND(DEV, NULL, NULL) == FAILED && is(DEV, OLD, "") &&
	   says("does not take it"), "what we do not take goes back");
	ours_refuses = false;

	natural = OUR_DRIVER;
	start_with(OUR_DRIVER, "");
	ok(UNBIND(DEV, NULL, NULL) == FAILED && says("stays with"),
	   "what stays with us is a failure");
	natural = OLD;

	start_with(OLD, "");
	ok(BIND(DEV, "0000:00:1f.7", DEV2) == FAILED &&
	   is(DEV, OUR_DRIVER, OUR_DRIVER) &&
	   is(DEV2, OUR_DRIVER, OUR_DRIVER) &&
	   says("no PCI device 0000:00:1f.7"),
	   "bind goes on after a device that is not there");
	ok(UNBIND(DEV, "00:10.8", DEV2) == USAGE && is(DEV, OLD, "") &&
	   is(DEV2, OLD, "") && says("\"00:10.8\" is not a PCI address"),
	   "and unbind after what is no address");
}

/* Others give it to a driver of their choice, and take it back from that. */
static void test_stale_state(void)
{
	start_with(OTHER, OTHER);
	BIND(DEV, NULL, NULL);
	attach(DEV, "");
	attach(DEV, OLD);
	attach(DEV, "");
	attach(DEV, OUR_DRIVER);
	ok(!UNBIND(DEV, NULL, NULL) && is(DEV, OLD, ""),
	   "what it had before somebody else bound it is no matter");
}

/*
 * For each of the tool's writes. When the first run has ended, the second, also
 * of the opposite command, brings it to an end.
 */
static bool survives(int (*first)(int, char **), int (*again)(int, char **),
		     int what, const char *driver, const char *override)
{
	int at, ret;

	for (at = 1; ; at++) {
		start_with(OTHER, ODD);
		if (first == cmd_unbind)
			BIND(DEV, NULL, NULL);
		event = what;
		event_at = at;
		ret = run(first, DEV, NULL, NULL);
		event = NOTHING;
		if (!ret)
			return at > 3;
		if (what == KILL_PARENT && !driver_of(DEV)[0])
			break;
		if (run(again, DEV, NULL, NULL) ||
		    !is(DEV, driver, override))
			break;
		/* Nor is it forgotten what there was before. */
		if (again == cmd_bind &&
		    (UNBIND(DEV, NULL, NULL) || !is(DEV, OTHER, ODD)))
			break;
	}
	printf("# at write %d: %s\n", at, said);
	return false;
}

static void test_interruptions(void)
{
	ok(survives(cmd_bind, cmd_bind, KILL_WORKER, OUR_DRIVER, OUR_DRIVER),
	   "bind, killed at any point, and again");
	ok(survives(cmd_bind, cmd_unbind, KILL_WORKER, OTHER, ODD),
	   "bind, killed, and unbind");
	ok(survives(cmd_unbind, cmd_bind, KILL_WORKER, OUR_DRIVER, OUR_DRIVER),
	   "unbind, killed, and bind");
	ok(survives(cmd_bind, cmd_bind, KILL_PARENT, OUR_DRIVER, OUR_DRIVER),
	   "who waits for bind may be killed");
	start_with(OTHER, ODD);
	BIND(DEV, NULL, NULL);
	event = KILL_PARENT;
	event_at = SECOND;
	ok(UNBIND(DEV, NULL, NULL) == -1 && is(DEV, OTHER, ODD),
	   "who waits for unbind, too");
	event = NOTHING;
}

static bool unbind_survives(void)
{
	int at, ret;

	for (at = 1; ; at++) {
		start_with(OTHER, ODD);
		BIND(DEV, NULL, NULL);
		event = KILL_WORKER;
		event_at = at;
		ret = UNBIND(DEV, NULL, NULL);
		event = NOTHING;
		if (!ret)
			return at > 2;
		if (UNBIND(DEV, NULL, NULL) || !is(DEV, OTHER, ODD))
			return false;
	}
}

static void test_users(void)
{
	char path[PATH_MAX];
	int fd;

	start_with(BY_NAME, BY_NAME);
	make_dir("/proc/17/fd");
	make_file("/proc/17/comm", "a \x1b[31mVMM\n");
	make_file("/proc/17/maps", "");
	make_raw_link("/proc/17/fd/3", "/dev/null");
	make_link("/sys/dev/char/1:3",
		  "/sys/devices/pci0000:00/" DEV "/vfio-dev/vfio3");
	ok(BIND("-f", DEV, NULL) == FAILED && is(DEV, BY_NAME, BY_NAME) &&
	   says("in use by a \\x1b[31mVMM (pid 17)"),
	   "what a VFIO user has is not taken, by force neither");
	start_with(OLD, "");
	ok(BIND(DEV, NULL, NULL) == FAILED && is(DEV, OLD, "") &&
	   says("--force") && !BIND("-f", DEV, NULL) &&
	   is(DEV, OUR_DRIVER, OUR_DRIVER),
	   "what another has is, by force");
	ok(UNBIND(DEV, NULL, NULL) == FAILED &&
	   is(DEV, OUR_DRIVER, OUR_DRIVER) && says("(pid 17)"),
	   "nor is it given back");
	remove_file("/proc/17/fd/3");

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/" DEV, root);
	fd = open(path, O_RDONLY);
	flock(fd, LOCK_EX);
	ok(UNBIND(DEV, NULL, NULL) == FAILED && says("is at work on it"),
	   "two at once");
	close(fd);
}

/* A modprobe that says what kmod's would. */
static bool modprobe_says(const char *words, const char *remedy)
{
	char text[512], path[PATH_MAX];

	snprintf(text, sizeof(text), "#!/bin/sh\necho \"modprobe: %s\" >&2\nexit 1\n",
		 words);
	make_file("/bin/modprobe", text);
	snprintf(path, sizeof(path), "%s/bin/modprobe", root);
	chmod(path, 0700);
	start_with(OLD, "");
	return BIND(DEV, NULL, NULL) == FAILED && is(DEV, OLD, "") &&
	       says(words) && says(remedy);
}

static void test_module(void)
{
	char path[2 * PATH_MAX], ours[PATH_MAX];

	snprintf(ours, sizeof(ours), "%s/sys/bus/pci/drivers/" OUR_DRIVER,
		 root);
	rmdir(ours);
	make_dir("/bin");
	snprintf(path, sizeof(path), "%s/bin:%s", root, getenv("PATH"));
	setenv("PATH", path, 1);
	ok(modprobe_says("ERROR: could not insert 'x': Key was rejected by service",
			 "mokutil --import"), "an unsigned module");
	ok(modprobe_says("ERROR: could not insert 'x': Exec format error",
			 "build it for this one"), "of another kernel");
	ok(modprobe_says("FATAL: Module x not found in directory /lib",
			 "modules_install"), "not there");
	ok(modprobe_says("ERROR: could not insert 'x': Cannot allocate memory",
			 "kernel log"), "anything else");
}

static void make_machine(void)
{
	static const char * const dirs[] = {
		"/proc/self", "/proc/net", "/run", "/sys/dev/char",
		"/sys/kernel/iommu_groups/5",
		"/sys/bus/pci/devices/" DEV, "/sys/bus/pci/devices/" DEV2,
		"/sys/bus/pci/drivers/" OLD, "/sys/bus/pci/drivers/" OTHER,
		"/sys/bus/pci/drivers/" BY_NAME,
		"/sys/bus/pci/drivers/" OUR_DRIVER,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(dirs[i]);
	make_file("/proc/self/mountinfo", "");
	make_link("/sys/bus/pci/devices/" DEV "/iommu_group",
		  "/sys/kernel/iommu_groups/5");
	make_link("/sys/bus/pci/devices/" DEV2 "/iommu_group",
		  "/sys/kernel/iommu_groups/5");
}

int main(void)
{
	sys_root = make_root();
	make_machine();
	/* The worker whose parent was killed is ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	plan(28);
	test_there_and_back();
	test_failures();
	test_stale_state();
	test_interruptions();
	ok(unbind_survives(), "unbind, killed at any point, and again");
	test_users();
	test_module();
	remove_root();
	return finish();
}
