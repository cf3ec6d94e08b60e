// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the running kernel was built with. Its configuration tells where a
 * distribution installs that; the names of its functions tell most of it
 * everywhere.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/* All of it, with a newline before the first line; NULL if it is empty. */
static char *read_all(FILE *f)
{
	char buf[65536], *text = NULL;
	size_t n, size = 0;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fputc('\n', out);
	while ((n = fread(buf, 1, sizeof(buf), f)))
		fwrite(buf, 1, n, out);
	fclose(out);
	if (size > 1)
		return text;
	free(text);
	return NULL;
}

static char *read_file(const char *path)
{
	char full[PATH_MAX], *text;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", sys_root, path);
	f = fopen(full, "re");
	if (!f)
		return NULL;
	text = read_all(f);
	fclose(f);
	return text;
}

static char *read_zipped(const char *path)
{
	char command[PATH_MAX], *text;
	FILE *f;

	snprintf(command, sizeof(command), "%s%s", sys_root, path);
	if (access(command, R_OK))
		return NULL;
	snprintf(command, sizeof(command), "zcat '%s%s' 2>/dev/null", sys_root,
		 path);
	fflush(stdout);
	f = popen(command, "re");
	if (!f)
		return NULL;
	text = read_all(f);
	pclose(f);
	return text;
}

static char *read_config(const char *release)
{
	static const char * const places[] = {
		"/boot/config-%s", "/lib/modules/%s/config",
		"/usr/lib/modules/%s/config", "/lib/modules/%s/build/.config",
	};
	char path[PATH_MAX], *text;
	size_t i;

	text = read_zipped("/proc/config.gz");
	for (i = 0; i < ARRAY_SIZE(places) && !text; i++) {
		snprintf(path, sizeof(path), places[i], release);
		text = read_file(path);
	}
	return text;
}

/* The third column alone: addresses and modules are of no interest. */
static char *read_symbols(void)
{
	char path[PATH_MAX], line[512], name[256], *text = NULL;
	size_t size = 0;
	FILE *in, *out;

	snprintf(path, sizeof(path), "%s/proc/kallsyms", sys_root);
	in = fopen(path, "re");
	if (!in)
		return NULL;
	out = open_memstream(&text, &size);
	if (out)
		fputc('\n', out);
	while (out && fgets(line, sizeof(line), in))
		if (sscanf(line, "%*s %*s %255s", name) == 1)
			fprintf(out, "%s\n", name);
	if (out)
		fclose(out);
	fclose(in);
	if (size > 1)
		return text;
	free(text);
	return NULL;
}

static char *read_list(const char *release, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/lib/modules/%s/%s", release, file);
	return read_file(path);
}

void kernel_read(struct kernel *k)
{
	memset(k, 0, sizeof(*k));
	if (read_text(k->release, sizeof(k->release),
		      "/proc/sys/kernel/osrelease"))
		return;
	k->config = read_config(k->release);
	/* Slow to make for the kernel, and needed without the other alone. */
	if (!k->config)
		k->symbols = read_symbols();
	k->modules = read_list(k->release, "modules.dep");
	k->builtin = read_list(k->release, "modules.builtin");
}

void kernel_free(struct kernel *k)
{
	free(k->config);
	free(k->symbols);
	free(k->modules);
	free(k->builtin);
}

enum presence kernel_option(const struct kernel *k, const char *option)
{
	char line[NAME_LEN];
	const char *found;

	if (!k->config)
		return PRESENCE_UNKNOWN;
	snprintf(line, sizeof(line), "\nCONFIG_%s=", option);
	found = strstr(k->config, line);
	if (!found)
		return ABSENT;
	return found[strlen(line)] == 'm' ? AS_MODULE : BUILT_IN;
}

/* "kernel/drivers/vfio/vfio.ko.xz: ...": also with "_" for "-". */
static bool lists(const char *list, const char *name)
{
	size_t len = strlen(name), i;
	const char *at = list;

	while (at && (at = strchr(at, '/'))) {
		at++;
		for (i = 0; i < len; i++)
			if (at[i] != name[i] &&
			    !(at[i] == '_' && name[i] == '-'))
				break;
		if (i == len && !strncmp(at + len, ".ko", 3))
			return true;
	}
	return false;
}

bool kernel_lists_module(const struct kernel *k, const char *name)
{
	return lists(k->modules, name);
}

enum presence kernel_has(const struct kernel *k, const char *option,
			 const char *symbol, const char *module)
{
	char line[NAME_LEN];

	if (k->config)
		return kernel_option(k, option);
	if (!k->symbols)
		return PRESENCE_UNKNOWN;
	snprintf(line, sizeof(line), "\n%s\n", symbol);
	if (strstr(k->symbols, line))
		return module && !lists(k->builtin, module) ? AS_MODULE :
							       BUILT_IN;
	/* A module that is not loaded shows no functions. */
	return module && lists(k->modules, module) ? PRESENCE_UNKNOWN : ABSENT;
}
