// SPDX-License-Identifier: GPL-2.0-only
/* Where this does not compile, the other probes cannot tell anything. */
#include <linux/mm.h>
#include <linux/module.h>
