// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest of qemu_test: a program without a kernel. It speaks virtio-gpu over
 * virtio-pci, paints pictures into the BARs of assigned devices, and does what
 * the test asks for, a line at a time, on the serial port. All numbers are hex.
 *
 *	paint AREA SEED W H	the test picture into the area
 *	blob ID AREA W H	make a guest blob of the area; a size in pixels
 *	attach ID AREA W H	the memory of AREA for a blob that was made of none
 *	detach ID, unref ID, off
 *	scanout ID W H Y	show it, from row Y on
 *	cursor ID		take the cursor's picture from it
 *	flush ID X Y W H
 *	flushes ID W H N AREA	N times all of it; first each time copied from the area
 *				to RAM in order, if there is one and not "-"
 *	gpu N			the commands above go to this one
 *	peek AREA OFFSET	32 bits in the area
 *	poke AREA OFFSET VALUE
 *	memory DEVICE 0|1	memory decoding of device a or b
 *	eject			power device a's slot off
 *
 * The answer is the response of virtio-gpu, or "ok", or "what?".
 *
 * An area is a list of pages: of RAM, or of BAR 2 of device a or b, in an order
 * that is not the memory's; or of BAR 0 of the drive, which has its registers and its
 * MSI-X table.
 */
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "bare/pc.h"
#include "picture.h"

#define MAX_PAGES	4096u
#define RAM_AREA	(16u << 20)
/* Between RAM and the memory of PCI. */
#define NOWHERE		0x40000000u

#define VIRTIO_VENDOR	0x1af4
#define GPU_DEVICE	0x1050
#define IVSHMEM_DEVICE	0x1110

#define CAP_VENDOR	0x09
#define CAP_EXPRESS	0x10
#define CAP_MSIX	0x11

#define CLASS_BRIDGE	0x0604
#define CLASS_NVME	0x0108

/* virtio-pci */
#define CFG_COMMON	1
#define CFG_NOTIFY	2
#define FEATURE_BLOB		(1u << 3)
#define FEATURE_VERSION_1	(1u << 0)	/* of the upper half */

/* virtio-gpu */
#define CMD_UNREF		0x0102
#define CMD_SET_SCANOUT		0x0103
#define CMD_FLUSH		0x0104
#define CMD_ATTACH_BACKING	0x0106
#define CMD_DETACH_BACKING	0x0107
#define CMD_CREATE_BLOB		0x010c
#define CMD_SET_SCANOUT_BLOB	0x010d
#define CMD_UPDATE_CURSOR	0x0300
#define BLOB_MEM_GUEST		1
#define BLOB_USE_SHAREABLE	2
#define FORMAT_B8G8R8X8		2

struct header {
	uint32_t type, flags;
	uint64_t fence;
	uint32_t context, padding;
};

struct rect {
	uint32_t x, y, width, height;
};

struct entry {
	uint64_t addr;
	uint32_t length, padding;
};

static union {
	struct header header;
	struct {
		struct header header;
		uint32_t id, padding;
	} resource;
	struct {
		struct header header;
		struct rect rect;
		uint32_t scanout, id;
	} scanout;
	struct {
		struct header header;
		struct rect rect;
		uint32_t id, padding;
	} flush;
	struct {
		struct header header;
		uint32_t id, nr;
		struct entry entries[MAX_PAGES];
	} attach;
	struct {
		struct header header;
		uint32_t id, memory, flags, nr;
		uint64_t blob, size;
		struct entry entries[MAX_PAGES];
	} blob;
	struct {
		struct header header;
		struct rect rect;
		uint32_t scanout, id, width, height, format, padding;
		uint32_t strides[4], offsets[4];
	} scanout_blob;
	struct {
		struct header header;
		uint32_t scanout, x, y, padding;
		uint32_t id, hot_x, hot_y, more_padding;
	} cursor;
} cmd __attribute__((aligned(16)));

static struct header reply __attribute__((aligned(16)));

#define QUEUE_SIZE	8
struct queue {
	struct {
		uint64_t addr;
		uint32_t length;
		uint16_t flags, next;
	} desc[QUEUE_SIZE];
	struct {
		uint16_t flags, index, ring[QUEUE_SIZE];
	} avail;
	struct {
		uint16_t flags, index;
		struct {
			uint32_t id, length;
		} ring[QUEUE_SIZE];
	} used __attribute__((aligned(4)));
	volatile uint16_t *notify;
} __attribute__((aligned(PAGE)));

/* Bus, device and function in the bits that the address port has them in. */
struct device {
	uint32_t place;
	uint32_t bar;
};

