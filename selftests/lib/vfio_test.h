/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers shared by the tests of vfio-pci-dmabuf-mmap.
 *
 * Unless said otherwise a function returns 0 (or a file descriptor) on success
 * and -errno on failure. Set-up helpers print which call on which path failed;
 * the calls under test (export, revoke, memattr) do not, since tests provoke
 * their errors.
 */
#ifndef _SELFTESTS_VFIO_TEST_H
#define _SELFTESTS_VFIO_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_dmabuf_mmap.h>

#include "../modules/vpdm_test_pt.h"

/*
 * For vt_bind() and vt_open(): ours, whatever its name is here, and the kernel's, which
 * is not there where vt_has_stock() says so.
 */
#define VT_DRIVER	"vfio-pci-dmabuf-mmap"
#define VT_STOCK	"vfio-pci"
/* Its folder in debugfs, and its trace events. */
#define VT_MODULE	"vfio_pci_dmabuf_mmap"

#define VT_KIB(n)	((size_t)(n) << 10)
#define VT_MIB(n)	((size_t)(n) << 20)
#define VT_GIB(n)	((size_t)(n) << 30)

/* Of the kernel that runs; set before main(). What one entry of each level maps. */
extern size_t vt_page_size;
#define VT_PAGE		vt_page_size
#define VT_PMD		(VT_PAGE / 8 * VT_PAGE)
#define VT_PUD		(VT_PAGE / 8 * VT_PMD)
/* BAR 2 of vm/devices' ivshmem devices, but for the one that is called BIG. */
#define VT_BAR		(32 * VT_PMD)

/* What a fault fills with small entries, by the default of fault_around_kb. */
#define VT_AROUND	VT_MIB(2)

#define VT_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Says on stderr, as a TAP comment, what went wrong in a helper. */
void vt_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The kernel's log, from now on; then whether @text comes in it. */
int vt_kmsg_open(void);
bool vt_kmsg_has(int fd, const char *text);

/* sysfs.c: small text files, and drivers of PCI devices */

int vt_read_text(const char *path, char *buf, size_t size);
int vt_write_text(const char *path, const char *text);
/* The same without a word on stderr, for errors that a test expects. */
int vt_try_write_text(const char *path, const char *text);
long long vt_read_number(const char *path);

/*
 * BDF of a test device by its name without the VPDM_DEV_ prefix. A machine
 * without it is a broken set-up, so this ends the test.
 */
const char *vt_bdf(const char *name);
bool vt_has_device(const char *name);

/* A file of a device in sysfs. */
int vt_device_write(const char *bdf, const char *file, const char *text);
/* The last part of where a link of a device leads: -ENOENT if there is none. */
int vt_device_link(const char *bdf, const char *link, char *buf, size_t size);
int vt_driver_of(const char *bdf, char *buf, size_t size);
int vt_bind(const char *bdf, const char *driver);
int vt_unbind(const char *bdf);
/* SR-IOV: how many VFs a PF has, and the address of one, or -ENOENT. */
int vt_set_vfs(const char *pf, unsigned int nr);
int vt_vf_bdf(const char *pf, unsigned int vf, char *buf, size_t size);
/* Whether its VFs' BAR 0 is less than a page; it has no VFs when this is asked. */
bool vt_vf_bar_is_small(const char *pf);
#define VT_NO_VFS \
	"a VF's BAR is less than a page, and the kernel offers no VFs then"
/* Blocks, as the kernel does, until the device has no user. */
int vt_sysfs_reset(const char *bdf);

/* module.c: the driver as a module */

/* Whether the driver is built as vfio-pci; its names then, and otherwise. */
bool vt_is_dropin(void);
/* Whether the kernel's own is there to compare with; if not, why a test is skipped. */
bool vt_has_stock(void);
#define VT_NO_STOCK	"the kernel's own vfio-pci is not loaded beside this driver"
const char *vt_driver(void);
const char *vt_module(void);
/* Whether its file has @entry, "NAME=VALUE", among what modinfo shows. */
bool vt_module_says(const char *entry);
int vt_module_load(const char *params);
int vt_module_unload(void);
/* Others than the driver. */
int vt_module_load_file(const char *file, const char *params);
int vt_module_unload_named(const char *name);
bool vt_module_loaded(void);
int vt_module_refs(void);
int vt_param_get(const char *name, char *buf, size_t size);
int vt_param_set(const char *name, const char *value);

/* device.c: a VFIO device, through group and container, or cdev and iommufd */

struct vt_device {
	char bdf[16];
	int fd;
	int group;
	int container;
	int iommufd;
	__u32 ioas;
	bool sibling;
	const unsigned char *token;
};

#define VT_DEVICE_INIT	{ .fd = -1, .group = -1, .container = -1, .iommufd = -1 }

/*
 * Binds the device to @driver where another one has it, then opens it. With NULL it
 * stays with the driver that it has.
 */
int vt_open(struct vt_device *d, const char *bdf, const char *driver);
/* A VF whose PF is in use: @token is the PF's, VT_TOKEN_SIZE bytes, or NULL. */
#define VT_TOKEN_SIZE	16
int vt_open_vf(struct vt_device *d, const char *bdf, const char *driver,
	       const unsigned char *token);
