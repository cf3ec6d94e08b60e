/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of KVM's, an x86 without page tables, which reads and writes one piece of
 * its user's memory. What ends a call is KVM_EXIT_HLT when it is done, another
 * KVM_EXIT_* when KVM has a question, or -errno.
 */
#ifndef _SELFTESTS_GUEST_H
#define _SELFTESTS_GUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/kvm.h>

/* Where the guest has the memory: aligned for entries of every size. */
#define GUEST_GPA	VT_PUD

enum guest_slot { GUEST_CODE, GUEST_BUFFER };

struct guest {
	int kvm;
	int vm;
	int cpu;
	struct kvm_run *run;
	/* While it runs by itself, and what that ended with */
	pthread_t thread;
	bool runs;
	int end;
};

/* @kvm is open; the rest is made here. */
int guest_create(struct guest *g);
/* In the place of what the slot had. */
int guest_set_slot(struct guest *g, enum guest_slot id, __u32 flags,
		   void *memory, size_t size);

int guest_writes(struct guest *g, size_t offset, __u32 value);
/* KVM_EXIT_HLT if it reads @value, KVM_EXIT_UNKNOWN if another one. */
int guest_reads(struct guest *g, size_t offset, __u32 value);

/*
 * Has the guest write until it ends with an error. It has begun on return. @bar is
 * the same memory, mapped elsewhere.
 */
bool guest_starts(struct guest *g, volatile __u32 *bar);
bool guest_has_ended(struct guest *g);
/* Waits until the guest writes or has ended. Whether it has written. */
bool guest_goes_on(struct guest *g, volatile __u32 *bar);
/* Waits likewise. What it ended with; 0 if the guest has written. */
int guest_ends(struct guest *g, volatile __u32 *bar);
/* The same after a signal. */
int guest_stops(struct guest *g);

#endif
