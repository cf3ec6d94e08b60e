// SPDX-License-Identifier: GPL-2.0-only
#ifdef __x86_64__

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guest.h"
#include "vfio_test.h"

/* What the guest can do: %edi is the address, %eax the value. */
enum guest_entry { GUEST_WRITES, GUEST_READS = 3, GUEST_SPINS = 6 };

static const unsigned char guest_code[] = {
	[GUEST_WRITES] = 0x89, 0x07,		/* mov %eax, (%edi) */
	0xf4,					/* hlt */
	[GUEST_READS] = 0x8b, 0x07,		/* mov (%edi), %eax */
	0xf4,					/* hlt */
	[GUEST_SPINS] = 0x40,			/* inc %eax */
	0x89, 0x07,				/* mov %eax, (%edi) */
	0xeb, 0xfb,				/* jmp to inc */
};

int guest_set_slot(struct guest *g, enum guest_slot id, __u32 flags,
		   void *memory, size_t size)
{
	struct kvm_userspace_memory_region r = {
		.slot = id,
		.guest_phys_addr = id == GUEST_BUFFER ? GUEST_GPA : 0,
		.userspace_addr = (size_t)memory,
	};

	/* What the slot shows cannot be changed while it is there. */
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &r) && errno != EINVAL)
		return -errno;
	r.flags = flags;
	r.memory_size = size;
	return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

/* Protected mode, flat segments, no page tables: an address is physical. */
static int guest_set_mode(struct guest *g)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = 3,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_sregs s;

	if (ioctl(g->cpu, KVM_GET_SREGS, &s))
		return -errno;
	s.cr0 = 0x11;
	s.ds = data;
	s.es = data;
	s.ss = data;
	s.cs = data;
	s.cs.selector = 8;
	s.cs.type = 11;
	return ioctl(g->cpu, KVM_SET_SREGS, &s) ? -errno : 0;
}

int guest_create(struct guest *g)
{
	void *code;
	int size;

	g->vm = ioctl(g->kvm, KVM_CREATE_VM, 0);
	if (g->vm < 0)
		return -errno;
	g->cpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	if (g->cpu < 0)
		return -errno;
	size = ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	g->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, g->cpu, 0);
	code = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->run == MAP_FAILED || code == MAP_FAILED)
		return -errno;
	memcpy(code, guest_code, sizeof(guest_code));
	return guest_set_slot(g, GUEST_CODE, 0, code, VT_PAGE) ?:
	       guest_set_mode(g);
}

/* As every user of KVM: a signal, such as that of a child's end, means go on. */
static int guest_run(struct guest *g)
{
	int ret;

	do {
		ret = ioctl(g->cpu, KVM_RUN, 0);
	} while (ret && errno == EINTR && !g->run->immediate_exit);
	return ret;
}

/* KVM_EXIT_HLT when done, another KVM_EXIT_* when KVM has a question, -errno. */
static int guest_call(struct guest *g, enum guest_entry entry, size_t offset,
		      __u32 *value)
{
	struct kvm_regs regs = {
		.rip = entry,
		.rdi = GUEST_GPA + offset,
		.rax = *value,
		.rflags = 2,
	};

	if (ioctl(g->cpu, KVM_SET_REGS, &regs) || guest_run(g) ||
	    ioctl(g->cpu, KVM_GET_REGS, &regs))
		return -errno;
	*value = regs.rax;
	return g->run->exit_reason;
}

int guest_writes(struct guest *g, size_t offset, __u32 value)
{
	return guest_call(g, GUEST_WRITES, offset, &value);
}

int guest_reads(struct guest *g, size_t offset, __u32 value)
{
	__u32 found = ~value;
	int ret = guest_call(g, GUEST_READS, offset, &found);

	return ret == KVM_EXIT_HLT && found != value ? KVM_EXIT_UNKNOWN : ret;
}

static void *spin(void *arg)
{
	return (void *)(long)guest_call(arg, GUEST_SPINS, 0, &(__u32){ 0 });
}

static void ignore(int sig)
{
	(void)sig;
}

bool guest_has_ended(struct guest *g)
{
	void *end;

	if (g->runs && !pthread_tryjoin_np(g->thread, &end)) {
		g->runs = false;
		g->end = (long)end;
	}
	return !g->runs;
}

bool guest_goes_on(struct guest *g, volatile __u32 *bar)
{
	__u32 value = *bar;

	while (*bar == value) {
		if (guest_has_ended(g)) {
			vt_log("the guest has ended: %d", g->end);
			return false;
		}
		sched_yield();
	}
	return true;
}

bool guest_starts(struct guest *g, volatile __u32 *bar)
{
	*bar = 0;
	g->runs = !pthread_create(&g->thread, NULL, spin, g);
	return g->runs && guest_goes_on(g, bar);
}

int guest_ends(struct guest *g, volatile __u32 *bar)
{
	__u32 value = *bar;

	while (!guest_has_ended(g)) {
		if (*bar != value)
			return 0;
		sched_yield();
	}
	return *bar == value ? g->end : 0;
}

int guest_stops(struct guest *g)
{
	signal(SIGUSR1, ignore);
	g->run->immediate_exit = 1;
	pthread_kill(g->thread, SIGUSR1);
	while (!guest_has_ended(g))
		sched_yield();
	g->run->immediate_exit = 0;
	return g->end;
}

#endif /* __x86_64__ */
