// SPDX-License-Identifier: GPL-2.0-only
/*
 * The figures as text, NC and WC side by side, and as JSON. The head tells the
 * machine's kind and no name or serial number of it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

struct head {
	char cpu[128];
	char machine[128];
	struct utsname kernel;
	char driver[NAME_LEN];
	struct pci_names names;
};

/* arm64's kernel has no name for it, but the register that tells what it is. */
static void read_cpu_id(char *text, size_t size)
{
	char id[32];

	if (read_text(id, sizeof(id),
		      "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1"))
		snprintf(text, size, "unknown processor");
	else
		snprintf(text, size, "MIDR %s", id);
}

static void read_cpu(char *text, size_t size)
{
	char info[4096], *name;

	if (read_text(info, sizeof(info), "/proc/cpuinfo"))
		info[0] = '\0';
	name = strstr(info, "\nmodel name");
	name = name ? strstr(name, ": ") : NULL;
	if (!name) {
		read_cpu_id(text, size);
		return;
	}
	name[strcspn(name, "\n")] = '\0';
	snprintf(text, size, "%s", name + 2);
}

/* As the firmware tells it by DMI or by a device tree. */
static void read_machine(char *text, size_t size)
{
	if (read_text(text, size, "/sys/class/dmi/id/product_name") &&
	    read_text(text, size, "/sys/firmware/devicetree/base/model"))
		snprintf(text, size, "unknown machine");
}

static void read_head(const struct bench *b, struct head *h)
{
	memset(h, 0, sizeof(*h));
	read_cpu(h->cpu, sizeof(h->cpu));
	read_machine(h->machine, sizeof(h->machine));
	uname(&h->kernel);
	pci_driver(b->bdf, h->driver);
	pci_names(b->bdf, &h->names);
	pci_names_end();
}

static void print_head(const struct bench *b)
{
	char size[32], page[32];
	struct head h;

	read_head(b, &h);
	print("machine  %s, %s, %u processors\n", h.machine, h.cpu, b->nr_cpus);
	print("kernel   %s %s %s, pages of %s\n", h.kernel.sysname,
	      h.kernel.release, h.kernel.machine, size_text(b->page, page));
	print("device   %s %s [%04x:%04x], %s\n", b->bdf, h.names.device,
	      h.names.vendor_id, h.names.device_id, h.driver);
	print("range    BAR %u, 0x%llx+%s, %s\n", b->bar,
	      (unsigned long long)b->range.offset,
	      size_text(b->range.length, size),
	      !b->write ? "loads only" : b->restore ? "loads and stores, restored" :
						      "loads and stores");
	print("\n");
}

static bool is_same_row(const struct result *x, const struct result *y)
{
	return !strcmp(x->what, y->what) && x->access == y->access &&
	       x->size == y->size && x->threads == y->threads;
}

/* The same with another attribute, or NULL. */
static const struct result *find_peer(const struct bench *b, size_t nr,
				      const char *attr)
{
	size_t i;

	for (i = 0; i < b->nr_results; i++)
		if (b->results[i].attr && !strcmp(b->results[i].attr, attr) &&
		    is_same_row(&b->results[i], &b->results[nr]))
			return &b->results[i];
	return NULL;
}

static void figure_text(const struct result *r, char text[64])
{
	if (r)
		snprintf(text, 64, "%.4g [%.4g %.4g]", r->s.median, r->s.q1,
			 r->s.q3);
	else
		snprintf(text, 64, "-");
}

static void print_row(const struct bench *b, size_t i)
{
	const struct result *r = &b->results[i];
	const struct result *nc = r->attr ? find_peer(b, i, "NC") : r;
	const struct result *wc = r->attr ? find_peer(b, i, "WC") : NULL;
	char size[32], left[64], right[64];

	figure_text(nc, left);
	figure_text(wc, right);
	print("%-24s %6s %-11s %7u  %-5s %-26s %s\n", r->what,
	      size_text(r->size, size), r->access ? r->access->name : "-",
	      r->threads, r->unit, left, right);
}

void bench_print(const struct bench *b)
{
	const struct result *nc;
	size_t i;

	print_head(b);
	print("%-24s %6s %-11s %7s  %-5s %-26s %s\n", "what", "size", "access",
	      "threads", "unit", "NC: median [quartiles]", "WC");
	for (i = 0; i < b->nr_results; i++) {
		nc = b->results[i].attr ? find_peer(b, i, "NC") : NULL;
		if (!nc || nc == &b->results[i])
			print_row(b, i);
		if (b->results[i].has_reads_back && !b->results[i].reads_back)
			note("what %s stored (%s) does not read back",
			     b->results[i].access->name, b->results[i].attr);
	}
}

static json_t *result_json(const struct result *r)
{
	json_t *value = json_pack("{s:s, s:s, s:I, s:i, s:f, s:f, s:f, s:i}",
				  "what", r->what, "unit", r->unit,
				  "size", (json_int_t)r->size,
				  "threads", r->threads,
				  "median", r->s.median, "q1", r->s.q1,
				  "q3", r->s.q3, "samples", (int)r->s.nr);
	char hash[32];

	if (r->attr)
		json_object_set_new(value, "memattr", json_string(r->attr));
	if (r->access) {
		json_object_set_new(value, "access",
				    json_string(r->access->name));
		json_object_set_new(value, "width",
				    json_integer(r->access->width));
	}
	if (r->has_hash) {
		snprintf(hash, sizeof(hash), "%016llx",
			 (unsigned long long)r->hash);
		json_object_set_new(value, "hash", json_string(hash));
	}
	if (r->has_reads_back)
		json_object_set_new(value, "reads_back",
				    json_boolean(r->reads_back));
	return value;
}

int bench_print_json(const struct bench *b)
{
	json_t *results = json_array();
	struct head h;
	size_t i;

	read_head(b, &h);
	for (i = 0; i < b->nr_results; i++)
		json_array_append_new(results, result_json(&b->results[i]));
	return json_print(json_pack("{s:o, s:o, s:s, s:i, s:I, s:s, s:s, s:i, s:I, s:I, s:b, s:o}",
				    "machine", json_text(h.machine),
				    "processor", json_text(h.cpu),
				    "kernel", h.kernel.release,
				    "processors", b->nr_cpus,
				    "page", (json_int_t)b->page,
				    "device", b->bdf, "driver", h.driver,
				    "bar", b->bar,
				    "offset", (json_int_t)b->range.offset,
				    "length", (json_int_t)b->range.length,
				    "write", b->write, "results", results));
}
