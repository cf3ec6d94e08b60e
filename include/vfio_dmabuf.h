/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvfio-dmabuf: slices of a VFIO PCI device's BARs as DMABUFs
 *
 * A primary process opens a device, exports slices of a BAR and sends the file
 * descriptor; a subordinate receives and maps it. Functions return 0 or a value
 * that is documented, and a negative errno on failure; vfio_dmabuf_error() then
 * has a sentence that says what failed.
 *
 * A context, and the devices opened through it, may be used by one thread at a
 * time. The functions that take no context or device may be called at any time.
 */
#ifndef VFIO_DMABUF_H
#define VFIO_DMABUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfio_dmabuf_ctx;
struct vfio_dmabuf_device;

/* Memory attributes, with the kernel's numbers. */
#define VFIO_DMABUF_NC	0	/* uncached, as BAR mappings of vfio-pci are */
#define VFIO_DMABUF_WC	1	/* write-combining */

/* What vfio_dmabuf_features() says of a device, its driver and the kernel. */
#define VFIO_DMABUF_CAN_EXPORT	(1u << 0)
#define VFIO_DMABUF_CAN_REVOKE	(1u << 1)
#define VFIO_DMABUF_CAN_MEMATTR	(1u << 2)
#define VFIO_DMABUF_CAN_PLAIN	(1u << 3)

/* Flags of vfio_dmabuf_open(). */
#define VFIO_DMABUF_OPEN_GROUP	(1u << 0)	/* by group and container only */
#define VFIO_DMABUF_OPEN_CDEV	(1u << 1)	/* by cdev and iommufd only */

/* Flags of struct vfio_dmabuf_bar. */
#define VFIO_DMABUF_BAR_READ	(1u << 0)
#define VFIO_DMABUF_BAR_WRITE	(1u << 1)
#define VFIO_DMABUF_BAR_MMAP	(1u << 2)

/* Bytes of a DMABUF's name, with the terminating NUL. */
#define VFIO_DMABUF_NAME_LEN	32

/*
 * vfio_dmabuf_create_fd() and its like: the memory is not of the kind that the
 * function exports. In a VMM that is the guest's mistake; a negative value is
 * the host's.
 */
#define VFIO_DMABUF_WRONG_MEMORY	1

/**
 * struct vfio_dmabuf_range - a slice of a BAR
 * @offset: bytes from the start of the BAR, a multiple of the page size
 * @length: size in bytes, a multiple of the page size, not 0
 */
struct vfio_dmabuf_range {
	uint64_t offset;
	uint64_t length;
};

/**
 * struct vfio_dmabuf_bar - a BAR of an open device
 * @size: in bytes; 0 where the device has no such BAR
 * @flags: VFIO_DMABUF_BAR_READ, VFIO_DMABUF_BAR_WRITE, VFIO_DMABUF_BAR_MMAP
 */
struct vfio_dmabuf_bar {
	uint64_t size;
	uint32_t flags;
};

/**
 * struct vfio_dmabuf_info - what travels with the fd of a DMABUF
 * @size: in bytes
 * @phase: where byte 0 lies in its BAR, modulo 1 GiB. A mapping whose address
 *	agrees with it modulo the size of a huge page can use huge pages.
 * @memattr: VFIO_DMABUF_NC or VFIO_DMABUF_WC
 * @name: name of the DMABUF, may be empty
 */
struct vfio_dmabuf_info {
	uint64_t size;
	uint32_t phase;
	uint32_t memattr;
	char name[VFIO_DMABUF_NAME_LEN];
};

/**
 * vfio_dmabuf_new() - make a context
 *
 * Return: the context, or NULL when there is no memory.
 */
struct vfio_dmabuf_ctx *vfio_dmabuf_new(void);

/**
 * vfio_dmabuf_free() - end a context and close the devices opened through it
 * @ctx: the context, or NULL
 *
 * BAR mappings made by vfio_dmabuf_bar_map() stay, and keep their device open,
 * as those made by mmap() do. DMABUF fds stay the caller's.
 */
