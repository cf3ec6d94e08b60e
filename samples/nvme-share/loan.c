// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../sample.h"
#include "loan.h"

#define FIRST_UID	61000

static uint64_t slice_offset(const struct loan *loan)
{
	return loan->slot * SLICE_SIZE;
}

static unsigned int queue_of(const struct loan *loan)
{
	return loan->slot + 1;
}

static int export_slice(struct nvme *nvme, struct loan *loan, uint32_t memattr)
{
	struct vfio_dmabuf_range range = {
		.offset = nvme->cmb_offset + slice_offset(loan),
		.length = SLICE_SIZE,
	};
	char name[VFIO_DMABUF_NAME_LEN];
	int ret;

	loan->dmabuf = vfio_dmabuf_export(nvme->dev, nvme->cmb_bar, &range, 1,
					  O_RDWR | O_CLOEXEC);
	if (loan->dmabuf < 0)
		return loan->dmabuf;
	snprintf(name, sizeof(name), "slice %u", loan->slot);
	ret = vfio_dmabuf_set_name(nvme->ctx, loan->dmabuf, name);
	if (!ret)
		ret = vfio_dmabuf_set_memattr(nvme->dev, loan->dmabuf, memattr);
	return ret;
}

static int send_slice(struct nvme *nvme, struct loan *loan)
{
	struct vfio_dmabuf_info info;
	int ret;

	ret = vfio_dmabuf_describe(nvme->dev, loan->dmabuf,
				   nvme->cmb_offset + slice_offset(loan),
				   &info);
	return ret ? ret : vfio_dmabuf_send(nvme->ctx, loan->sock,
					    loan->dmabuf, &info);
}

/* Another user for each, or they could trace each other. */
static int start(struct loan *loan, enum role role)
{
	char role_arg[12], borrower_arg[12];
	char * const argv[] = {
		"nvme-share", "--subordinate", role_arg, borrower_arg, NULL
	};

	snprintf(role_arg, sizeof(role_arg), "%u", role);
	snprintf(borrower_arg, sizeof(borrower_arg), "%u", loan->borrower);
	loan->sock = spawn(argv, FIRST_UID + loan->borrower, &loan->pid);
	return loan->sock < 0 ? loan->sock : 0;
}

/*
 * What others have left is not for the borrower: the last one, or the kernel's
 * driver, which puts commands there. This view is uncached, and gone before the
 * slice is mapped write-combining.
 */
static int clear_slice(struct nvme *nvme, const struct loan *loan)
{
	static const char zero[SLICE_SIZE];
	void *addr;
	int ret;

	ret = vfio_dmabuf_bar_map(nvme->dev, nvme->cmb_bar,
				  nvme->cmb_offset + slice_offset(loan),
				  SLICE_SIZE, PROT_READ | PROT_WRITE, &addr);
	if (ret)
		return ret;
	ret = vfio_dmabuf_write(addr, zero, SLICE_SIZE);
	vfio_dmabuf_bar_unmap(nvme->dev, addr);
	return ret;
}

int loan_make(struct nvme *nvme, struct loan *loan, unsigned int slot,
	      unsigned int borrower, enum role role, uint32_t memattr)
{
	int ret;

	*loan = (struct loan) {
		.borrower = borrower,
		.slot = slot,
		.dmabuf = -1,
		.sock = -1,
	};
	ret = nvme_library(nvme, clear_slice(nvme, loan));
	if (!ret)
		ret = nvme_queue_create(nvme, queue_of(loan));
	if (!ret)
		ret = nvme_library(nvme, export_slice(nvme, loan, memattr));
	if (!ret)
		ret = start(loan, role);
	if (!ret)
		ret = nvme_library(nvme, send_slice(nvme, loan));
	return ret;
}

/*
 * Revocation ends what processors do. What the drive does ends with the queue: a
 * command under way would write into the slice when it is another's.
 */
int loan_end(struct nvme *nvme, struct loan *loan)
{
	int ret = vfio_dmabuf_revoke(nvme->dev, loan->dmabuf);

	if (!ret)
		ret = nvme_queue_delete(nvme, queue_of(loan));
	close(loan->dmabuf);
	close(loan->sock);
	loan->dmabuf = -1;
	loan->sock = -1;
	return ret;
}

/* The primary waits for nobody: who lets replies pile up has had enough of them. */
static bool reply(struct loan *loan, uint32_t tag, int result)
{
	struct share_reply reply = { .tag = tag, .result = result };

	if (send(loan->sock, &reply, sizeof(reply),
		 MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(reply))
		return true;
	loan->revoked = errno == EAGAIN;
	return false;
}

static bool refuse(struct loan *loan, uint32_t tag, int result)
{
	if (++loan->refused > REFUSALS_MAX) {
		loan->revoked = true;
		return false;
	}
	return reply(loan, tag, result);
}

/* 0 if the subordinate may ask for this. */
static int judge(const struct share_request *request)
{
	if (request->opcode != NVME_READ && request->opcode != NVME_WRITE)
		return -EINVAL;
	if (request->offset % NVME_UNIT)
		return -EINVAL;
	if (request->offset >= SLICE_SIZE || request->unit >= EXTENT_UNITS)
		return -EACCES;
	return 0;
}

bool loan_request(struct nvme *nvme, struct loan *loan)
{
	struct share_request request;
	ssize_t length = recv(loan->sock, &request, sizeof(request),
			      MSG_DONTWAIT | MSG_TRUNC);
	int cid, ret;

	if (length < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!length)
		return false;
	if (length != sizeof(request))
		return refuse(loan, 0, -EINVAL);
	ret = judge(&request);
	if (ret)
		return refuse(loan, request.tag, ret);
	cid = nvme_submit(nvme, queue_of(loan), request.opcode,
			  loan->borrower * EXTENT_UNITS + request.unit,
			  slice_offset(loan) + request.offset);
	loan->tags[cid] = request.tag;
	return true;
}

bool loan_complete(struct nvme *nvme, struct loan *loan)
{
	unsigned int cid, status;

	while (nvme_reap(nvme, queue_of(loan), &cid, &status)) {
		if (!status)
			loan->done++;
		if (!reply(loan, loan->tags[cid], status ? -EIO : 0))
			return false;
	}
	return true;
}

bool loan_finish(struct loan *loan)
{
	return reply(loan, SHARE_FINISH, 0);
}
