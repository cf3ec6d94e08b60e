// SPDX-License-Identifier: GPL-2.0-only
/* Symbol namespaces were names, not strings, before Linux 6.13. */
#include <linux/module.h>

MODULE_IMPORT_NS(PROBE);
