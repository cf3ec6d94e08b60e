// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.7 */
#include <linux/string.h>

static void *probe(const void __user *src)
{
	return memdup_array_user(src, 2, 2);
}
