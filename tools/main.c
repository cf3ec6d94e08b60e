// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-dmabuf: see, bind, share and revoke from the command line.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/fd.h"
#include "tool.h"

bool json;

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "list", cmd_list,
"  list [--all] [BDF...]          devices of VFIO drivers, their BARs and buffers\n"
	},
	{ "bind", cmd_bind,
"  bind [--force] [--dmabuf=mmap|plain] BDF...\n"
"                                 give devices to " OUR_DRIVER "\n"
	},
	{ "unbind", cmd_unbind,
"  unbind BDF...                  give them back to the driver they had\n"
	},
	{ "export", cmd_export,
"  export [OPTION...] BDF PROGRAM [ARGUMENT...]\n"
"                                 run a program that has a slice of a BAR open\n"
"    --bar N                      BAR 0 to 5; 2 by default\n"
"    --range OFFSET+LENGTH        may be repeated; the whole BAR by default\n"
"    --wc  --read-only  --name NAME\n"
"    --vf-token UUID              of a VF whose PF is bound to VFIO\n"
	},
	{ "revoke", cmd_revoke,
"  revoke INODE                   end all access through one buffer, for good\n"
	},
	{ "watch", cmd_watch,
"  watch [--count N] [BDF]        exports, faults and revokes as they happen\n"
	},
	{ "check", cmd_check,
"  check [BDF...]                 is this machine fit, and the device; what to do if not\n"
	},
	{ "bench", cmd_bench,
"  bench [OPTION...] BDF BAR OFFSET+LENGTH\n"
"                                 figures of that range of a BAR, by loads alone\n"
"    --write                      stores to it, too\n"
"    --restore                    puts back what was there\n"
"    --reset                      resets the device, too\n"
"    --threads N                  up to N at once, each on a processor\n"
"    --samples N                  of each figure; otherwise 5 to 21, by their time\n"
"    --plot FILE.svg              a chart, by gnuplot\n"
	},
};

static const char notes[] =
"\n"
"BDF is a PCI address such as 0000:01:00.0; INODE is a buffer's number as list\n"
"and /proc/PID/maps show it. --help after a command shows that one, --version\n"
"the version. See vfio-dmabuf(8).\n";

/* The one to speak of; all of them without. */
static const struct command *command;

static void usage(FILE *f)
{
	size_t i;

	fputs("usage: " PROGRAM " [--json] COMMAND ...\n\n", f);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!command || command == &commands[i])
			fputs(commands[i].help, f);
	fputs(notes, f);
}

static int version(void)
{
	puts(PROGRAM " " VERSION);
	return flushed(DONE);
}

int next_option(int argc, char **argv, const char *order,
		const struct option *options)
{
	int c;

	while ((c = getopt_long(argc, argv, order, options, NULL)) == 'j')
		json = true;
	if (c == 'h') {
		usage(stdout);
		exit(flushed(DONE));
	}
	if (c == 'V')
		exit(version());
	if (c == '?')
		fputs("Try: " PROGRAM " --help\n", stderr);
	return c;
}

bool is_root(const char *what)
{
	if (!geteuid())
		return true;
	fail("%s needs root: try sudo " PROGRAM " ...", what);
	return false;
}

static int run_command(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[0], commands[i].name))
			continue;
		command = &commands[i];
		/* getopt_long() begins its messages with it. */
		argv[0] = PROGRAM;
		optind = 0;
		return flushed(commands[i].run(argc, argv));
	}
	return usage_error("there is no command \"%s\"", argv[0]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_JSON,
		OPTION_HELP,
		{ "version", no_argument, NULL, 'V' },
		{ }
	};

	if (vd_fill_stdio())
		return FAILED;
	setlocale(LC_CTYPE, "");
	if (argc)
		argv[0] = PROGRAM;
	if (next_option(argc, argv, "+h", options) != -1)
		return USAGE;
	if (optind >= argc) {
		usage(stderr);
		return USAGE;
	}
	return run_command(argc - optind, argv + optind);
}
