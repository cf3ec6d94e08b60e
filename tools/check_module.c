// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module: whether it is there and would load, found out without loading it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Bits of /proc/sys/kernel/tainted after which a kernel is not to be trusted. */
#define TAINT_DIE		0x80
#define TAINT_WARN		0x200
#define TAINT_SOFTLOCKUP	0x4000

/* One field of the module's own description; "" where there is none. */
static void describe(const char *field, char *text, size_t size)
{
	char command[128];
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command),
		 "modinfo -F %s " OUR_DRIVER " 2>/dev/null", field);
	fflush(stdout);
	f = popen(command, "re");
	n = f ? fread(text, 1, size - 1, f) : 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (f)
		pclose(f);
}

static bool only_signed_modules_load(void)
{
	char text[NAME_LEN];

	if (!read_text(text, sizeof(text),
		       "/sys/module/module/parameters/sig_enforce") &&
	    text[0] == 'Y')
		return true;
	return !read_text(text, sizeof(text),
			  "/sys/kernel/security/lockdown") &&
	       !strstr(text, "[none]");
}

static void check_file(struct report *r, const struct kernel *k)
{
	char built_for[256], signer[256];
	size_t len = strlen(k->release);

	describe("vermagic", built_for, sizeof(built_for));
	describe("signer", signer, sizeof(signer));
	if (!built_for[0])
		report(r, "module.loads", WARNING,
		       "modprobe " OUR_DRIVER, "modinfo does not tell what it was built for");
	else if (strncmp(built_for, k->release, len) || built_for[len] != ' ')
		report(r, "module.loads", PROBLEM, "build it for this kernel",
		       "it was built for %.*s", (int)strcspn(built_for, " "),
		       built_for);
	else if (!signer[0] && only_signed_modules_load())
		report(r, "module.loads", PROBLEM,
		       "sign it with a key that the kernel knows; for DKMS's own key, mokutil --import /var/lib/dkms/mok.pub and reboot",
		       "it is not signed, and this kernel takes signed modules only");
	else
		report(r, "module.loads", FIT, NULL,
		       "not loaded; it was built for this kernel");
}

static void check_taint(struct report *r, bool loaded)
{
	char text[NAME_LEN] = "";

	if (loaded)
		read_text(text, sizeof(text), "/sys/module/%s/taint",
			  our_module());
	if (strchr(text, 'F') || strchr(text, 'R'))
		report(r, "module.taint", PROBLEM,
		       "reboot, and load the one that was built for this kernel",
		       "it was loaded by force (%s)", text);
	else
		report(r, "module.taint", FIT, NULL, "%s%s",
		       text[0] ? text : "none",
		       strchr(text, 'O') ? ": a module from out of the tree" : "");
}

static void check_oops(struct report *r)
{
	char text[NAME_LEN] = "0";
	unsigned long taint;

	read_text(text, sizeof(text), "/proc/sys/kernel/tainted");
	taint = strtoul(text, NULL, 0);
	if (taint & (TAINT_DIE | TAINT_WARN | TAINT_SOFTLOCKUP))
		report(r, "kernel.taint", WARNING,
		       "read the kernel log, and reboot",
		       "it has had%s%s%s since boot",
		       taint & TAINT_DIE ? " an oops" : "",
		       taint & TAINT_WARN ? " a warning" : "",
		       taint & TAINT_SOFTLOCKUP ? " a lockup" : "");
	else
		report(r, "kernel.taint", FIT, NULL, "no oops, warning or lockup");
}

void check_module(struct report *r, const struct kernel *k)
{
	bool loaded = driver_is_there(our_driver());

	check_oops(r);
	if (!loaded && !kernel_lists_module(k, OUR_DRIVER)) {
		report(r, "module.found", PROBLEM,
		       "make, make modules_install; or install its DKMS package",
		       OUR_DRIVER " is not there for Linux %s", k->release);
		return;
	}
	report(r, "module.found", FIT, NULL, loaded ? "loaded" : "installed");
	if (loaded)
		report(r, "module.loads", FIT, NULL, "it did");
	else
		check_file(r, k);
	check_taint(r, loaded);
}
