// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an iovec to merged slices: the lines of /proc/self/maps, the errors, and
 * random iovecs over random mappings against a walk page by page.
 *
 *	lib_resolve_test [CASES [SEED]]
 */
#include <string.h>

#include "lib/context.c"
#include "lib/map.c"
#include "lib/procmaps.c"
#include "lib/resolve.c"
#include "tap.h"

void vfio_dmabuf_close(struct vfio_dmabuf_device *dev)
{
	(void)dev;
}

int vfio_dmabuf_del_memfd(struct vfio_dmabuf_ctx *ctx, int memfd)
{
	(void)ctx;
	(void)memfd;
	return 0;
}

#define PAGE		0x1000UL
#define MAX_PAGES	64
#define MAX_IOV		12

static struct vfio_dmabuf_ctx *ctx;

static const char maps_text[] =
"00400000-00401000 r-xp 00000000 08:01 131 /bin/a name with spaces\n"
"7f0000000000-7f0000002000 rw-s 20000001000 00:0c 3      /dmabuf:vfio0:0000:00:01.0/2\n"
"7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \n"
"7f0000004000-7f0000005000 r--s 10000000000 00:10 77     anon_inode:[vfio-device]\n"
"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n";

static int parse(const char *text, struct vd_maps *maps)
{
	return vd_maps_parse(strdup(text), maps);
}

static void test_maps(void)
{
	const struct vd_vma *vma;
	struct vd_maps maps;

	ok(!parse(maps_text, &maps) && maps.nr == 5, "five lines");
	vma = vd_maps_find(&maps, 0x7f0000001fff);
	ok(vma == &maps.vma[1] && vma->offset == 0x20000001000 &&
	   vma->shared && vma->st_ino == 3 && minor(vma->st_dev) == 0xc &&
	   !strcmp(vma->name, "/dmabuf:vfio0:0000:00:01.0/2") &&
	   vd_vma_is_vfio(vma), "a BAR mapping, by its last byte");
	ok(vd_maps_find(&maps, 0x7f0000002000) == &maps.vma[2] &&
	   !maps.vma[2].shared && !maps.vma[2].name[0] &&
	   !vd_vma_is_vfio(&maps.vma[2]), "anonymous memory has no name");
	ok(vd_vma_is_vfio(&maps.vma[3]), "stock vfio-pci's mapping");
	ok(!vd_maps_find(&maps, 0x7f0000003000) &&
	   !vd_maps_find(&maps, 0) && !vd_maps_find(&maps, UINTPTR_MAX),
	   "nothing in a hole, before the first and after the last");
	vd_maps_free(&maps);
	ok(parse("7f0000000000-7f00 rw-s\n", &maps) == -EINVAL,
	   "a line that is not one: EINVAL");
	ok(!vd_maps_read(&maps) &&
	   vd_maps_find(&maps, (uintptr_t)&maps) && maps.nr > 5,
	   "the test's own maps have its stack");
	vd_maps_free(&maps);
}

/* What a page holds: an object (0 for none) and a page of that object. */
struct page {
	unsigned int key;
	unsigned int index;
};

static struct page memory[MAX_PAGES];
static size_t nr_pages;
static const char keys[4];

/* Runs on for as long as the pages continue each other. */
static int lookup(struct vfio_dmabuf_ctx *c, const struct vd_maps *maps,
		  uintptr_t addr, size_t length, struct vd_slice *slice)
{
	size_t i = addr / PAGE, run;

	(void)maps;
	if (i >= nr_pages || !memory[i].key) {
		vd_error(c, 0, "nothing at 0x%lx", (unsigned long)addr);
		return VFIO_DMABUF_WRONG_MEMORY;
	}
	for (run = 1; run < length / PAGE && i + run < nr_pages; run++)
		if (memory[i + run].key != memory[i].key ||
		    memory[i + run].index != memory[i].index + run)
			break;
	slice->key = &keys[memory[i].key];
	slice->offset = memory[i].index * PAGE;
	slice->length = run * PAGE < length ? run * PAGE : length;
	return 0;
}

static int resolve(const struct iovec *iov, unsigned int cnt,
		   struct vd_slices *slices)
{
	ctx->error[0] = '\0';
	return vd_resolve(ctx, NULL, lookup, iov, cnt, slices);
}

static struct iovec entry(size_t page, size_t pages)
{
	return (struct iovec){ (void *)(page * PAGE), pages * PAGE };
}