/* Opens another device of the same group; close it before @peer. */
int vt_open_sibling(struct vt_device *d, const struct vt_device *peer,
		    const char *bdf);
void vt_close(struct vt_device *d);
/* Closes the device fd alone; group and container stay open. */
void vt_close_fd(struct vt_device *d);

int vt_region(const struct vt_device *d, unsigned int index,
	      struct vfio_region_info *info);
/* 0 where there is no such BAR. */
__u64 vt_bar_size(const struct vt_device *d, unsigned int bar);

int vt_config_read(const struct vt_device *d, unsigned int off, void *buf,
		   size_t size);
int vt_config_write(const struct vt_device *d, unsigned int off,
		    const void *buf, size_t size);
int vt_memory(const struct vt_device *d, bool on);
/* Offset of a capability in config space, or -ENOENT. */
int vt_find_cap(const struct vt_device *d, unsigned int id);
/* 0 for D0, 3 for D3hot; -ENOENT without a power management capability. */
int vt_power_state(const struct vt_device *d, unsigned int state);
/* An eventfd that an interrupt of the device signals, VFIO_PCI_*_IRQ_INDEX. */
int vt_eventfd(const struct vt_device *d, __u32 index);
int vt_reset(const struct vt_device *d);
bool vt_can_reset(const struct vt_device *d);
/* Resets the bus that @d is on; @d must hold every group of the set. */
int vt_hot_reset(const struct vt_device *d);

int vt_dma_map(const struct vt_device *d, void *addr, size_t size, __u64 iova);
int vt_dma_unmap(const struct vt_device *d, size_t size, __u64 iova);

/* dmabuf.c: the calls under test */

/* data may be NULL; flags has the feature number and GET, SET, PROBE. */
int vt_feature(int device_fd, __u32 flags, void *data, size_t size);
/* VFIO_DEVICE_FEATURE with an argsz of the caller's choice. */
int vt_feature_argsz(int device_fd, __u32 argsz, __u32 flags, void *data,
		     size_t size);
bool vt_probe(int device_fd, __u32 feature, __u32 op);
/* Whether the device's driver exports DMABUFs, as feature 11. */
bool vt_exports(int device_fd);

/*
 * Opens a device whose DMABUFs are vfio-pci-core's: with stock, and where that is not
 * there with ours, set to give these until vt_close_plain().
 */
int vt_open_plain(struct vt_device *d, const char *bdf);
void vt_close_plain(struct vt_device *d);

/*
 * Whether stock vfio-pci exports DMABUFs. Where it does not, vfio-pci-core has
 * none that importers could be attached to. Asks device B, which is stock's
 * afterwards; nobody may have it open.
 */
bool vt_stock_exports(void);

/* Functions of vfio-pci-core, which some kernels have. */
enum vt_kernel_function { VT_HUGE_FAULT, VT_CORE_DMABUF };

bool vt_kernel_has(enum vt_kernel_function function);
/* Whether vfio-pci-core of this kernel maps BARs by entries of 2 MiB and more. */
bool vt_has_huge_entries(void);
/* The level of the largest entries that exports get on this kernel, @level at most. */
enum vpdm_pt_level vt_export_level(enum vpdm_pt_level level);
#define VT_NO_HUGE_ENTRIES \
	"vfio-pci-core of this kernel maps BARs by entries of a page"
#define VT_NO_ROOM \
	"no device of the machine has a BAR as large as such an entry"
#define VT_NO_IMPORTERS \
	"vfio-pci-core of this kernel makes no DMABUFs to attach importers to"

int vt_export(int device_fd, unsigned int bar, __u32 open_flags,
	      const struct vfio_region_dma_range *ranges, __u32 nr);
int vt_export_one(int device_fd, unsigned int bar, __u64 offset, __u64 length);
int vt_revoke(int device_fd, int dmabuf_fd);
int vt_revoke_ioctl(int device_fd, int dmabuf_fd);
int vt_memattr_set(int device_fd, int dmabuf_fd, __u32 attr);
/* The attribute, or -errno. */
int vt_memattr_get(int device_fd, int dmabuf_fd);

/* map.c: mappings */

/*
 * A shared mapping at an address that is @skew bytes past a multiple of @align
 * (0: wherever the kernel likes). NULL with errno set when mmap() fails.
 */
void *vt_map(int fd, size_t size, int prot, off_t offset, size_t align,
	     size_t skew);
/* vt_map() readable and writable from offset 0, no alignment. */
void *vt_map_rw(int fd, size_t size);
/* A BAR through the device fd. */
void *vt_map_bar(const struct vt_device *d, unsigned int bar, size_t offset,
		 size_t size);
/* errno of an mmap() that is expected to fail, 0 if it succeeds. */
int vt_map_errno(int fd, size_t size, int prot, int flags, off_t offset);

/* Writes @base + page number into the first 8 bytes of every page. */
void vt_stamp(void *map, size_t size, __u64 base);
/* Reads one byte of every page. */
void vt_touch(const void *map, size_t size);

