// SPDX-License-Identifier: GPL-2.0-only
/* Leaves a child behind, in its session and in a process group of its own. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	pid_t child = fork();

	if (child < 0)
		return 1;
	if (!child) {
		for (;;)
			pause();
	}
	if (setpgid(child, child))
		return 1;
	printf("TAP version 13\n1..1\nok 1 first\n");
	return 0;
}
