// SPDX-License-Identifier: GPL-2.0-only
/*
 * To our driver and back. What the device had before is kept in /run, which
 * lives as long as the binding does: until the next boot.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

#define STATE_DIR	"/run/vfio-dmabuf"
#define DEVICE		"/sys/bus/pci/devices/%s"
#define DRIVER		"/sys/bus/pci/drivers/%s"

struct before {
	char driver[NAME_LEN];
	char override[NAME_LEN];
};

static bool driver_is_there(const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DRIVER, driver);
	return !access(path, F_OK);
}

static int load_module(void)
{
	int status = -1;
	pid_t pid;

	if (driver_is_there(OUR_DRIVER))
		return DONE;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execlp("modprobe", "modprobe", "-q", OUR_DRIVER, NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (driver_is_there(OUR_DRIVER))
		return DONE;
	return fail("the module " OUR_DRIVER " is not loaded, and modprobe does not find it: make modules_install, or insmod it");
}

static int save(const char *bdf, const struct before *before)
{
	char path[PATH_MAX];
	FILE *f;
	int err;

	mkdir("/run", 0755);
	if (mkdir(STATE_DIR, 0755) && errno != EEXIST)
		return fail("cannot make " STATE_DIR ": %s", strerror(errno));
	snprintf(path, sizeof(path), STATE_DIR "/%s", bdf);
	f = fopen(path, "we");
	if (!f)
		return fail("cannot write %s: %s", path, strerror(errno));
	fprintf(f, "%s\n%s\n", before->driver, before->override);
	err = ferror(f);
	if (fclose(f) || err)
		return fail("cannot write %s", path);
	return DONE;
}

static void load(const char *bdf, struct before *before)
{
	char text[2 * NAME_LEN + 2], *line;

	memset(before, 0, sizeof(*before));
	if (read_text(text, sizeof(text), STATE_DIR "/%s", bdf))
		return;
	line = strchr(text, '\n');
	if (line) {
		*line++ = '\0';
		snprintf(before->override, NAME_LEN, "%.63s", line);
	}
	snprintf(before->driver, NAME_LEN, "%.63s", text);
}

static void forget(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), STATE_DIR "/%s", bdf);
	unlink(path);
}

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

/* The override, the driver that it had, or whichever wants the device. */
static int give_back(const char *bdf, const struct before *before)
{
	char driver[NAME_LEN];

	if (set_override(bdf, before->override))
		return FAILED;
	if (!before->driver[0] || !driver_is_there(before->driver) ||
	    write_text(bdf, DRIVER "/bind", before->driver))
		write_text(bdf, "/sys/bus/pci/drivers_probe");
	pci_driver(bdf, driver);
	if (!strcmp(driver, before->driver))
		return DONE;
	if (!before->driver[0])
		return DONE;
	return fail("%s: %s does not take it back; see the kernel log", bdf,
		    before->driver);
}

static int take(const char *bdf, const struct before *before)
{
	char driver[NAME_LEN];
	int ret;

	if (release(bdf) || set_override(bdf, OUR_DRIVER))
		return FAILED;
	ret = write_text(bdf, "/sys/bus/pci/drivers_probe");
	pci_driver(bdf, driver);
	if (!strcmp(driver, OUR_DRIVER))
		return DONE;
	fail("%s: " OUR_DRIVER " does not take it%s%s; see the kernel log",
	     bdf, ret ? ": " : "", ret ? strerror(-ret) : "");
	if (!give_back(bdf, before))
		forget(bdf);
	return FAILED;
}

static int check_use(const char *bdf, const char *driver, bool force)
{
	char why[512];

	if (strstr(driver, "vfio") && guard_in_use(bdf, why, sizeof(why)))
		return fail("%s: %s; end it first", bdf, why);
	if (force)
		return DONE;
	if (guard_mounted(bdf, why, sizeof(why)) ||
	    guard_route(bdf, why, sizeof(why)))
		return fail("%s: %s; --force takes it all the same", bdf, why);
	return DONE;
}

static int check_device(const char *text, char bdf[BDF_LEN])
{
	if (parse_bdf(text, bdf))
		return usage_error("\"%s\" is not a PCI address", text);
	if (!pci_exists(bdf))
		return fail("there is no PCI device %s", bdf);
	return DONE;
}

static void say(const char *bdf, const char *driver)
{
	if (json) {
		json_open(NULL, '{');
		json_string("bdf", bdf);
		json_string("driver", driver);
		json_close('}');
		json_end();
		return;
	}
	printf("%s: %s\n", bdf, driver[0] ? driver : "no driver");
}

static int bind_one(const char *text, bool force)
{
	struct before before = { .driver = "" };
	char bdf[BDF_LEN], override[NAME_LEN];
	int ret;

	ret = check_device(text, bdf);
	if (ret)
		return ret;
	pci_driver(bdf, before.driver);
	if (!strcmp(before.driver, OUR_DRIVER)) {
		say(bdf, OUR_DRIVER);
		return DONE;
	}
	if (pci_group(bdf) < 0)
		return fail("%s has no IOMMU group: VFIO needs the IOMMU (intel_iommu=on, amd_iommu, firmware)",
			    bdf);
	if (!read_text(override, sizeof(override), DEVICE "/driver_override",
		       bdf) && strcmp(override, "(null)"))
		snprintf(before.override, NAME_LEN, "%s", override);
	if (check_use(bdf, before.driver, force) || load_module() ||
	    save(bdf, &before) || take(bdf, &before))
		return FAILED;
	say(bdf, OUR_DRIVER);
	return DONE;
}

static int unbind_one(const char *text)
{
	char bdf[BDF_LEN], driver[NAME_LEN];
	struct before before;
	int ret;

	ret = check_device(text, bdf);
	if (ret)
		return ret;
	pci_driver(bdf, driver);
	if (strcmp(driver, OUR_DRIVER))
		return fail("%s is bound to %s, not to " OUR_DRIVER, bdf,
			    driver[0] ? driver : "no driver");
	load(bdf, &before);
	if (check_use(bdf, driver, true) || release(bdf) ||
	    give_back(bdf, &before))
		return FAILED;
	forget(bdf);
	pci_driver(bdf, driver);
	say(bdf, driver);
	return DONE;
}

int cmd_bind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	bool force = false;
	int c, i, ret = DONE;

	while ((c = getopt_long(argc, argv, "fj", options, NULL)) != -1) {
		if (c == 'f')
			force = true;
		else if (c == 'j')
			json = true;
		else
			return USAGE;
	}
	if (optind == argc)
		return usage_error("bind which device?");
	if (!is_root("bind"))
		return FAILED;
	for (i = optind; i < argc && !ret; i++)
		ret = bind_one(argv[i], force);
	return ret;
}

int cmd_unbind(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	int c, i, ret = DONE;

	while ((c = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		if (c != 'j')
			return USAGE;
		json = true;
	}
	if (optind == argc)
		return usage_error("unbind which device?");
	if (!is_root("unbind"))
		return FAILED;
	for (i = optind; i < argc && !ret; i++)
		ret = unbind_one(argv[i]);
	return ret;
}
