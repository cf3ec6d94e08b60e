// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "tool.h"

static bool comma;

static void quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void lead(const char *key)
{
	if (comma)
		putchar(',');
	comma = true;
	if (key) {
		quoted(key);
		putchar(':');
	}
}

void json_open(const char *key, char bracket)
{
	lead(key);
	putchar(bracket);
	comma = false;
}

void json_close(char bracket)
{
	putchar(bracket);
	comma = true;
}

void json_string(const char *key, const char *value)
{
	lead(key);
	quoted(value);
}

void json_number(const char *key, uint64_t value)
{
	lead(key);
	printf("%llu", (unsigned long long)value);
}

void json_bool(const char *key, bool value)
{
	lead(key);
	fputs(value ? "true" : "false", stdout);
}

/* The end of a document: one on each line. */
void json_end(void)
{
	putchar('\n');
	fflush(stdout);
	comma = false;
}
