// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel can do, by the functions of vfio-pci-core. A kernel takes a second to
 * list all that it has in an emulated machine, whose initramfs has a list for that
 * reason. Each test is a process of its own: they share the answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vfio_test.h"

static const char *const names[] = {
	[VT_HUGE_FAULT] = "vfio_pci_mmap_huge_fault",
	[VT_CORE_DMABUF] = "vfio_pci_core_feature_dma_buf",
};

/* Of nm, which writes lines as kallsyms has them */
#define LIST	"/vm/vfio-pci-core.symbols"

/* All kernels have it: a list without it is none. */
#define CORE	"vfio_pci_core_register_device"

struct answers {
	bool known;
	bool has[VT_ARRAY_SIZE(names)];
};

static struct answers *answers;

__attribute__((constructor)) static void share(void)
{
	answers = mmap(NULL, sizeof(*answers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED)
		abort();
}

static void ask(void)
{
	FILE *f = fopen(LIST, "re");
	char line[512], name[256];
	size_t i;

	if (!f)
		f = fopen("/proc/kallsyms", "re");
	if (!f)
		abort();
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, " vfio_pci_") ||
		    sscanf(line, "%*s %*s %255s", name) != 1)
			continue;
		answers->known |= !strcmp(name, CORE);
		for (i = 0; i < VT_ARRAY_SIZE(names); i++)
			answers->has[i] |= !strcmp(name, names[i]);
	}
	fclose(f);
	if (!answers->known)
		abort();
}

bool vt_kernel_has(enum vt_kernel_function function)
{
	if (!answers->known)
		ask();
	return answers->has[function];
}

bool vt_has_huge_entries(void)
{
	return vt_kernel_has(VT_HUGE_FAULT);
}

enum vpdm_pt_level vt_export_level(enum vpdm_pt_level level)
{
	if (!vt_has_huge_entries())
		return VPDM_PT_PTE;
	if (level == VPDM_PT_PUD && !vt_kernel_has(VT_CORE_DMABUF))
		return VPDM_PT_PMD;
	return level;
}
