// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_VFIO_PCI_CORE)
#error this kernel has no vfio-pci-core: enable CONFIG_VFIO_PCI
#endif
#if !IS_ENABLED(CONFIG_DMA_SHARED_BUFFER)
#error this kernel has no DMABUFs: enable CONFIG_DMA_SHARED_BUFFER
#endif
#ifndef CONFIG_MMU
#error this kernel has no MMU
#endif
#ifndef VPDM_HAVE_ALLOC_DEVICE
#error this kernel is too old: Linux 6.1 is needed
#endif