void vfio_dmabuf_free(struct vfio_dmabuf_ctx *ctx);

/**
 * vfio_dmabuf_error() - what the last failed call on this context says
 * @ctx: the context
 *
 * Return: a sentence without a newline, valid until the next call on @ctx.
 */
const char *vfio_dmabuf_error(const struct vfio_dmabuf_ctx *ctx);

/**
 * vfio_dmabuf_open() - open a PCI device by its address
 * @ctx: the context
 * @bdf: "0000:01:00.0", or "01:00.0" in domain 0, with all its digits; a domain
 *	may have up to eight
 * @flags: 0 to use the device's cdev and iommufd where both exist, else its
 *	group and a type1 container; or one VFIO_DMABUF_OPEN_* flag
 * @dev: the open device is stored here
 *
 * Through a cdev the device is bound to the context's iommufd and not attached
 * to any address space: its DMA reaches nothing.
 */
int vfio_dmabuf_open(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		     unsigned int flags, struct vfio_dmabuf_device **dev);

/**
 * vfio_dmabuf_open_token() - open a VF, or a PF that has VFs, with a VF token
 * @ctx: the context
 * @bdf: as for vfio_dmabuf_open()
 * @vf_token: a UUID, such as "14d63f20-8445-11ea-8900-1f9ce7d5650d", or NULL for
 *	none
 * @flags: as for vfio_dmabuf_open()
 * @dev: the open device is stored here
 *
 * A VF whose PF is bound to VFIO, too, opens with the token that the PF's user
 * has set, and with no other. A PF opens with any token while no VF of it is
 * open, which sets it; else with the one that is set.
 *
 * Through a cdev the kernel takes a token since 6.18.
 *
 * Return: as vfio_dmabuf_open(); -EACCES if another token, or one at all, is
 * needed; -EINVAL if @vf_token is no UUID, or the device takes none.
 */
int vfio_dmabuf_open_token(struct vfio_dmabuf_ctx *ctx, const char *bdf,
			   const char *vf_token, unsigned int flags,
			   struct vfio_dmabuf_device **dev);

/**
 * vfio_dmabuf_adopt() - use a VFIO device that the caller has opened
 * @ctx: the context
 * @bdf: its PCI address, as for vfio_dmabuf_open()
 * @device_fd: its VFIO device fd, which stays the caller's and must stay open
 *	until vfio_dmabuf_close()
 * @dev: the device is stored here
 */
int vfio_dmabuf_adopt(struct vfio_dmabuf_ctx *ctx, const char *bdf,
		      int device_fd, struct vfio_dmabuf_device **dev);

/**
 * vfio_dmabuf_close() - close a device
 * @dev: the device, or NULL
 *
 * If no fd and no BAR mapping keeps the device open elsewhere, all its DMABUFs
 * die with it. An adopted fd is left open.
 */
void vfio_dmabuf_close(struct vfio_dmabuf_device *dev);

/**
 * vfio_dmabuf_device_fd() - the VFIO device fd
 * @dev: the device
 *
 * Return: the fd, which stays the library's.
 */
int vfio_dmabuf_device_fd(const struct vfio_dmabuf_device *dev);

/**
 * vfio_dmabuf_iommu_fd() - the fd to map DMA through
 * @dev: the device
 *
 * Return: the fd of its VFIO container or of the iommufd, which stays the
 * library's; -ENOENT for an adopted device.
 */
int vfio_dmabuf_iommu_fd(const struct vfio_dmabuf_device *dev);

/**
 * vfio_dmabuf_features() - what can be done with the device's BARs
 * @dev: the device
 *
 * Return: a mask of VFIO_DMABUF_CAN_* bits.
 */
int vfio_dmabuf_features(struct vfio_dmabuf_device *dev);

/**
 * vfio_dmabuf_bar_info() - size and flags of a BAR
 * @dev: the device
 * @bar: 0 to 5
 * @info: filled in
 */
