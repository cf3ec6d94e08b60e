// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON, by jansson.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* The length of the UTF-8 character at @text, or 0. */
static size_t character(const char *text)
{
	size_t n, left = strnlen(text, 4);
	json_t *one;

	for (n = 1; n <= left; n++) {
		one = json_stringn(text, n);
		json_decref(one);
		if (one)
			return n;
	}
	return 0;
}

/* A string; each byte that is not of UTF-8 becomes U+FFFD. */
json_t *json_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	json_t *value = json_string(text);
	char *valid;
	size_t n;
	FILE *f;

	if (value)
		return value;
	f = open_memstream(&valid, &n);
	if (!f)
		return NULL;
	while (*text) {
		n = character(text);
		fwrite(n ? text : replacement, 1, n ? n : 3, f);
		text += n ? n : 1;
	}
	fclose(f);
	value = json_string(valid);
	free(valid);
	return value;
}

/*
 * One document on a line, and the end of @value. ASCII: what a terminal takes
 * for more than a character is escaped.
 */
int json_print(json_t *value)
{
	int ret = json_dumpf(value, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(value);
	putchar('\n');
	if (ret && !ferror(stdout))
		return fail("out of memory");
	return flushed(DONE);
}
