// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct list {
	bool all;
	char (*wanted)[BDF_LEN];
	int nr_wanted;
	struct uses uses;
	json_t *devices;
	bool no_debugfs;
	int debugfs_error;
};

static bool is_wanted(const struct list *list, const char *bdf,
		      const char *driver)
{
	int i;

	if (!list->wanted)
		return list->all || strstr(driver, "vfio");
	for (i = 0; i < list->nr_wanted; i++)
		if (!strcmp(list->wanted[i], bdf))
			return true;
	return false;
}

/* The processes whose uses pass the filter, each once. */
static json_t *processes_json(const struct uses *uses, use_filter filter,
			      const void *arg)
{
	json_t *processes = json_array();
	size_t i;

	for (i = 0; i < uses->nr; i++) {
		if (!uses_first(uses, i, filter, arg))
			continue;
		json_array_append_new(processes,
				      json_pack("{s:i, s:o}",
						"pid", uses->use[i].pid, "comm",
						json_text(uses->use[i].comm)));
	}
	return processes;
}

static void print_processes(const struct uses *uses, const char *text,
			    use_filter filter, const void *arg)
{
	bool any = false;
	size_t i;

	for (i = 0; i < uses->nr; i++) {
		if (!uses_first(uses, i, filter, arg))
			continue;
		print("%s%s (%d)", any ? ", " : text, uses->use[i].comm,
		      uses->use[i].pid);
		any = true;
	}
	if (any)
		print("\n");
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

static json_t *bars_json(const struct bar bars[NR_BARS])
{
	json_t *array = json_array();
	int i;

	for (i = 0; i < NR_BARS; i++) {
		if (!bars[i].size)
			continue;
		json_array_append_new(array,
				      json_pack("{s:i, s:I, s:b, s:b, s:b}",
						"index", i, "size",
						(json_int_t)bars[i].size,
						"io", bars[i].io,
						"prefetchable",
						bars[i].prefetchable,
						"64bit", bars[i].wide));
	}
	return array;
}

static void print_bars(const struct bar bars[NR_BARS])
{
	char size[32];
	int i;

	for (i = 0; i < NR_BARS; i++)
		if (bars[i].size)
			print("  BAR %d: %s%s%s\n", i,
			      size_text(bars[i].size, size),
			      bars[i].io ? " I/O" :
			      bars[i].wide ? " 64-bit" : " 32-bit",
			      bars[i].prefetchable ? " prefetchable" : "");
}

static json_t *buffer_json(const struct list *list, const struct buffer *b)
{
	return json_pack("{s:I, s:s, s:i, s:I, s:I, s:s, s:s, s:i, s:i, s:i, s:o, s:o, s:o}",
			 "inode", (json_int_t)b->ino, "kind", b->kind,
			 "bar", b->bar, "size", (json_int_t)b->size,
			 "ranges", (json_int_t)b->ranges,
			 "memattr", b->memattr, "state", b->state,
			 "vmas", b->vmas, "attachments", b->attachments,
			 "mappings", b->mappings, "name", json_text(b->name),
			 "holders",
			 processes_json(&list->uses, holds_buffer, b),
			 "mappers", processes_json(&list->uses, maps_buffer, b));
}

static void print_buffer(const struct list *list, const struct buffer *b)
{
	char size[32];

	print("  buffer %lu: %s of BAR %u, %s in %llu range%s, %s, %s, %d VMAs, %d attachments, %d mapped, \"%s\"\n",
	      b->ino, b->kind, b->bar, size_text(b->size, size),
	      (unsigned long long)b->ranges, b->ranges == 1 ? "" : "s",
	      b->memattr, b->state, b->vmas, b->attachments, b->mappings,
	      b->name);
	print_processes(&list->uses, "    open in ", holds_buffer, b);
	print_processes(&list->uses, "    mapped by ", maps_buffer, b);
}

/* Of our driver's devices; in JSON there is nothing where they cannot be read. */
static void show_buffers(struct list *list, const char *bdf, json_t *device)
{
	json_t *array = device ? json_array() : NULL;
	struct buffer *buffers;
	size_t nr, i;
	int ret;

	ret = buffers_read(bdf, &buffers, &nr);
	if (ret) {
		list->no_debugfs = true;
		list->debugfs_error = -ret;
		json_decref(array);
		return;
	}
	for (i = 0; i < nr; i++)
		if (device)
			json_array_append_new(array,
					      buffer_json(list, &buffers[i]));
		else
			print_buffer(list, &buffers[i]);
	free(buffers);
	if (device)
		json_object_set_new(device, "buffers", array);
}

struct device {
	const char *bdf;
	char driver[NAME_LEN];
	struct device_key key;
	struct bar bars[NR_BARS];
	struct pci_names names;
};

static json_t *id_json(unsigned int id)
{
	char text[8];

	snprintf(text, sizeof(text), "%04x", id & 0xffff);
	return json_string(text);
}

static json_t *device_json(const struct list *list, const struct device *dev)
{
	json_t *object = json_pack("{s:s, s:o, s:o, s:o}", "bdf", dev->bdf,
				   "driver", json_text(dev->driver),
				   "vendor_id", id_json(dev->names.vendor_id),
				   "device_id", id_json(dev->names.device_id));

	if (dev->names.vendor[0])
		json_object_set_new(object, "vendor",
				    json_text(dev->names.vendor));
	if (dev->names.device[0])
		json_object_set_new(object, "device",
				    json_text(dev->names.device));
	if (dev->key.group >= 0)
		json_object_set_new(object, "group",
				    json_integer(dev->key.group));
	json_object_set_new(object, "users",
			    processes_json(&list->uses, uses_device,
					   &dev->key));
	json_object_set_new(object, "bars", bars_json(dev->bars));
	return object;
}

/* As lspci -nn: "1b36:0010", or "Red Hat, Inc. QEMU NVM Express [1b36:0010]" */
static void print_names(const struct pci_names *names)
{
	if (names->vendor[0])
		print("  %s%s%s [%04x:%04x]\n", names->vendor,
		      names->device[0] ? " " : "", names->device,
		      names->vendor_id, names->device_id);
	else
		print("  %04x:%04x\n", names->vendor_id, names->device_id);
}

static void print_device(const struct list *list, const struct device *dev)
{
	print("%s  %s", dev->bdf, dev->driver[0] ? dev->driver : "no driver");
	if (dev->key.group >= 0)
		print("  group %d", dev->key.group);
	print_names(&dev->names);
	print_processes(&list->uses, "  in use by ", uses_device, &dev->key);
	print_bars(dev->bars);
}

static int show_device(const char *bdf, void *arg)
{
	struct device dev = { .bdf = bdf, .key = { bdf, pci_group(bdf) } };
	struct list *list = arg;
	json_t *object = NULL;

	pci_driver(bdf, dev.driver);
	if (!is_wanted(list, bdf, dev.driver))
		return 0;
	pci_bars(bdf, dev.bars);
	pci_names(bdf, &dev.names);
	if (json)
		object = device_json(list, &dev);
	else
		print_device(list, &dev);
	if (is_ours(dev.driver))
		show_buffers(list, bdf, object);
	if (json)
		json_array_append_new(list->devices, object);
	return 0;
}

/* Those that are there; the rest are failures, but no reason to show nothing. */
static int find_wanted(struct list *list, char **texts, int nr)
{
	int i, one, ret = DONE;

	if (!nr)
		return DONE;
	list->wanted = calloc(nr, BDF_LEN);
	if (!list->wanted)
		return fail("out of memory");
	for (i = 0; i < nr; i++) {
		one = parse_device(texts[i], list->wanted[list->nr_wanted]);
		if (!one)
			list->nr_wanted++;
		else if (!ret)
			ret = one;
	}
	return ret;
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

static int show_list(struct list *list)
{
	int ret;

	ret = uses_read(&list->uses);
	if (ret)
		return fail("cannot read /proc: %s", strerror(-ret));
	if (json)
		list->devices = json_array();
	ret = pci_each(show_device, list);
	pci_names_end();
	if (json && json_print(list->devices))
		ret = FAILED;
	show_gaps(list);
	uses_free(&list->uses);
	return ret;
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};
	struct list list = { .all = false };
	int c, ret, wanted;

	while ((c = next_option(argc, argv, "ahj", options)) != -1) {
		if (c != 'a')
			return USAGE;
		list.all = true;
	}
	wanted = find_wanted(&list, argv + optind, argc - optind);
	ret = show_list(&list);
	free(list.wanted);
	return wanted ? wanted : ret;
}