int vfio_dmabuf_bar_info(struct vfio_dmabuf_device *dev, unsigned int bar,
			 struct vfio_dmabuf_bar *info);

/**
 * vfio_dmabuf_bar_map() - map a slice of a BAR through the device itself
 * @dev: the device
 * @bar: 0 to 5
 * @offset: start of the slice in the BAR, a multiple of the page size
 * @length: its size in bytes, not 0
 * @prot: PROT_READ, PROT_WRITE
 * @addr: the address is stored here; huge-page aligned where that helps
 */
int vfio_dmabuf_bar_map(struct vfio_dmabuf_device *dev, unsigned int bar,
			uint64_t offset, size_t length, int prot, void **addr);

/**
 * vfio_dmabuf_bar_unmap() - undo vfio_dmabuf_bar_map()
 * @dev: the device
 * @addr: as returned
 */
int vfio_dmabuf_bar_unmap(struct vfio_dmabuf_device *dev, void *addr);

/**
 * vfio_dmabuf_export() - make a DMABUF of slices of a BAR
 * @dev: the device
 * @bar: 0 to 5
 * @ranges: the slices in the order in which the DMABUF shows them; they may
 *	overlap and repeat
 * @nr: how many
 * @open_flags: O_RDONLY or O_RDWR, and O_CLOEXEC
 *
 * Return: the fd, or a negative errno.
 */
int vfio_dmabuf_export(struct vfio_dmabuf_device *dev, unsigned int bar,
		       const struct vfio_dmabuf_range *ranges, uint32_t nr,
		       int open_flags);

/**
 * vfio_dmabuf_export_plain() - vfio_dmabuf_export(), vfio-pci-core's own DMABUF
 * @dev: the device
 * @bar: 0 to 5
 * @ranges: as above
 * @nr: as above
 * @open_flags: as above
 *
 * It cannot be mapped, nor revoked by itself. For importers that take no other.
 *
 * Return: the fd; -ENOTTY where the driver does not offer it.
 */
int vfio_dmabuf_export_plain(struct vfio_dmabuf_device *dev, unsigned int bar,
			     const struct vfio_dmabuf_range *ranges,
			     uint32_t nr, int open_flags);

/**
 * vfio_dmabuf_revoke() - end all access through one DMABUF, for good
 * @dev: the device that exported it
 * @dmabuf_fd: the DMABUF
 *
 * On return no mapping in any process and no importer reaches the device
 * through it.
 *
 * Return: 0; -EBADFD if it was revoked already; -ENODEV if it is not a DMABUF
 * of @dev; -ENOTTY where the driver cannot revoke one DMABUF.
 */
int vfio_dmabuf_revoke(struct vfio_dmabuf_device *dev, int dmabuf_fd);

/**
 * vfio_dmabuf_set_memattr() - memory attribute of mappings made from now on
 * @dev: the device that exported it
 * @dmabuf_fd: the DMABUF
 * @memattr: VFIO_DMABUF_NC or VFIO_DMABUF_WC
 *
 * Return: 0; -ENOENT if it cannot be had on this machine; or as
 * vfio_dmabuf_revoke().
 */
int vfio_dmabuf_set_memattr(struct vfio_dmabuf_device *dev, int dmabuf_fd,
			    uint32_t memattr);

/**
 * vfio_dmabuf_get_memattr() - read the memory attribute
 * @dev: the device that exported it
 * @dmabuf_fd: the DMABUF
 *
 * Return: VFIO_DMABUF_NC or VFIO_DMABUF_WC, or a negative errno.
 */
int vfio_dmabuf_get_memattr(struct vfio_dmabuf_device *dev, int dmabuf_fd);

/**
 * vfio_dmabuf_set_name() - name a DMABUF, as seen in /proc/PID/maps
 * @ctx: the context
 * @dmabuf_fd: the DMABUF
 * @name: at most VFIO_DMABUF_NAME_LEN - 1 bytes
 */
int vfio_dmabuf_set_name(struct vfio_dmabuf_ctx *ctx, int dmabuf_fd,
			 const char *name);

