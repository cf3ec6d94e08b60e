// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.10: __assign_str() has one argument, of a macro that is not expanded. */
#include <linux/stringify.h>
#include <linux/tracepoint.h>
#include <trace/stages/stage6_event_callback.h>

static const char probe[] = __stringify(__assign_str(device));
