// SPDX-License-Identifier: GPL-2.0-only
/*
 * To our driver and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

#define DEVICE		"/sys/bus/pci/devices/%s"
#define DRIVER		"/sys/bus/pci/drivers/%s"

/* What the command line says: @mode is the device's dmabuf_mode, or NULL. */
struct wish {
	bool force;
	const char *mode;
};

static int set_override(const char *bdf, const char *driver)
{
	int ret;

	/* An empty line takes it away. */
	ret = write_text(driver[0] ? driver : "\n", DEVICE "/driver_override",
			 bdf);
	if (ret)
		return fail("%s: cannot set driver_override: %s", bdf,
			    strerror(-ret));
	return DONE;
}

static void get_override(const char *bdf, char override[NAME_LEN])
{
	if (read_text(override, NAME_LEN, DEVICE "/driver_override", bdf) ||
	    !strcmp(override, "(null)"))
		override[0] = '\0';
}

static int release(const char *bdf)
{
	char driver[NAME_LEN];
	int ret;

	pci_driver(bdf, driver);
	if (!driver[0])
		return DONE;
	ret = write_text(bdf, DRIVER "/unbind", driver);
	if (ret)
		return fail("%s: %s does not let go of it: %s", bdf, driver,
			    strerror(-ret));
	return DONE;
}

/*
 * The driver that it had, or whichever wants the device, and the override. Some
 * drivers take only what is given to them by an override, as vfio-pci does.
 */
static int give_back(const char *bdf, const struct before *before)
{
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (!driver[0] && before->driver[0] &&
	    driver_is_there(before->driver)) {
		if (set_override(bdf, before->driver))
			return FAILED;
		write_text(bdf, DRIVER "/bind", before->driver);
	}
	if (set_override(bdf, before->override))
		return FAILED;
	pci_driver(bdf, driver);
	if (!driver[0])
		write_text(bdf, "/sys/bus/pci/drivers_probe");
	pci_driver(bdf, driver);
	if (before->driver[0] && strcmp(driver, before->driver))
		return fail("%s: %s does not take it back; see the kernel log",
			    bdf, before->driver);
	if (is_ours(driver))
		return fail("%s: it stays with " OUR_DRIVER, bdf);
	return DONE;
}

static int take(const char *bdf, const struct before *before)
{
	char driver[NAME_LEN];
	int ret;

	if (set_override(bdf, our_driver()))
		return FAILED;
	if (!release(bdf)) {
		ret = write_text(bdf, "/sys/bus/pci/drivers_probe");
		pci_driver(bdf, driver);
		if (is_ours(driver))
			return DONE;
		fail("%s: " OUR_DRIVER " does not take it%s%s; see the kernel log",
		     bdf, ret ? ": " : "", ret ? strerror(-ret) : "");
	}
	if (!give_back(bdf, before))
		state_forget(bdf);
	return FAILED;
}

/* A VFIO driver waits for its users, so they cannot be overruled. */
static int check_use(const char *bdf, bool vfio, bool force)
{
	char why[1024];

	if (!force && (guard_mounted(bdf, why, sizeof(why)) ||
		       guard_route(bdf, why, sizeof(why))))
		return fail("%s: %s; --force takes it all the same", bdf, why);
	if ((vfio || !force) && guard_in_use(bdf, why, sizeof(why)))
		return fail("%s: %s; %s", bdf, why, vfio ? "end that first" :
			    "--force takes it all the same");
	return DONE;
}

static int say(const char *bdf)
{
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (json)
		return json_print(json_pack("{s:s, s:o}", "bdf", bdf,
					    "driver", json_text(driver)));
	print("%s: %s\n", bdf, driver[0] ? driver : "no driver");
	return DONE;
}

/*
 * What the device has now is what it had before, but for what an interrupted run
 * has changed. An override to our driver would bring it back to us.
 */
static void find_before(const char *bdf, struct before *before)
{
	enum state state = state_load(bdf, before);
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (driver[0] || state != STATE_UNFINISHED)
		memcpy(before->driver, driver, NAME_LEN);
	if (state == STATE_UNFINISHED)
		return;
	get_override(bdf, before->override);
	if (is_ours(before->override))
		before->override[0] = '\0';
}

/*
 * A device must not be left between two drivers when the user, or what started
 * us, loses patience: this is done by a process that the terminal and our
 * process group do not reach.
 */