#define MAX_GPUS	2
static struct gpu {
	uint32_t place;
	struct queue control, cursor;
} gpus[MAX_GPUS], *gpu = gpus;

static struct device dev_a, dev_b, drive, port_a;
/* In the drive's BAR 0. */
static uint32_t msix_table;

static void say_hex(uint32_t value)
{
	char text[9], *p = text + 8;

	*p = '\0';
	do {
		*--p = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	say(p);
}

static uint8_t config_byte(uint32_t place, unsigned int off)
{
	return config_read(place, off);
}

/* Device a is behind a port, device b on the root bus. */
static void find_devices(void)
{
	uint32_t place, id, class;
	unsigned int nr_gpus = 0;

	for (place = 0; place < 8u << 16; place += 1 << 8) {
		id = config_read(place, 0);
		class = config_read(place, 8) >> 16;
		if (id == (GPU_DEVICE << 16 | VIRTIO_VENDOR) && nr_gpus < MAX_GPUS)
			gpus[nr_gpus++].place = place;
		else if (id == (IVSHMEM_DEVICE << 16 | VIRTIO_VENDOR))
			*(place >> 16 ? &dev_a : &dev_b) = (struct device){
				place, bar_address(place, 2)
			};
		else if (class == CLASS_BRIDGE)
			port_a.place = place;
		else if (class == CLASS_NVME)
			drive = (struct device){ place, bar_address(place, 0) };
	}
	if (drive.place)
		msix_table = config_read(drive.place, 4 +
			next_cap(drive.place, 0, CAP_MSIX)) & ~7u;
}

static uint32_t virtio_window(uint8_t cap)
{
	return bar_address(gpu->place, config_byte(gpu->place, cap + 4)) +
	       config_read(gpu->place, cap + 8);
}

static void start_queue(volatile uint8_t *common, uint8_t cap, uint16_t nr,
			struct queue *queue)
{
	volatile uint32_t *at = (volatile uint32_t *)(common + 32);

	*(volatile uint16_t *)(common + 22) = nr;
	*(volatile uint16_t *)(common + 24) = QUEUE_SIZE;
	at[0] = (uint32_t)queue->desc;
	at[1] = 0;
	at[2] = (uint32_t)&queue->avail;
	at[3] = 0;
	at[4] = (uint32_t)&queue->used;
	at[5] = 0;
	queue->notify = (volatile uint16_t *)(virtio_window(cap) +
		 *(volatile uint16_t *)(common + 30) *
		 config_read(gpu->place, cap + 16));
	*(volatile uint16_t *)(common + 28) = 1;
}

static void start_gpu(void)
{
	volatile uint8_t *common;
	uint8_t cap = 0, cap_notify = 0;

	config_write_word(gpu->place, 4, config_read(gpu->place, 4) | 6);
	common = NULL;
	while ((cap = next_cap(gpu->place, cap, CAP_VENDOR))) {
		switch (config_byte(gpu->place, cap + 3)) {
		case CFG_COMMON:
			common = (volatile uint8_t *)virtio_window(cap);
			break;
		case CFG_NOTIFY:
			cap_notify = cap;
			break;
		}
	}
	common[20] = 0;
	common[20] = 3;
	*(volatile uint32_t *)(common + 8) = 0;
	*(volatile uint32_t *)(common + 12) = FEATURE_BLOB;
	*(volatile uint32_t *)(common + 8) = 1;
	*(volatile uint32_t *)(common + 12) = FEATURE_VERSION_1;
	common[20] = 11;
	if (!(common[20] & 8))
		say("features refused\n");
	start_queue(common, cap_notify, 0, &gpu->control);
	start_queue(common, cap_notify, 1, &gpu->cursor);
	common[20] = 15;
}

/* Sends cmd and waits; queue 1, the cursor's, has no response. */
static void send(struct queue *queue, uint16_t nr, size_t size)
{
	volatile uint16_t *used = &queue->used.index;
	uint16_t before = *used;

	queue->desc[0].addr = (uint32_t)&cmd;
	queue->desc[0].length = size;
	queue->desc[0].flags = nr ? 0 : 1;
	queue->desc[0].next = 1;
	queue->desc[1].addr = (uint32_t)&reply;
	queue->desc[1].length = sizeof(reply);
	queue->desc[1].flags = 2;
	queue->avail.ring[queue->avail.index % QUEUE_SIZE] = 0;
	asm volatile("" : : : "memory");
	queue->avail.index++;
	asm volatile("" : : : "memory");
	*queue->notify = nr;
	while (*used == before)
		asm volatile("pause" : : : "memory");
}

/* Returns the response. */
static uint32_t gpu_command(uint32_t type, size_t size)
{
	cmd.header.type = type;
	send(&gpu->control, 0, size);
	return reply.type;
}

/* A permutation of 0 to 2^k - 1, as the factor is odd. */
static uint32_t shuffled(uint32_t page)
{
	return page * 1237 % MAX_PAGES;
}

/* The guest's address of a page of an area. */
static uint32_t page_address(char area, uint32_t page)
{
	switch (area) {
	case 'r':
		return RAM_AREA + shuffled(page) * PAGE;
	case 'a':
		return dev_a.bar + shuffled(page) * PAGE;
	case 'b':
		return dev_b.bar + shuffled(page) * PAGE;
	case 'h':	/* half RAM, half BAR */
		return page_address(page & 1 ? 'a' : 'r', page);
	case 't':	/* two devices */
		return page_address(page & 1 ? 'a' : 'b', page);
	case 's':	/* RAM, in order */
		return RAM_AREA + page * PAGE;
	case 'd':	/* the drive's BAR 0: registers, then the MSI-X table */
		return drive.bar + page * PAGE;
	case 'v':	/* from the table on: vectors, and what is behind them */
		return drive.bar + msix_table + page * PAGE;
	case 'p':	/* behind the table */
		return page_address('v', page + 1);
	default:
		return NOWHERE + page * PAGE;
	}
}

static uint32_t *pixel_address(char area, uint32_t pixel)
{
	return (uint32_t *)(page_address(area, pixel / (PAGE / 4)) +
			    pixel % (PAGE / 4) * 4);
}

static void paint(char area, uint32_t seed, uint32_t width, uint32_t height)
{
	uint32_t x, y;

	for (y = 0; y < height; y++)
		for (x = 0; x < width; x++)
			*(volatile uint32_t *)pixel_address(area, y * width + x) =
				picture(x, y, width, height, seed);
}

static void copy(char from, char to, uint32_t width, uint32_t height)
{
	uint32_t i, n, page;

	for (i = 0; i < width * height; i += PAGE / 4) {
		page = i / (PAGE / 4);
		uint32_t *dst = (uint32_t *)page_address(to, page);
		uint32_t *src = (uint32_t *)page_address(from, page);

		for (n = 0; n < PAGE / 4; n++)
			dst[n] = *(volatile uint32_t *)(src + n);
	}
}

/* Pages that follow one another have one entry. Returns how many there are. */
static uint32_t fill_entries(struct entry *entries, char area, uint32_t size)
{
	uint32_t i, addr, nr = 0;

	for (i = 0; i < (size + PAGE - 1) / PAGE; i++) {
		addr = page_address(area, i);
		if (nr && entries[nr - 1].addr + entries[nr - 1].length == addr)
			entries[nr - 1].length += PAGE;
		else
			entries[nr++] = (struct entry){ addr, PAGE, 0 };
	}
	return nr;
}

static uint32_t blob(uint32_t id, char area, uint32_t width, uint32_t height)
{
	uint32_t size = (width * height * 4 + PAGE - 1) & ~(PAGE - 1);

	memset(&cmd.blob, 0, offsetof(typeof(cmd.blob), entries));
	cmd.blob.id = id;
	cmd.blob.memory = BLOB_MEM_GUEST;
	cmd.blob.flags = BLOB_USE_SHAREABLE;
	cmd.blob.size = size;
	if (area != '-')
		cmd.blob.nr = fill_entries(cmd.blob.entries, area, size);
	return gpu_command(CMD_CREATE_BLOB,
			   offsetof(typeof(cmd.blob), entries[cmd.blob.nr]));
}

static uint32_t attach(uint32_t id, char area, uint32_t width, uint32_t height)
{
	memset(&cmd.attach, 0, offsetof(typeof(cmd.attach), entries));
	cmd.attach.id = id;
	cmd.attach.nr = fill_entries(cmd.attach.entries, area,
				     width * height * 4);
	return gpu_command(CMD_ATTACH_BACKING,
			   offsetof(typeof(cmd.attach), entries[cmd.attach.nr]));
}

static uint32_t resource(uint32_t type, uint32_t id)
{
	memset(&cmd.resource, 0, sizeof(cmd.resource));
	cmd.resource.id = id;
	return gpu_command(type, sizeof(cmd.resource));
}

static uint32_t off(void)
{
	memset(&cmd.scanout, 0, sizeof(cmd.scanout));
	return gpu_command(CMD_SET_SCANOUT, sizeof(cmd.scanout));
}

static uint32_t cursor(uint32_t id)
{
	memset(&cmd.cursor, 0, sizeof(cmd.cursor));
	cmd.header.type = CMD_UPDATE_CURSOR;
	cmd.cursor.id = id;
	send(&gpu->cursor, 1, sizeof(cmd.cursor));
	return 0;
}

static uint32_t scanout(uint32_t id, uint32_t width, uint32_t height, uint32_t y)
{
	memset(&cmd.scanout_blob, 0, sizeof(cmd.scanout_blob));
	cmd.scanout_blob.rect = (struct rect){ 0, y, width, height };
	cmd.scanout_blob.id = id;
	cmd.scanout_blob.width = width;
	cmd.scanout_blob.height = y + height;
	cmd.scanout_blob.format = FORMAT_B8G8R8X8;
	cmd.scanout_blob.strides[0] = width * 4;
	return gpu_command(CMD_SET_SCANOUT_BLOB, sizeof(cmd.scanout_blob));
}

static uint32_t flush(uint32_t id, struct rect rect)
{
	memset(&cmd.flush, 0, sizeof(cmd.flush));
	cmd.flush.rect = rect;
	cmd.flush.id = id;
	return gpu_command(CMD_FLUSH, sizeof(cmd.flush));
}

static uint32_t flushes(uint32_t id, uint32_t width, uint32_t height,
			uint32_t times, char from)
{
	uint32_t response = 0;

	while (times--) {
		if (from != '-')
			copy(from, 's', width, height);
		response = flush(id, (struct rect){ 0, 0, width, height });
	}
	return response;
}

static volatile uint32_t *word_of(char area, uint32_t offset)
{
	return (volatile uint32_t *)(page_address(area, offset / PAGE) +
				     offset % PAGE);
}

static void set_memory(const struct device *dev, bool on)
{
	uint16_t command = config_read(dev->place, 4);

	config_write_word(dev->place, 4, on ? command | 2 : command & ~2);
}

/* The power indicator and the power controller, off. */
static void eject(void)
{
	uint8_t control = next_cap(port_a.place, 0, CAP_EXPRESS) + 0x18;

	config_write_word(port_a.place, control,
			  config_read(port_a.place, control) | 0x0700);
}

/* The words of a line: the first, letters, then up to five numbers or letters. */
static unsigned int split(char *line, char *words[], unsigned int max)
{
	unsigned int n = 0;

	while (*line && n < max) {
		words[n++] = line;
		while (*line && *line != ' ')
			line++;
		if (*line)
			*line++ = '\0';
	}
	return n;
}

static uint32_t number(const char *text)
{
	uint32_t value = 0;

	for (; *text; text++)
		value = value << 4 | (*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

static bool is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

#define W(n)	number(words[n])
static void obey(char *words[], unsigned int n)
{
	uint32_t response = 0;

	if (is(words[0], "paint") && n == 5)
		paint(*words[1], W(2), W(3), W(4));
	else if (is(words[0], "memory") && n == 3)
		set_memory(*words[1] == 'a' ? &dev_a : &dev_b, W(2));
	else if (is(words[0], "eject"))
		eject();
	else if (is(words[0], "blob") && n == 5)
		response = blob(W(1), *words[2], W(3), W(4));
	else if (is(words[0], "attach") && n == 5)
		response = attach(W(1), *words[2], W(3), W(4));
	else if (is(words[0], "detach") && n == 2)
		response = resource(CMD_DETACH_BACKING, W(1));
	else if (is(words[0], "unref") && n == 2)
		response = resource(CMD_UNREF, W(1));
	else if (is(words[0], "off"))
		response = off();
	else if (is(words[0], "scanout") && n == 5)
		response = scanout(W(1), W(2), W(3), W(4));
	else if (is(words[0], "cursor") && n == 2)
		response = cursor(W(1));
	else if (is(words[0], "gpu") && n == 2)
		gpu = &gpus[W(1) % MAX_GPUS];
	else if (is(words[0], "peek") && n == 3)
		response = *word_of(*words[1], W(2));
	else if (is(words[0], "poke") && n == 4)
		*word_of(*words[1], W(2)) = W(3);
	else if (is(words[0], "flush") && n == 6)
		response = flush(W(1), (struct rect){ W(2), W(3), W(4), W(5) });
	else if (is(words[0], "flushes") && n == 6)
		response = flushes(W(1), W(2), W(3), W(4), *words[5]);
	else
		say("what?");
	say_hex(response);
	say("\n");
}

void guest(void)
{
	char line[80], *words[6];
	unsigned int n;

	find_devices();
	for (gpu = gpus; gpu < gpus + MAX_GPUS && gpu->place; gpu++)
		start_gpu();
	gpu = gpus;
	say("ready\n");
	for (;;) {
		read_line(line, sizeof(line));
		n = split(line, words, 6);
		if (n)
			obey(words, n);
	}
}
