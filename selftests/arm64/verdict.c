// SPDX-License-Identifier: GPL-2.0-only
/*
 * End the virtual machine with a verdict: semihosting's SYS_EXIT has QEMU exit
 * with a status of the guest's choice. These are the ones that isa-debug-exit
 * makes of vm/guest/verdict.c.
 */
#include <string.h>

#include <linux/types.h>

#define SYS_EXIT			0x18
#define ADP_STOPPED_APPLICATION_EXIT	0x20026
#define VERDICT_PASS			33
#define VERDICT_FAIL			35

int main(int argc, char **argv)
{
	int pass = argc == 2 && !strcmp(argv[1], "pass");
	const __u64 block[2] = {
		ADP_STOPPED_APPLICATION_EXIT,
		pass ? VERDICT_PASS : VERDICT_FAIL,
	};
	register __u64 operation asm("x0") = SYS_EXIT;
	register const __u64 *parameters asm("x1") = block;

	/* Where QEMU does not take the call this is an illegal instruction. */
	asm volatile("hlt #0xf000"
		     : "+r" (operation) : "r" (parameters) : "memory");
	return 1;
}
