// SPDX-License-Identifier: GPL-2.0-only
/*
 * All text that the tool prints. Names of processes, buffers and mount points
 * are others', who may have put escape sequences for the terminal into them.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tool.h"

/*
 * The length of the character at @text if the terminal just shows it, else 0.
 * What has no width is invisible, or acts on its neighbours.
 */
static size_t visible(const char *text)
{
	mbstate_t state = { };
	wchar_t c;
	size_t n = mbrtowc(&c, text, strnlen(text, MB_LEN_MAX), &state);

	return n <= MB_LEN_MAX && *text != '\\' && wcwidth(c) > 0 ? n : 0;
}

static void put(FILE *f, const char *text)
{
	size_t n;

	for (; *text; text += n) {
		n = visible(text);
		if (n) {
			fwrite(text, 1, n, f);
			continue;
		}
		fprintf(f, *text == '\\' ? "\\\\" : "\\x%02x",
			(unsigned char)*text);
		n = 1;
	}
}

static void put_line(FILE *f, const char *fmt, va_list ap)
{
	size_t end = strlen(fmt);
	char *text;

	if (vasprintf(&text, fmt, ap) < 0) {
		fputs("out of memory\n", f);
		return;
	}
	/* No other newline is ours. */
	if (end && fmt[end - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	put(f, text);
	free(text);
	if (end && fmt[end - 1] == '\n')
		fputc('\n', f);
}

/*
 * printf(), for at most one line. Bytes that would do something to the terminal
 * are written as \xHH, and a backslash as two.
 */
void print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(stdout, fmt, ap);
	va_end(ap);
}

static void complain(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs(PROGRAM ": ", stderr);
	put_line(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return FAILED;
}

int usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	fputs("Try: " PROGRAM " --help\n", stderr);
	return USAGE;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
}

/* What could not be written may have been what the caller waits for. */
int flushed(int status)
{
	errno = 0;
	if (status != DONE || (!fflush(stdout) && !ferror(stdout)))
		return status;
	return fail("cannot write the output%s%s", errno ? ": " : "",
		    errno ? strerror(errno) : "");
}