static bool wrong(void *base, size_t len)
{
	struct iovec iov[2] = { entry(0, 1), { base, len } };
	struct vd_slices slices;

	return resolve(iov, 2, &slices) == VFIO_DMABUF_WRONG_MEMORY &&
	       ctx->error[0];
}

static void test_errors(void)
{
	struct vd_slices slices;
	struct iovec iov = entry(0, 1);

	nr_pages = 4;
	memory[0] = (struct page){ 1, 0 };
	memory[1] = (struct page){ 1, 1 };
	memory[2] = (struct page){ 0, 0 };
	memory[3] = (struct page){ 1, 2 };
	ok(resolve(&iov, 0, &slices) == VFIO_DMABUF_WRONG_MEMORY,
	   "no entries: wrong memory");
	ok(wrong((void *)PAGE, 0), "an empty entry: wrong memory");
	ok(wrong((void *)(PAGE + 8), PAGE), "an odd address: wrong memory");
	ok(wrong((void *)0, PAGE + 8), "an odd length: wrong memory");
	ok(wrong((void *)-PAGE, 2 * PAGE), "a wrap-around: wrong memory");
	ok(wrong((void *)-PAGE, PAGE), "up to the last byte: wrong memory");
	ok(wrong((void *)PAGE, 2 * PAGE), "runs into a hole: wrong memory");
}

static uint64_t state;

static size_t below(size_t limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1dULL >> 32) % limit;
}

static void random_memory(void)
{
	size_t i;

	nr_pages = 1 + below(MAX_PAGES);
	for (i = 0; i < nr_pages; i++) {
		if (i && below(4)) {
			memory[i] = memory[i - 1];
			memory[i].index++;
			continue;
		}
		memory[i].key = below(8) ? 1 + below(3) : 0;
		memory[i].index = below(16);
	}
}

/* Page by page, without a thought of merging. */
static size_t walk(const struct iovec *iov, unsigned int cnt,
		   struct page *pages)
{
	size_t nr = 0, first, i;
	unsigned int e;

	for (e = 0; e < cnt; e++) {
		first = (uintptr_t)iov[e].iov_base / PAGE;
		for (i = first; i < first + iov[e].iov_len / PAGE; i++) {
			if (i >= nr_pages || !memory[i].key)
				return 0;
			pages[nr++] = memory[i];
		}
	}
	return nr;
}

static bool agrees(const struct vd_slices *slices, const struct page *pages,
		   size_t nr)
{
	const struct vd_slice *s;
	size_t at = 0, i, k;

	for (i = 0; i < slices->nr; i++) {
		s = &slices->slice[i];
		for (k = 0; k < s->length / PAGE; k++, at++)
			if (at >= nr || s->key != &keys[pages[at].key] ||
			    s->offset / PAGE + k != pages[at].index)
				return false;
		/* Merged wherever it could be. */
		if (i && s[-1].key == s->key &&
		    s[-1].offset + s[-1].length == s->offset)
			return false;
	}
	return at == nr;
}

static bool random_case(void)
{
	struct page pages[MAX_IOV * MAX_PAGES];
	unsigned int cnt = 1 + below(MAX_IOV), i;
	struct iovec iov[MAX_IOV];
	struct vd_slices slices;
	size_t nr, first, room;
	bool good;
	int ret;

	random_memory();
	for (i = 0; i < cnt; i++) {
		first = below(nr_pages);
		room = below(8) ? nr_pages - first : MAX_PAGES;
		iov[i] = entry(first, 1 + below(room));
	}
	nr = walk(iov, cnt, pages);
	ret = resolve(iov, cnt, &slices);
	if (!nr)
		return ret == VFIO_DMABUF_WRONG_MEMORY;
	if (ret)
		return false;
	good = agrees(&slices, pages, nr);
	free(slices.slice);
	return good;
}

int main(int argc, char **argv)
{
	unsigned long cases = 200000;
	unsigned long i, good = 0;

	if (argc > 1)
		cases = strtoul(argv[1], NULL, 0);
	state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	ctx = vfio_dmabuf_new();
	plan(15);
	test_maps();
	test_errors();
	for (i = 0; i < cases; i++) {
		if (random_case())
			good++;
		else
			printf("# case %lu disagrees\n", i);
	}
	ok(good == cases, "random iovecs against a walk page by page");
	vfio_dmabuf_free(ctx);
	return finish();
}
