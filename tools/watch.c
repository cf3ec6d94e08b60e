// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's tracepoints as they happen, through a trace instance of our own,
 * so that no other user of tracing is disturbed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCES	TRACEFS "/instances"
#define PREFIX		PROGRAM "."
#define SYSTEM		"events/vfio_pci_dmabuf_mmap"

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/*
 * An instance is locked by the process that made it: one that can be locked is
 * left over from a process that was killed.
 */
static void remove_stale_instances(void)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool stale;
	int fd;
	DIR *d;

	d = opendir(INSTANCES);
	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		snprintf(path, sizeof(path), INSTANCES "/%s", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		stale = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
		if (fd >= 0)
			close(fd);
		if (stale)
			rmdir(path);
	}
	if (d)
		closedir(d);
}

/* Returns its directory, locked, or -1. */
static int make_instance(char instance[PATH_MAX])
{
	int all, fd = -1;

	/* Nobody takes it for stale before it is locked. */
	all = open(INSTANCES, O_RDONLY | O_CLOEXEC);
	if (all < 0 || flock(all, LOCK_EX)) {
		fail("cannot open " INSTANCES ": %s", strerror(errno));
		goto out;
	}
	remove_stale_instances();
	snprintf(instance, PATH_MAX, INSTANCES "/" PREFIX "%d", getpid());
	if (!mkdir(instance, 0700))
		fd = open(instance, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("cannot make %s: %s", instance, strerror(errno));
	else
		flock(fd, LOCK_EX);
out:
	if (all >= 0)
		close(all);
	return fd;
}

static int enable_events(const char *instance, const char *bdf)
{
	char filter[64];
	int ret = 0;

	if (bdf) {
		snprintf(filter, sizeof(filter), "device == \"%s\"", bdf);
		ret = write_text(filter, "%s/" SYSTEM "/filter", instance);
	}
	if (!ret)
		ret = write_text("1", "%s/" SYSTEM "/enable", instance);
	if (!ret)
		return DONE;
	return fail("cannot turn the events on: %s", strerror(-ret));
}

struct event {
	char task[17];
	int pid;
	char time[32];
	char name[32];
	char *device;
	char *fields;
};

/* The kernel notes the names of tasks as they are switched, so it may lack one. */
static void name_task(struct event *e)
{
	char comm[NAME_LEN];

	if (!strcmp(e->task, "<...>") &&
	    !read_text(comm, sizeof(comm), "/proc/%d/comm", e->pid))
		snprintf(e->task, sizeof(e->task), "%.16s", comm);
}

/*
 * "            vend-253     [000] .....    12.345678: vpdm_export: 0000:00:01.0 ino=3 ..."
 * The task's name may have anything in it, but always takes 16 places.
 */
static bool split(char *line, struct event *e)
{
	int at = 0;

	if (strlen(line) < 17 || line[16] != '-' ||
	    sscanf(line + 17, "%d [%*d] %*s %31[0-9.]: vpdm_%31[^:]: %n",
		   &e->pid, e->time, e->name, &at) != 3 || !at)
		return false;
	line[16] = '\0';
	snprintf(e->task, sizeof(e->task), "%s", line + strspn(line, " "));
	e->device = line + 17 + at;
	e->fields = strchr(e->device, ' ');
	if (!e->fields)
		return false;
	*e->fields++ = '\0';
	name_task(e);
	return true;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static json_t *value_json(const char *value)
{
	return is_number(value) ? json_integer(strtoull(value, NULL, 10)) :
				  json_text(value);
}

static int show_json(struct event *e)
{
	char *field, *rest = e->fields, *value;
	json_t *object;

	object = json_pack("{s:s, s:s, s:s, s:o, s:i}", "time", e->time,
			   "event", e->name, "device", e->device,
			   "comm", json_text(e->task), "pid", e->pid);
	while ((field = strtok_r(rest, " \n", &rest))) {
		value = strchr(field, '=');
		if (!value)
			continue;
		*value++ = '\0';
		json_object_set_new(object, field, value_json(value));
	}
	return json_print(object);
}

static int show(struct event *e)
{
	if (json)
		return show_json(e);
	print("%s %s %-8s %s  (%s, pid %d)\n", e->time, e->device, e->name,
	      e->fields, e->task, e->pid);
	return flushed(DONE);
}

/* What else it says is that events were lost. */
static int show_line(char *line, unsigned long *left)
{
	struct event e;

	if (!split(line, &e)) {
		if (line[0])
			note("%s", line);
		return DONE;
	}
	--*left;
	return show(&e);
}

/* Until @left events were shown. */
static int follow(int pipe, unsigned long left)
{
	struct pollfd p = { .fd = pipe, .events = POLLIN };
	char text[16384], *line, *next;
	size_t used = 0;
	ssize_t n;

	while (!stop && left) {
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
		for (line = text; left && (next = strchr(line, '\n'));
		     line = next + 1) {
			*next = '\0';
			if (show_line(line, &left))
				return FAILED;
		}
		used -= line - text;
		memmove(text, line, used);
	}
	return DONE;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	struct sigaction sa = { .sa_handler = on_signal }, old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], &sa, &old);
		/* As nohup wants it. */
		if (signals[i] == SIGHUP && old.sa_handler == SIG_IGN)
			sigaction(signals[i], &old, NULL);
	}
}

static int watch_instance(const char *instance, const char *bdf,
			  unsigned long count)
{
	char path[PATH_MAX + 16];
	int pipe, ret;

	if (enable_events(instance, bdf))
		return FAILED;
	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (pipe < 0)
		return fail("cannot open %s: %s", path, strerror(errno));
	if (!json)
		note("watching; interrupt to end");
	ret = follow(pipe, count);
	close(pipe);
	return ret;
}

static int watch(const char *bdf, unsigned long count)
{
	char instance[PATH_MAX];
	int fd, ret;

	if (access(INSTANCES, F_OK))
		return fail("tracefs is not mounted at " TRACEFS);
	if (access(TRACEFS "/" SYSTEM, F_OK))
		return fail("there are no events to watch: " OUR_DRIVER " is not loaded");
	catch_signals();
	fd = make_instance(instance);
	if (fd < 0)
		return FAILED;
	ret = watch_instance(instance, bdf, count);
	close(fd);
	rmdir(instance);
	return ret;
}

static void check_driver(const char *bdf)
{
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (!is_ours(driver))
		note("%s is bound to %s: it has no events until " OUR_DRIVER " has it",
		     bdf, driver[0] ? driver : "no driver");
}

int cmd_watch(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};
	unsigned long count = ULONG_MAX;
	char bdf[BDF_LEN];
	int c, ret;

	while ((c = next_option(argc, argv, "n:hj", options)) != -1) {
		if (c != 'n')
			return USAGE;
		count = is_number(optarg) ? strtoul(optarg, NULL, 10) : 0;
		if (!count)
			return usage_error("--count takes a number, 1 or more");
	}
	if (argc - optind > 1)
		return usage_error("watch takes one device, or none for all");
	ret = optind < argc ? parse_device(argv[optind], bdf) : DONE;
	if (ret)
		return ret;
	if (!is_root("watch"))
		return FAILED;
	if (optind < argc)
		check_driver(bdf);
	return watch(optind < argc ? bdf : NULL, count);
}
