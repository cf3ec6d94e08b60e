// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tool makes of names that others chose: in text nothing that acts on a
 * terminal, in JSON nothing but valid UTF-8; and how it reads what the kernel
 * wrote. The names of devices come from libpci.
 */
#include <locale.h>

#include "lib/bdf.c"
#include "tools/text.c"
#include "tools/print.c"
#include "tools/json.c"
#include "tools/names.c"
#include "tools/pci.c"
#include "tools/buffers.c"
#include "tools/module.c"
#include "tools/watch.c"
#include "main.h"
#include "tap.h"

/* What put_line() writes. */
static bool shows(const char *want, const char *fmt, ...)
{
	char *text;
	va_list ap;
	size_t n;
	bool same;
	FILE *f;

	f = open_memstream(&text, &n);
	va_start(ap, fmt);
	put_line(f, fmt, ap);
	va_end(ap);
	fclose(f);
	same = !strcmp(text, want);
	if (!same)
		printf("# \"%s\", not \"%s\"\n", text, want);
	free(text);
	return same;
}

static void test_text(void)
{
	ok(shows("a name \"caf\u00e9 \u4e2d\"\n", "a name \"%s\"\n",
		 "caf\u00e9 \u4e2d"), "what is harmless is itself");
	ok(shows("\\x1b]0;x\\x07\\x0d\\x0a\\x7f", "%s", "\x1b]0;x\a\r\n\x7f"),
	   "escape sequences and newlines");
	ok(shows("\\x9b\\xff\\xe4\\xb8", "%s", "\x9b\xff\xe4\xb8"),
	   "bytes that are no characters");
	/* CSI as a character; what writes from right to left; what is not seen */
	ok(shows("\\xc2\\x9b\\xe2\\x80\\xae\\xe2\\x80\\x8b", "%s",
		 "\xc2\x9b\u202e\u200b"), "characters that act");
	ok(shows("\\\\x1b", "%s", "\\x1b"), "nothing else looks like an escape");
	ok(shows("x\\x0a\n", "%s\n", "x\n"), "the newline of a name, and ours");
	setlocale(LC_CTYPE, "C");
	ok(shows("caf\\xc3\\xa9", "%s", "caf\u00e9"),
	   "a terminal without UTF-8");
	setlocale(LC_CTYPE, "C.UTF-8");
}

static bool is_json(const char *name, const char *want)
{
	json_t *value = json_text(name);
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	bool same = text && !strcmp(text, want);

	if (!same)
		printf("# %s, not %s\n", text, want);
	free(text);
	json_decref(value);
	return same;
}

static void test_json(void)
{
	ok(is_json("a\"\\b", "\"a\\\"\\\\b\""), "JSON's own characters");
	ok(is_json("\x1b[m\u00e9\U0001f600", "\"\\u001B[m\\u00E9\\uD83D\\uDE00\""),
	   "others are escaped");
	ok(is_json("a\xff/b", "\"a\\uFFFD/b\""), "a byte that is not of UTF-8");
	ok(is_json("caf\xc3", "\"caf\\uFFFD\""), "a character that was cut");
	ok(is_json("\xff\u4e2d", "\"\\uFFFD\\u4E2D\""),
	   "a long one beside it");
	ok(is_json("\xed\xa0\x80", "\"\\uFFFD\\uFFFD\\uFFFD\""), "a surrogate");
	ok(is_json("\xc0\x80", "\"\\uFFFD\\uFFFD\""), "an overlong NUL");
	ok(is_json("", "\"\""), "nothing");
}

#define LINE	"77 export 2 8192 1 NC live 1 0 0 "

static bool is_named(const char *in_list, const char *name)
{
	char line[512];
	struct buffer b;

	snprintf(line, sizeof(line), LINE "%s\n", in_list);
	if (!parse(line, &b))
		return false;
	if (strcmp(b.name, name))
		printf("# \"%s\", not \"%s\"\n", b.name, name);
	return !strcmp(b.name, name);
}

static void test_buffers(void)
{
	ok(is_named("two words", "two words") && is_named("", "") &&
	   is_named(" x", " x"), "the name of a buffer");
	ok(is_named("a\\012b\\134n", "a\nb\\n"), "with the driver's escapes");
	ok(is_named("\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012"
		    "\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012"
		    "\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012",
		    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"),
	   "of which the longest name can be made");
}

static bool is_event(const char *text, const char *task, int pid)
{
	char line[256];
	struct event e;

	snprintf(line, sizeof(line), "%s", text);
	return split(line, &e) && !strcmp(e.task, task) && e.pid == pid &&
	       !strcmp(e.time, "12.345678") && !strcmp(e.name, "export") &&
	       !strcmp(e.device, "10000:e1:00.0") &&
	       !strncmp(e.fields, "ino=3 bar=2", 11);
}

#define EVENT	" [000] .....    12.345678: vpdm_export: 10000:e1:00.0 ino=3 bar=2 size=4096 ranges=1"

static void test_events(void)
{
	char lost[] = "CPU:0 [LOST 17 EVENTS]";
	char other[] = "            vend+253    " EVENT;
	struct event e;

	ok(is_event("            vend-253    " EVENT, "vend", 253), "an event");
	ok(is_event("  x-1 [000] . 1.-253    " EVENT, "x-1 [000] . 1.", 253) &&
	   is_event("    : vpdm_zap: -253    " EVENT, ": vpdm_zap: ", 253),
	   "of a task whose name looks like one");
	ok(!split(lost, &e) && !split(other, &e), "what is none");
}

static bool are_names(unsigned int vendor_id, unsigned int device_id,
		      const char *vendor, const char *device)
{
	struct pci_names names = { vendor_id, device_id, "?", "?" };

	pci_names_find(&names);
	if (!strcmp(names.vendor, vendor) && !strcmp(names.device, device))
		return true;
	printf("# \"%s\" \"%s\"\n", names.vendor, names.device);
	return false;
}

static void test_names(void)
{
	ok(are_names(0x8086, 0x10c9, "Intel Corporation",
		     "82576 Gigabit Network Connection"), "as lspci says");
	ok(are_names(0x8086, 0xfffe, "Intel Corporation", "") &&
	   are_names(0xffe0, 0x10c9, "", ""), "what is in no list has no name");
	pci_names_end();
	open_ids();
	pci_set_name_list_path(ids, "/nowhere/pci.ids", 0);
	ok(are_names(0x8086, 0x10c9, "", ""), "nor has anything without a list");
	pci_names_end();
}

static bool is_path_of(const char *path, const char *want)
{
	char bdf[BDF_LEN];

	bdf_of_path(path, bdf);
	return !strcmp(bdf, want);
}

static void test_paths(void)
{
	ok(is_path_of("/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0",
		      "0000:01:00.0") &&
	   is_path_of("../../devices/pci10000:e0/10000:e1:00.0/vfio-dev/vfio0",
		      "10000:e1:00.0") &&
	   is_path_of("/sys/devices/virtual/vfio/5", "") &&
	   is_path_of("/sys/0000:01:00.00/0000:01:20.0", "") &&
	   is_path_of("", ""), "the device of a path");
}

int main(void)
{
	/* The root in which it runs has this locale without a file. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		bail_out("no UTF-8 here");
	plan(25);
	test_text();
	test_json();
	test_buffers();
	test_events();
	test_names();
	test_paths();
	return finish();
}
