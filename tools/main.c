// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-dmabuf: see, bind, share and revoke from the command line.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/fd.h"
#include "tool.h"

bool json;

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "list", cmd_list },
	{ "bind", cmd_bind },
	{ "unbind", cmd_unbind },
	{ "export", cmd_export },
	{ "revoke", cmd_revoke },
	{ "watch", cmd_watch },
};

static const char usage[] =
"usage: vfio-dmabuf [--json] COMMAND ...\n"
"\n"
"  list [--all] [BDF...]          devices of VFIO drivers, their BARs and buffers\n"
"  bind [--force] BDF...          give devices to " OUR_DRIVER "\n"
"  unbind BDF...                  give them back to the driver they had\n"
"  export [OPTION...] BDF PROGRAM [ARGUMENT...]\n"
"                                 run a program that has a slice of a BAR open\n"
"    --bar N                      BAR 0 to 5; 2 by default\n"
"    --range OFFSET+LENGTH        may be repeated; the whole BAR by default\n"
"    --wc  --read-only  --name NAME\n"
"  revoke INODE                   end all access through one buffer, for good\n"
"  watch [--count N] [BDF]        exports, faults and revokes as they happen\n"
"\n"
"BDF is a PCI address such as 0000:01:00.0; INODE is a buffer's number as list\n"
"and /proc/PID/maps show it. See vfio-dmabuf(8).\n";

static void complain(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("vfio-dmabuf: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return FAILED;
}

int usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	fputs("Try: vfio-dmabuf --help\n", stderr);
	return USAGE;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
}

bool is_root(const char *what)
{
	if (!geteuid())
		return true;
	fail("%s needs root: try sudo vfio-dmabuf ...", what);
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	size_t i;
	int c;

	if (vd_fill_stdio())
		return FAILED;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return DONE;
		default:
			return USAGE;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return USAGE;
	}
	argc -= optind;
	argv += optind;
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[0], commands[i].name))
			continue;
		optind = 0;
		return commands[i].run(argc, argv);
	}
	return usage_error("there is no command \"%s\"", argv[0]);
}