static int run_apart(int (*fn)(const char *bdf, const struct before *before),
		     const char *bdf, const struct before *before)
{
	sigset_t all;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return fail("cannot fork: %s", strerror(errno));
	if (!pid) {
		setsid();
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		_exit(fn(bdf, before));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail("cannot wait: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static int do_bind(const char *bdf, const struct before *before)
{
	if (state_save(bdf, before, STATE_UNFINISHED) || take(bdf, before))
		return FAILED;
	return state_save(bdf, before, STATE_BOUND);
}

/* Whose DMABUF VFIO_DEVICE_FEATURE_DMA_BUF returns: see uapi.rst. */
static int set_mode(const char *bdf, const char *mode)
{
	int ret;

	if (!mode)
		return DONE;
	ret = write_text(mode, DEVICE "/dmabuf_mode", bdf);
	if (ret)
		return fail("%s: it is bound, but its dmabuf_mode cannot be set: %s",
			    bdf, strerror(-ret));
	return DONE;
}

static int bind_device(const char *bdf, const struct wish *wish)
{
	struct before before;
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (is_ours(driver)) {
		if (state_load(bdf, &before) == STATE_UNFINISHED &&
		    state_save(bdf, &before, STATE_BOUND))
			return FAILED;
		return set_mode(bdf, wish->mode) ? FAILED : say(bdf);
	}
	if (pci_group(bdf) < 0)
		return fail("%s has no IOMMU group: VFIO needs the IOMMU (intel_iommu=on, amd_iommu, firmware), and its noiommu mode is not supported",
			    bdf);
	find_before(bdf, &before);
	if (check_use(bdf, strstr(driver, "vfio"), wish->force) ||
	    load_module() || run_apart(do_bind, bdf, &before) ||
	    set_mode(bdf, wish->mode))
		return FAILED;
	return say(bdf);
}

static int do_unbind(const char *bdf, const struct before *before)
{
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (is_ours(driver) &&
	    (state_save(bdf, before, STATE_UNFINISHED) || release(bdf)))
		return FAILED;
	if (give_back(bdf, before))
		return FAILED;
	state_forget(bdf);
	return DONE;
}

/* Also what an interrupted run has left with no driver, or with the old one. */
static int unbind_device(const char *bdf, const struct wish *wish)
{
	char driver[NAME_LEN];
	struct before before;
	enum state state;
	bool ours;

	pci_driver(bdf, driver);
	ours = is_ours(driver);
	state = state_load(bdf, &before);
	if (!ours && state != STATE_UNFINISHED)
		return fail("%s is bound to %s, not to " OUR_DRIVER, bdf,
			    driver[0] ? driver : "no driver");
	if ((ours && check_use(bdf, true, wish->force)) ||
	    run_apart(do_unbind, bdf, &before))
		return FAILED;
	return say(bdf);
}

typedef int (*device_fn)(const char *bdf, const struct wish *wish);

/*
 * Two at work on one device would take each other's doings for its state. A
 * process that runs apart keeps the lock until it ends.
 */
static int run_locked(device_fn fn, const char *bdf, const struct wish *wish)
{
	char path[PATH_MAX];
	int fd, ret;

	snprintf(path, sizeof(path), "%s" DEVICE, sys_root, bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB))
		ret = fail("%s: another " PROGRAM " is at work on it", bdf);
	else
		ret = fn(bdf, wish);
	close(fd);
	return ret;
}

/* All of them, and the first failure. */
static int run_all(device_fn fn, char **texts, const struct wish *wish)
{
	char bdf[BDF_LEN];
	int ret = DONE, one;

	for (; *texts; texts++) {
		one = parse_device(*texts, bdf);
		if (!one)
			one = run_locked(fn, bdf, wish);
		if (!ret)
			ret = one;
	}
	return ret;
}

int cmd_bind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dmabuf", required_argument, NULL, 'd' },
		{ "force", no_argument, NULL, 'f' },
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};
	struct wish wish = { };
	int c;

	while ((c = next_option(argc, argv, "d:fhj", options)) != -1) {
		if (c == 'f')
			wish.force = true;
		else if (c == 'd')
			wish.mode = optarg;
		else
			return USAGE;
	}
	if (wish.mode && strcmp(wish.mode, "mmap") && strcmp(wish.mode, "plain"))
		return usage_error("--dmabuf is mmap or plain");
	if (optind == argc)
		return usage_error("bind which device?");
	if (!is_root("bind"))
		return FAILED;
	return run_all(bind_device, argv + optind, &wish);
}

int cmd_unbind(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};
	static const struct wish wish = { .force = true };

	if (next_option(argc, argv, "hj", options) != -1)
		return USAGE;
	if (optind == argc)
		return usage_error("unbind which device?");
	if (!is_root("unbind"))
		return FAILED;
	return run_all(unbind_device, argv + optind, &wish);
}
