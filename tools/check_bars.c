// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BARs of a device: what of them can be exported, by which page-table
 * entries, and who claims them.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum claim {
	CLAIM_UNKNOWN,		/* the kernel shows addresses to root only */
	CLAIM_NONE,
	CLAIM_SOMEONE,
};

/* Lines are indented below what they are part of. */
static enum claim find_claim(const char *bdf, uint64_t bar_start, char *who,
			     size_t size)
{
	char path[PATH_MAX], line[256], name[NAME_LEN];
	uint64_t start, end;
	size_t depth, inside = 0;
	enum claim claim = CLAIM_UNKNOWN;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/iomem", sys_root);
	f = fopen(path, "re");
	if (!f)
		return CLAIM_UNKNOWN;
	while (claim != CLAIM_SOMEONE && fgets(line, sizeof(line), f)) {
		depth = strspn(line, " ");
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %63[^\n]", &start,
			   &end, name) != 3)
			continue;
		if (claim == CLAIM_NONE) {
			if (depth <= inside)
				break;
			snprintf(who, size, "%s", name);
			claim = CLAIM_SOMEONE;
		} else if (start && start == bar_start && !strcmp(name, bdf)) {
			claim = CLAIM_NONE;
			inside = depth;
		}
	}
	fclose(f);
	return claim;
}

/* Whether a naturally aligned block of that size is in the BAR. */
static bool has_block(const struct bar *bar, uint64_t size)
{
	uint64_t first = (bar->start + size - 1) & ~(size - 1);

	return first >= bar->start && first - bar->start <= bar->size &&
	       bar->size - (first - bar->start) >= size;
}

/* With entries of 8 bytes: a table has one page, and so has each level. */
static void entry_sizes(const struct kernel *k, const struct bar *bar,
			char *text, size_t size)
{
	uint64_t page = sysconf(_SC_PAGESIZE), step = page / 8;
	uint64_t entry[] = { page, page * step, page * step * step };
	size_t used = 0, i;
	char one[32];

	text[0] = '\0';
	for (i = 0; i < (k->huge_entries ? ARRAY_SIZE(entry) : 1); i++)
		if (used < size && has_block(bar, entry[i]))
			used += snprintf(text + used, size - used, "%s%s",
					 used ? ", " : "",
					 size_text(entry[i], one));
}

/* Why no page of it can be exported, or NULL. */
static const char *obstacle(const struct bar *bar, const char **remedy)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	*remedy = "use another BAR";
	if (bar->io)
		return "I/O space cannot be mapped";
	if (bar->unset) {
		*remedy = "boot with pci=realloc, or turn \"above 4G decoding\" on in the firmware";
		return "it has no address";
	}
	if (bar->size < page)
		return "it is smaller than a page";
	if (bar->start % page)
		return "it does not begin at a page";
	return NULL;
}

static bool is_foreign(const char *bdf, const char *who)
{
	char driver[NAME_LEN];

	pci_driver(bdf, driver);
	/* Another driver's claim goes with it. */
	return !strstr(who, "vfio") && (!driver[0] || strstr(driver, "vfio"));
}

static void check_bar(struct report *r, const struct kernel *k,
		      const char *bdf, unsigned int nr, const struct bar *bar)
{
	char check[16], size[32], entries[64], who[NAME_LEN] = "nobody";
	const char *why, *remedy;
	enum claim claim;

	snprintf(check, sizeof(check), "bar%u", nr);
	size_text(bar->size, size);
	why = obstacle(bar, &remedy);
	if (why) {
		report(r, check, WARNING, remedy,
		       "%s, not exportable: %s", size, why);
		return;
	}
	claim = find_claim(bdf, bar->start, who, sizeof(who));
	if (claim == CLAIM_SOMEONE && is_foreign(bdf, who)) {
		report(r, check, PROBLEM,
		       "find out what that is; for a boot frame buffer, boot with video=efifb:off",
		       "%s, not exportable: claimed by %s", size, who);
		return;
	}
	entry_sizes(k, bar, entries, sizeof(entries));
	report(r, check, FIT, NULL,
	       "%s at 0x%llx, exportable by entries of %s, %sprefetchable, claimed by %s",
	       size, (unsigned long long)bar->start, entries,
	       bar->prefetchable ? "" : "not ",
	       claim == CLAIM_UNKNOWN ? "whom root can see" : who);
}

void check_bars(struct report *r, const struct kernel *k, const char *bdf)
{
	struct bar bars[NR_BARS];
	unsigned int i, nr = 0;

	pci_bars(bdf, bars);
	for (i = 0; i < NR_BARS; i++) {
		if (!bars[i].size)
			continue;
		check_bar(r, k, bdf, i, &bars[i]);
		nr++;
	}
	if (!nr)
		report(r, "bars", PROBLEM, "name another device",
		       "it has no BARs");
}
