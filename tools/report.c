// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lines of "vfio-dmabuf check".
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static const char * const words[NR_VERDICTS] = { "ok", "warning", "problem" };

static void add_json(struct report *r, const char *check, enum verdict verdict,
		     const char *remedy, const char *text)
{
	json_t *line = json_pack("{s:s, s:s, s:o}", "check", check, "verdict",
				 words[verdict], "text", json_text(text));

	if (r->bdf)
		json_object_set_new(line, "device", json_string(r->bdf));
	if (remedy)
		json_object_set_new(line, "remedy", json_text(remedy));
	json_array_append_new(r->lines, line);
}

void report(struct report *r, const char *check, enum verdict verdict,
	    const char *remedy, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		r->nr[PROBLEM]++;
		fail("out of memory");
		return;
	}
	r->nr[verdict]++;
	if (r->lines)
		add_json(r, check, verdict, remedy, text);
	else
		print("%-8s%s%s%s: %s%s%s\n", words[verdict],
		      r->bdf ? r->bdf : "", r->bdf ? " " : "", check, text,
		      remedy ? "; " : "", remedy ? remedy : "");
	free(text);
}