/**
 * vfio_dmabuf_describe() - fill in what travels with the fd
 * @dev: the device that exported it
 * @dmabuf_fd: the DMABUF
 * @bar_offset: offset of its first range in the BAR
 * @info: filled in
 */
int vfio_dmabuf_describe(struct vfio_dmabuf_device *dev, int dmabuf_fd,
			 uint64_t bar_offset, struct vfio_dmabuf_info *info);

/**
 * vfio_dmabuf_send() - send a DMABUF over a Unix socket
 * @ctx: the context
 * @sock: a connected Unix socket: stream, datagram or seqpacket
 * @dmabuf_fd: the DMABUF, which stays open here
 * @info: what the receiver shall know of it
 */
int vfio_dmabuf_send(struct vfio_dmabuf_ctx *ctx, int sock, int dmabuf_fd,
		     const struct vfio_dmabuf_info *info);

/**
 * vfio_dmabuf_recv() - receive a DMABUF that vfio_dmabuf_send() sent
 * @ctx: the context
 * @sock: the socket
 * @info: filled in
 *
 * What arrives is checked: one fd, of a DMABUF, of the size that @info tells.
 *
 * Return: the fd, close-on-exec; -ENOTCONN when the peer has closed the socket;
 * -EPROTO when something else arrived.
 */
int vfio_dmabuf_recv(struct vfio_dmabuf_ctx *ctx, int sock,
		     struct vfio_dmabuf_info *info);

/**
 * vfio_dmabuf_map() - mmap() a DMABUF where it can use huge pages
 * @ctx: the context
 * @dmabuf_fd: the DMABUF
 * @offset: first byte to map, a multiple of the page size
 * @length: how many bytes, not 0
 * @prot: PROT_READ, PROT_WRITE
 * @phase: of struct vfio_dmabuf_info, or 0 where it is not known
 * @addr: the address is stored here; munmap() it
 */
int vfio_dmabuf_map(struct vfio_dmabuf_ctx *ctx, int dmabuf_fd, uint64_t offset,
		    size_t length, int prot, uint32_t phase, void **addr);

/**
 * vfio_dmabuf_guard() - call a function and survive a revoked mapping
 * @addr: the mapping that may be revoked
 * @length: its size in bytes
 * @fn: the function; it is cut off at the access that faults
 * @arg: passed to @fn
 *
 * Guards nest, and each thread has its own. A SIGBUS that no guard of its thread
 * covers goes to the handler that was installed before the first call of this
 * function. @fn must not hold a lock or, in C++, an object with a destructor
 * across an access, as it may not come back. A C++ exception may leave @fn; a
 * longjmp() may not.
 *
 * Return: 0 when @fn has returned; -EFAULT when it was cut off; -EBUSY, without
 * having called it, when the program has since installed another handler.
 */
int vfio_dmabuf_guard(const void *addr, size_t length, void (*fn)(void *arg),
		      void *arg);

/**
 * vfio_dmabuf_read() - copy from a mapping that may be revoked
 * @dst: where to
 * @src: in the mapping
 * @length: how many bytes
 *
 * Every access is naturally aligned in @src, and at most 8 bytes wide.
 *
 * Return: as vfio_dmabuf_guard(). After -EFAULT part of @dst may be written.
 */
int vfio_dmabuf_read(void *dst, const volatile void *src, size_t length);

/**
 * vfio_dmabuf_write() - copy to a mapping that may be revoked
 * @dst: in the mapping
 * @src: where from
 * @length: how many bytes
 *
 * Return: as vfio_dmabuf_read().
 */
int vfio_dmabuf_write(volatile void *dst, const void *src, size_t length);

/**
 * vfio_dmabuf_add_mapping() - tell the library of a BAR mapping
 * @dev: the device whose fd was mapped
 * @addr: first byte
 * @length: size in bytes
 *
 * For mappings that vfio_dmabuf_bar_map() did not make. The library reads BAR
 * and offset from /proc/self/maps, but must be told the device: the kernel shows
 * all VFIO devices under one inode, and any process can choose a DMABUF's name.
 *
 * Return: 0; -EOPNOTSUPP where BAR and offset are not shown, with vfio-pci before
 * Linux 6.10; -EINVAL if it is not a mapping of a BAR of @dev.
 */
