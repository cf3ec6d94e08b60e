// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct list {
	bool all;
	char **wanted;
	int nr_wanted;
	struct uses uses;
	bool no_debugfs;
	int debugfs_error;
};

static bool is_wanted(const struct list *list, const char *bdf,
		      const char *driver)
{
	char wanted[BDF_LEN];
	int i;

	if (!list->nr_wanted)
		return list->all || strstr(driver, "vfio");
	for (i = 0; i < list->nr_wanted; i++)
		if (!parse_bdf(list->wanted[i], wanted) &&
		    !strcmp(wanted, bdf))
			return true;
	return false;
}

typedef bool (*use_filter)(const struct file_use *use, const void *arg);

static bool next_of_process(const struct uses *uses, size_t i,
			    use_filter filter, const void *arg)
{
	size_t k;

	if (!filter(&uses->use[i], arg))
		return false;
	for (k = 0; k < i; k++)
		if (uses->use[k].pid == uses->use[i].pid &&
		    filter(&uses->use[k], arg))
			return false;
	return true;
}

/* The processes whose uses pass the filter, each once. */
static void show_processes(const struct uses *uses, const char *key,
			   const char *text, use_filter filter, const void *arg)
{
	bool any = false;
	size_t i;

	if (json)
		json_open(key, '[');
	for (i = 0; i < uses->nr; i++) {
		if (!next_of_process(uses, i, filter, arg))
			continue;
		if (json) {
			json_open(NULL, '{');
			json_number("pid", uses->use[i].pid);
			json_string("comm", uses->use[i].comm);
			json_close('}');
		} else {
			printf("%s%s (%d)", any ? ", " : text,
			       uses->use[i].comm, uses->use[i].pid);
		}
		any = true;
	}
	if (json)
		json_close(']');
	else if (any)
		putchar('\n');
}

struct device_key {
	const char *bdf;
	int group;
};

static bool uses_device(const struct file_use *use, const void *arg)
{
	const struct device_key *key = arg;

	return use_is_of_device(use, key->bdf, key->group);
}

static bool holds_buffer(const struct file_use *use, const void *arg)
{
	const struct buffer *b = arg;

	return use->kind == FILE_DMABUF && use->ino == b->ino;
}

static bool maps_buffer(const struct file_use *use, const void *arg)
{
	const struct buffer *b = arg;

	return use->kind == FILE_MAPPING && use->ino == b->ino;
}

static void show_bars(const char *bdf)
{
	struct bar bars[NR_BARS];
	char size[32];
	int i;

	pci_bars(bdf, bars);
	if (json)
		json_open("bars", '[');
	for (i = 0; i < NR_BARS; i++) {
		if (!bars[i].size)
			continue;
		if (!json) {
			printf("  BAR %d: %s%s%s\n", i,
			       size_text(bars[i].size, size),
			       bars[i].io ? " I/O" :
			       bars[i].wide ? " 64-bit" : " 32-bit",
			       bars[i].prefetchable ? " prefetchable" : "");
			continue;
		}
		json_open(NULL, '{');
		json_number("index", i);
		json_number("size", bars[i].size);
		json_bool("io", bars[i].io);
		json_bool("prefetchable", bars[i].prefetchable);
		json_bool("64bit", bars[i].wide);
		json_close('}');
	}
	if (json)
		json_close(']');
}

static void show_buffer(const struct list *list, const struct buffer *b)
{
	char size[32];

	if (json) {
		json_open(NULL, '{');
		json_number("inode", b->ino);
		json_string("kind", b->kind);
		json_number("bar", b->bar);
		json_number("size", b->size);
		json_number("ranges", b->ranges);
		json_string("memattr", b->memattr);
		json_string("state", b->state);
		json_number("vmas", b->vmas);
		json_number("attachments", b->attachments);
		json_number("mappings", b->mappings);
		json_string("name", b->name);
	} else {
		printf("  buffer %lu: %s of BAR %u, %s in %llu range%s, %s, %s, %d VMAs, %d attachments, %d mapped, \"%s\"\n",
		       b->ino, b->kind, b->bar, size_text(b->size, size),
		       (unsigned long long)b->ranges,
		       b->ranges == 1 ? "" : "s", b->memattr, b->state,
		       b->vmas, b->attachments, b->mappings, b->name);
	}
	show_processes(&list->uses, "holders", "    open in ", holds_buffer, b);
	show_processes(&list->uses, "mappers", "    mapped by ", maps_buffer, b);
	if (json)
		json_close('}');
}

static void show_buffers(struct list *list, const char *bdf)
{
	struct buffer *buffers;
	size_t nr, i;
	int ret;

	ret = buffers_read(bdf, &buffers, &nr);
	if (ret) {
		list->no_debugfs = true;
		list->debugfs_error = -ret;
		return;
	}
	if (json)
		json_open("buffers", '[');
	for (i = 0; i < nr; i++)
		show_buffer(list, &buffers[i]);
	if (json)
		json_close(']');
	free(buffers);
}

static int show_device(const char *bdf, void *arg)
{
	struct device_key key = { bdf, pci_group(bdf) };
	struct list *list = arg;
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	if (!is_wanted(list, bdf, driver))
		return 0;
	if (json) {
		json_open(NULL, '{');
		json_string("bdf", bdf);
		json_string("driver", driver);
		if (key.group >= 0)
			json_number("group", key.group);
	} else {
		printf("%s  %s", bdf, driver[0] ? driver : "no driver");
		if (key.group >= 0)
			printf("  group %d", key.group);
		putchar('\n');
	}
	show_processes(&list->uses, "users", "  in use by ", uses_device, &key);
	show_bars(bdf);
	if (!strcmp(driver, OUR_DRIVER))
		show_buffers(list, bdf);
	if (json)
		json_close('}');
	return 0;
}

static int check_wanted(const struct list *list)
{
	char bdf[BDF_LEN];
	int i;

	for (i = 0; i < list->nr_wanted; i++) {
		if (parse_bdf(list->wanted[i], bdf))
			return usage_error("\"%s\" is not a PCI address",
					   list->wanted[i]);
		if (!pci_exists(bdf))
			return fail("there is no PCI device %s", bdf);
	}
	return 0;
}

/* What is not in the list, and would be for root. */
static void show_gaps(const struct list *list)
{
	if (list->no_debugfs && list->debugfs_error == ENOENT)
		note("buffers are not shown: debugfs is not mounted at /sys/kernel/debug");
	else if (list->no_debugfs)
		note("buffers are not shown: %s" OUR_DEBUGFS ": %s", sys_root,
		     strerror(list->debugfs_error));
	if (list->uses.partial)
		note("not every process could be looked into; run as root to see all users");
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ }
	};
	struct list list = { .all = false };
	int c, ret;

	while ((c = getopt_long(argc, argv, "aj", options, NULL)) != -1) {
		if (c == 'a')
			list.all = true;
		else if (c == 'j')
			json = true;
		else
			return USAGE;
	}
	list.wanted = argv + optind;
	list.nr_wanted = argc - optind;
	ret = check_wanted(&list);
	if (ret)
		return ret;
	ret = uses_read(&list.uses);
	if (ret)
		return fail("cannot read /proc: %s", strerror(-ret));
	if (json)
		json_open(NULL, '[');
	ret = pci_each(show_device, &list);
	if (json) {
		json_close(']');
		json_end();
	}
	show_gaps(&list);
	uses_free(&list.uses);
	return ret;
}