/* access.c: accesses that may fault; thread-safe */

/* 0, or the signal (SIGBUS, SIGSEGV) that the access raised. */
int vt_peek(const volatile void *addr, __u64 *value);
int vt_poke(volatile void *addr, __u64 value);
static inline bool try_read64(const volatile void *addr, __u64 *value)
{
	return vt_peek(addr, value) == 0;
}

/* faults.c: how often the calling thread faulted */

long vt_faults(void);
/* Faults that touching every page of the mapping takes. */
long vt_touch_faults(const void *map, size_t size);
/* Faults that touching the pages at these byte offsets takes. */
long vt_touch_offsets(const void *map, const size_t *offsets, size_t nr);

/* pagetable.c: what the page tables of the caller hold */

/*
 * The cache modes that the memory attributes are in an entry, and what
 * vmf_insert_pfn() makes of a WC vm_page_prot.
 */
#ifdef __aarch64__
#define VT_CACHE_NC	VPDM_PT_DEVICE
#define VT_CACHE_WC	VPDM_PT_NORMAL_NC
#define VT_CACHE_PLAIN	VT_CACHE_WC
#else
#define VT_CACHE_NC	VPDM_PT_UC_MINUS
#define VT_CACHE_WC	VPDM_PT_WC
#define VT_CACHE_PLAIN	VT_CACHE_NC
#endif

/* @addr must lie in a mapping of a DMABUF or BAR. */
struct vpdm_pt_lookup vt_pte(const volatile void *addr);
struct vpdm_pt_count vt_ptes(const volatile void *addr, size_t len);
/* Bytes that have a page-table entry. */
size_t vt_present(const volatile void *addr, size_t len);
/* First PFN of a BAR, 0 where there is none. */
__u64 vt_bar_pfn(const char *bdf, unsigned int bar);
/* A file whose mmap() is dma_buf_mmap() of the DMABUF. */
int vt_mmap_importer(int dmabuf);

/* ranges.c: a mapping of a whole buffer against its ranges */

size_t vt_ranges_size(const struct vfio_region_dma_range *ranges, size_t nr);
/* The BAR was stamped with @base by vt_stamp(). */
bool vt_values_are(const void *map, const struct vfio_region_dma_range *ranges,
		   size_t nr, __u64 base);
/* Every page has been touched; @base is the first PFN of the BAR. */
bool vt_pfns_are(const void *map, const struct vfio_region_dma_range *ranges,
		 size_t nr, __u64 base);

/* procmaps.c: what /proc says of the mapping that starts at @addr */

/* The line of smaps that begins with @key. */
int vt_smaps_line(const void *addr, const char *key, char *buf, size_t size);
int vt_maps_entry(const void *addr, unsigned long *offset, char *path,
		  size_t size);

/* fdpass.c: fds over a Unix socket */

int vt_send_fd(int sock, int fd);
int vt_recv_fd(int sock);

/* command.c: the exit status of a shell command, and both outputs in @out */

int vt_run(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* host.c */

/* What only the machine's host can do, see selftests/vm/README. */
bool vt_ask_host(const char *command);
/* For what only the version tells, such as how the kernel shows a mapping. */
bool vt_kernel_before(unsigned int major, unsigned int minor);

/* time.c */

__u64 vt_now_ns(void);
void vt_sleep_ms(unsigned int ms);
/*
 * How long to wait for what must happen: half of the time that the program has
 * (VPDM_LIMIT, in seconds, from run-tests). No test has a limit of its own, which a
 * slow machine would meet.
 */
int vt_patience_ms(void);
/* Whether the condition, which is asked time and again, comes true. */
#define vt_wait_for(condition)						\
({									\
	__u64 vt_end = vt_now_ns() + vt_patience_ms() * 1000000ULL;	\
	bool vt_true;							\
									\
	while (!(vt_true = (condition)) && vt_now_ns() < vt_end)	\
		vt_sleep_ms(5);						\
	vt_true;							\
})
bool vt_child_ends(pid_t child, int *status);
/*
 * @rounds, divided by what VPDM_SLOW has: how many times slower than others this
 * kernel is.
 */
unsigned int vt_rounds(unsigned int rounds);
bool vt_is_slow(void);

/* random.c: xorshift64*, the same numbers in every run */

__u64 vt_random(__u64 *state);

/* memstat.c: what the kernel has allocated */

/*
 * Unreclaimable slab (large kmalloc included) plus vmalloc, in bytes, after waiting
 * for what is freed late (RCU, work queues).
 */
long long vt_kernel_bytes(void);
/*
 * The slab caches with the number of their live objects, after the same wait; NULL
 * where they cannot tell: of few rounds, as slow kernels make, and without
 * /proc/slabinfo.
 */
struct vt_slabs;
struct vt_slabs *vt_slabs_read(void);
/*
 * Frees @before. Whether a cache has an object more by now for every other one of
 * @rounds. Never if @before is NULL.
 */
bool vt_slabs_leak(struct vt_slabs *before, unsigned int rounds);

#endif
