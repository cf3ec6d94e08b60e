// SPDX-License-Identifier: GPL-2.0-only
/* How vfio-pci-core makes page-table entries go; the driver has to do it, too. */
#if !defined(VPDM_HAVE_VMA_LIST) && !defined(VPDM_HAVE_DEVICE_INODE)
#error how the vfio-pci-core of this kernel zaps mappings is not known
#endif
