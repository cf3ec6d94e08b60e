// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's tracepoints as they happen, through a trace instance of our own,
 * so that no other user of tracing is disturbed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define TRACEFS		"/sys/kernel/tracing"
#define SYSTEM		"events/vfio_pci_dmabuf_mmap"

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int make_instance(char instance[PATH_MAX], const char *bdf)
{
	char filter[64];
	int ret;

	if (access(TRACEFS "/instances", F_OK))
		return fail("tracefs is not mounted at " TRACEFS);
	if (access(TRACEFS "/" SYSTEM, F_OK))
		return fail("there are no events to watch: " OUR_DRIVER " is not loaded");
	snprintf(instance, PATH_MAX, TRACEFS "/instances/vfio-dmabuf.%d",
		 getpid());
	if (mkdir(instance, 0700))
		return fail("cannot make %s: %s", instance, strerror(errno));
	ret = 0;
	if (bdf) {
		snprintf(filter, sizeof(filter), "device == \"%s\"", bdf);
		ret = write_text(filter, "%s/" SYSTEM "/filter", instance);
	}
	if (!ret)
		ret = write_text("1", "%s/" SYSTEM "/enable", instance);
	if (!ret)
		return DONE;
	rmdir(instance);
	return fail("cannot turn the events on: %s", strerror(-ret));
}

struct event {
	char *task;
	char *pid;
	char *time;
	char *name;
	char *device;
	char *fields;
};

/* The kernel notes the names of tasks as they are switched, so it may lack one. */
static char *task_name(char *task, const char *pid)
{
	static char comm[NAME_LEN];

	if (strcmp(task, "<...>") ||
	    read_text(comm, sizeof(comm), "/proc/%s/comm", pid))
		return task;
	return comm;
}

/* "    vend-253   [000] .....   12.345: vpdm_export: 0000:00:01.0 ino=3 ..." */
static bool split(char *line, struct event *e)
{
	char *cpu = strstr(line, " ["), *at;

	e->name = strstr(line, ": vpdm_");
	if (!cpu || !e->name)
		return false;
	*e->name = '\0';
	e->name += strlen(": vpdm_");
	e->time = strrchr(cpu, ' ');
	*cpu = '\0';
	while (cpu > line && cpu[-1] == ' ')
		*--cpu = '\0';
	e->pid = strrchr(line, '-');
	at = strchr(e->name, ':');
	if (!e->time || !e->pid || !at)
		return false;
	*e->pid++ = '\0';
	e->time++;
	*at = '\0';
	e->device = at + 2;
	e->fields = strchr(e->device, ' ');
	if (!e->fields)
		return false;
	*e->fields++ = '\0';
	e->task = task_name(line + strspn(line, " "), e->pid);
	return true;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static void show_json(struct event *e)
{
	char *field, *rest = e->fields, *value;

	json_open(NULL, '{');
	json_string("time", e->time);
	json_string("event", e->name);
	json_string("device", e->device);
	json_string("comm", e->task);
	json_number("pid", strtoul(e->pid, NULL, 10));
	while ((field = strtok_r(rest, " \n", &rest))) {
		value = strchr(field, '=');
		if (!value)
			continue;
		*value++ = '\0';
		if (is_number(value))
			json_number(field, strtoull(value, NULL, 10));
		else
			json_string(field, value);
	}
	json_close('}');
	json_end();
}

/* Whether it was an event. */
static bool show(char *line)
{
	struct event e;

	if (!split(line, &e))
		return false;
	if (json)
		show_json(&e);
	else
		printf("%s %s %-8s %s  (%s, pid %s)\n", e.time, e.device,
		       e.name, e.fields, e.task, e.pid);
	fflush(stdout);
	return true;
}

static int follow(int pipe, unsigned long count)
{
	struct pollfd p = { .fd = pipe, .events = POLLIN };
	char text[16384], *line, *next;
	size_t used = 0;
	ssize_t n;

	while (!stop) {
		/* Not a blocking read: it would not see a signal in time. */
		if (poll(&p, 1, 200) <= 0)
			continue;
		n = read(pipe, text + used, sizeof(text) - 1 - used);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return n ? fail("trace_pipe: %s", strerror(errno)) :
				   DONE;
		used += n;
		text[used] = '\0';
		for (line = text; (next = strchr(line, '\n'));
		     line = next + 1) {
			*next = '\0';
			if (show(line) && count && !--count)
				return DONE;
		}
		used -= line - text;
		memmove(text, line, used);
	}
	return DONE;
}

static int watch(const char *bdf, unsigned long count)
{
	struct sigaction sa = { .sa_handler = on_signal };
	char instance[PATH_MAX], path[PATH_MAX + 16];
	int pipe, ret;

	ret = make_instance(instance, bdf);
	if (ret)
		return ret;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGPIPE, &sa, NULL);
	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (pipe < 0) {
		ret = fail("cannot open %s: %s", path, strerror(errno));
	} else {
		if (!json)
			note("watching; interrupt to end");
		ret = follow(pipe, count);
		close(pipe);
	}
	rmdir(instance);
	return ret;
}

int cmd_watch(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	unsigned long count = 0;
	char bdf[BDF_LEN];
	int c;

	while ((c = getopt_long(argc, argv, "n:j", options, NULL)) != -1) {
		if (c == 'j') {
			json = true;
		} else if (c == 'n' && is_number(optarg)) {
			count = strtoul(optarg, NULL, 10);
		} else {
			return c == 'n' ?
			       usage_error("--count takes a number") : USAGE;
		}
	}
	if (argc - optind > 1)
		return usage_error("watch takes one device, or none for all");
	if (optind < argc && parse_bdf(argv[optind], bdf))
		return usage_error("\"%s\" is not a PCI address",
				   argv[optind]);
	if (!is_root("watch"))
		return FAILED;
	return watch(optind < argc ? bdf : NULL, count);
}
