// SPDX-License-Identifier: GPL-2.0-only
/* The VF token is checked apart from the name. */
#include <linux/vfio_pci_core.h>

struct vfio_device_ops probe = {
	.match_token_uuid = vfio_pci_core_match_token_uuid,
};