int vfio_dmabuf_add_mapping(struct vfio_dmabuf_device *dev, void *addr,
			    size_t length);

/**
 * vfio_dmabuf_del_mapping() - take back vfio_dmabuf_add_mapping()
 * @dev: the device
 * @addr: as given
 */
int vfio_dmabuf_del_mapping(struct vfio_dmabuf_device *dev, void *addr);

/**
 * vfio_dmabuf_add_memfd() - tell the library of a memfd that is mapped somewhere
 * @ctx: the context
 * @memfd: sealed with F_SEAL_SHRINK; stays the caller's and must stay open
 */
int vfio_dmabuf_add_memfd(struct vfio_dmabuf_ctx *ctx, int memfd);

/**
 * vfio_dmabuf_del_memfd() - take back vfio_dmabuf_add_memfd()
 * @ctx: the context
 * @memfd: as given
 */
int vfio_dmabuf_del_memfd(struct vfio_dmabuf_ctx *ctx, int memfd);

/**
 * vfio_dmabuf_create_fd_udmabuf() - a DMABUF of memory in memfds
 * @ctx: the context
 * @iov: addresses in shared mappings of memfds that the library was told of
 * @iov_cnt: how many entries
 * @fd: the fd is stored here
 *
 * Return: 0; VFIO_DMABUF_WRONG_MEMORY if an entry is empty, not made of whole
 * pages, or not in such a mapping; a negative errno if the host failed.
 */
int vfio_dmabuf_create_fd_udmabuf(struct vfio_dmabuf_ctx *ctx,
				  const struct iovec *iov, unsigned int iov_cnt,
				  int *fd);

/**
 * vfio_dmabuf_create_fd_bar() - a read-only DMABUF of memory in a BAR
 * @ctx: the context
 * @iov: addresses in BAR mappings that the library made or was told of
 * @iov_cnt: how many entries
 * @fd: the fd is stored here
 *
 * Return: 0; VFIO_DMABUF_WRONG_MEMORY if an entry is empty, not made of whole
 * pages or not in such a mapping, or if the entries are not all in one BAR;
 * a negative errno if the host failed: -ENOTTY where the driver cannot export,
 * -ENOKEY for a BAR mapping that the library was not told of.
 */
int vfio_dmabuf_create_fd_bar(struct vfio_dmabuf_ctx *ctx,
			      const struct iovec *iov, unsigned int iov_cnt,
			      int *fd);

/**
 * vfio_dmabuf_create_fd() - a DMABUF of memory that is in memfds or in a BAR
 * @ctx: the context
 * @iov: the memory
 * @iov_cnt: how many entries
 * @fd: the fd is stored here
 *
 * Return: as vfio_dmabuf_create_fd_udmabuf() if the memory is in memfds, else as
 * vfio_dmabuf_create_fd_bar().
 */
int vfio_dmabuf_create_fd(struct vfio_dmabuf_ctx *ctx, const struct iovec *iov,
			  unsigned int iov_cnt, int *fd);

/**
 * vfio_dmabuf_mmap_iov() - see scattered memory of a BAR in one piece
 * @ctx: the context
 * @iov: as for vfio_dmabuf_create_fd_bar()
 * @iov_cnt: how many entries
 * @addr: the address of the read-only view is stored here
 * @length: its size is stored here; munmap() it
 *
 * Where the DMABUF cannot be mapped: stock vfio-pci's cannot.
 *
 * Return: as vfio_dmabuf_create_fd_bar(). On failure nothing stays mapped.
 */
int vfio_dmabuf_mmap_iov(struct vfio_dmabuf_ctx *ctx, const struct iovec *iov,
			 unsigned int iov_cnt, void **addr, size_t *length);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_DMABUF_H */
