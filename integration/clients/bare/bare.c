// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest of the client "qemu": a program without a kernel. It drives an edu, an
 * ivshmem, an nvme and an igb device, has them read and write each other's memory, and
 * says on the serial port what it found, a line each: "ok TEXT", "bad TEXT" or
 * "value TEXT: VALUE", and "end" after the last. Then it keeps DMA going.
 *
 * No wait has a limit here: the client as a whole has one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bare/pc.h"

#define PCI_COMMAND		0x04
#define PCI_COMMAND_MEMORY	2
#define PCI_COMMAND_MASTER	4
#define PCI_BARS		0x10
#define PCI_CAP_MSI		0x05
#define PCI_CAP_EXPRESS		0x10
#define PCI_EXP_DEVCTL		8
#define PCI_EXP_DEVCTL_FLR	0x8000

/* A device, with its bus, device and function as the address port has them. */
struct device {
	uint32_t id;
	unsigned int bar_nr;
	uint32_t bdf;
	volatile uint32_t *bar;
};

static struct device edu = { .id = 0x11e81234 };
static struct device ivshmem = { .id = 0x11101af4, .bar_nr = 2 };
static struct device nvme = { .id = 0x00101b36 };
static struct device igb = { .id = 0x10c98086 };

#define PAGE_OF_RAM	__attribute__((aligned(PAGE)))
static uint32_t ram_a[PAGE / 4] PAGE_OF_RAM;
static uint32_t ram_b[PAGE / 4] PAGE_OF_RAM;

static void pause(void)
{
	asm volatile("pause" : : : "memory");
}

static void say_hex(uint32_t value)
{
	char digit[2] = "";
	int shift;

	for (shift = 28; shift >= 0; shift -= 4) {
		digit[0] = "0123456789abcdef"[value >> shift & 15];
		say(digit);
	}
}

static void result(bool good, const char *text)
{
	say(good ? "ok " : "bad ");
	say(text);
	say("\n");
}

static void found(const char *text, uint32_t value)
{
	say("value ");
	say(text);
	say(": ");
	say_hex(value);
	say("\n");
}

static unsigned int find_cap(const struct device *dev, uint8_t id)
{
	return next_cap(dev->bdf, 0, id);
}

static void set_command(const struct device *dev, uint16_t bits, bool on)
{
	uint16_t command = config_read(dev->bdf, PCI_COMMAND);

	config_write_word(dev->bdf, PCI_COMMAND,
			  on ? command | bits : command & ~bits);
}

static void find(struct device *dev)
{
	uint32_t bdf;

	for (bdf = 0; bdf < 32 << 11; bdf += 1 << 11)
		if (config_read(bdf, 0) == dev->id)
			break;
	dev->bdf = bdf;
	dev->bar = (void *)bar_address(bdf, dev->bar_nr);
	set_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, true);
}

static volatile uint32_t *reg(const struct device *dev, size_t off)
{
	return dev->bar + off / 4;
}

static uint32_t pattern(uint32_t seed, unsigned int i)
{
	return seed * 2654435761u + i;
}

static void fill(volatile uint32_t *to, uint32_t seed, size_t length)
{
	unsigned int i;

	for (i = 0; i < length / 4; i++)
		to[i] = pattern(seed, i);
}

static bool is_filled(const volatile uint32_t *from, uint32_t seed, size_t length)
{
	unsigned int i;

	for (i = 0; i < length / 4; i++)
		if (from[i] != pattern(seed, i))
			return false;
	return true;
}

/* A page of ivshmem's memory, apart from each other. */
static volatile uint32_t *shared(unsigned int nr)
{
	return reg(&ivshmem, nr * 17 * PAGE);
}

static uint32_t address(const volatile void *p)
{
	return (uint32_t)p;
}

/* Interrupts stay off: one that has come is seen in the local APIC. */
#define LAPIC		0xfee00000u
#define LAPIC_SPURIOUS	0xf0
#define LAPIC_PENDING	0x200

static void start_lapic(void)
{
	*(volatile uint32_t *)(LAPIC + LAPIC_SPURIOUS) = 0x1ff;
}

static bool is_pending(uint8_t vector)
{
	return *(volatile uint32_t *)(LAPIC + LAPIC_PENDING + vector / 32 * 16) &
	       1u << vector % 32;
}

static void set_msi(const struct device *dev, uint8_t vector)
{
	unsigned int cap = find_cap(dev, PCI_CAP_MSI);
	uint16_t flags = config_read(dev->bdf, cap + 2);

	config_write_word(dev->bdf, cap + 4, LAPIC & 0xffff);
	config_write_word(dev->bdf, cap + 6, LAPIC >> 16);
	config_write_word(dev->bdf, cap + 8, 0);
	config_write_word(dev->bdf, cap + 10, 0);
	config_write_word(dev->bdf, cap + (flags & 0x80 ? 12 : 8), vector);
	config_write_word(dev->bdf, cap + 2, flags | 1);
}

/* Config space is lost, as on any machine. */
static void flr(const struct device *dev)
{
	unsigned int control = find_cap(dev, PCI_CAP_EXPRESS) + PCI_EXP_DEVCTL;
	uint32_t bars[6];
	int i;

	for (i = 0; i < 6; i++)
		bars[i] = config_read(dev->bdf, PCI_BARS + i * 4);
	config_write_word(dev->bdf, control,
			  config_read(dev->bdf, control) | PCI_EXP_DEVCTL_FLR);
	for (i = 0; i < 6; i++)
		config_write_long(dev->bdf, PCI_BARS + i * 4, bars[i]);
	set_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, true);
}

static void test_ivshmem(void)
{
	unsigned int i;
	bool same = true;

	for (i = 0; i < 200; i++)
		fill(shared(i), i, PAGE);
	for (i = 0; i < 200; i++)
		same = same && is_filled(shared(i), i, PAGE);
	result(same, "ivshmem: 200 pages keep what is written");
	set_command(&ivshmem, PCI_COMMAND_MEMORY, false);
	result(!is_filled(shared(1), 1, PAGE),
	       "ivshmem: they are not there while memory is off");
	set_command(&ivshmem, PCI_COMMAND_MEMORY, true);
	for (i = 0; i < 200; i++)
		same = same && is_filled(shared(i), i, PAGE);
	result(same, "ivshmem: they are as before when memory is on again");
}

#define EDU_ID		0x00
#define EDU_LIVENESS	0x04
#define EDU_FACTORIAL	0x08
#define EDU_STATUS	0x20
#define EDU_RAISE	0x60
#define EDU_ACK		0x64
#define EDU_SOURCE	0x80
#define EDU_DEST	0x88
#define EDU_COUNT	0x90
#define EDU_DMA		0x98
#define EDU_BUFFER	0x40000
#define EDU_MSI		0x51

static void edu_dma(uint32_t from, uint32_t to)
{
	*reg(&edu, EDU_SOURCE) = from;
	*reg(&edu, EDU_DEST) = to;
	*reg(&edu, EDU_COUNT) = PAGE;
	*reg(&edu, EDU_DMA) = to == EDU_BUFFER ? 1 : 3;
	while (*reg(&edu, EDU_DMA) & 1)
		pause();
}

/* A page goes to the device's own memory, and on from there. */
static void edu_copy(const volatile void *from, volatile void *to)
{
	edu_dma(address(from), EDU_BUFFER);
	edu_dma(EDU_BUFFER, address(to));
}

static void test_edu(void)
{
	found("edu: identification", *reg(&edu, EDU_ID));
	*reg(&edu, EDU_LIVENESS) = 0x1234abcd;
	result(*reg(&edu, EDU_LIVENESS) == ~0x1234abcdu, "edu: it lives");
	*reg(&edu, EDU_FACTORIAL) = 10;
	while (*reg(&edu, EDU_STATUS) & 1)
		pause();
	result(*reg(&edu, EDU_FACTORIAL) == 3628800, "edu: it calculates");

	set_msi(&edu, EDU_MSI);
	*reg(&edu, EDU_RAISE) = 1;
	while (!is_pending(EDU_MSI))
		pause();
	*reg(&edu, EDU_ACK) = 1;
	result(true, "edu: its MSI comes");

	fill(ram_a, 1001, PAGE);
	edu_copy(ram_a, ram_b);
	result(is_filled(ram_b, 1001, PAGE), "edu: DMA from memory to memory");
	edu_copy(ram_a, shared(3));
	result(is_filled(shared(3), 1001, PAGE), "edu: DMA to ivshmem's BAR");
	fill(shared(4), 1002, PAGE);
	edu_copy(shared(4), ram_b);
	result(is_filled(ram_b, 1002, PAGE), "edu: DMA from ivshmem's BAR");
}

#define NVME_VS	0x08
#define NVME_CC	0x14
#define NVME_CSTS	0x1c
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_DBS	0x1000
#define NVME_CC_VALUE	(1 | 6 << 16 | 4 << 20)
#define NVME_DEPTH	8
#define NVME_BLOCKS	(PAGE / 512)

/* Of the administrator's queue, and of the other */
#define NVME_CREATE_SQ	1
#define NVME_CREATE_CQ	5
#define NVME_IDENTIFY	6
#define NVME_WRITE	1
#define NVME_READ	2

struct nvme_command {
	uint32_t opcode, namespace, reserved[4];
	uint32_t data, data_upper, data2, data2_upper;
	uint32_t arg[6];
};

struct nvme_completion {
	uint32_t result, reserved, queue, status;
};

/* Of the administrator, and for blocks. */
static struct nvme_queue {
	struct nvme_command sq[PAGE / sizeof(struct nvme_command)] PAGE_OF_RAM;
	volatile struct nvme_completion
		cq[PAGE / sizeof(struct nvme_completion)] PAGE_OF_RAM;
	unsigned int tail, head, phase;
} queue[2];

/* Its status: 0 if it was carried out. */
static uint32_t nvme_do(unsigned int nr, struct nvme_command command)
{
	struct nvme_queue *q = &queue[nr];
	uint32_t status;

	q->sq[q->tail] = command;
	q->tail = (q->tail + 1) % NVME_DEPTH;
	asm volatile("" : : : "memory");
	*reg(&nvme, NVME_DBS + nr * 8) = q->tail;
	while ((q->cq[q->head].status >> 16 & 1) != q->phase)
		pause();
	status = q->cq[q->head].status >> 17;
	q->head = (q->head + 1) % NVME_DEPTH;
	if (!q->head)
		q->phase ^= 1;
	*reg(&nvme, NVME_DBS + nr * 8 + 4) = q->head;
	return status;
}

static uint32_t nvme_blocks(unsigned int opcode, uint32_t block,
			    const volatile void *page)
{
	return nvme_do(1, (struct nvme_command){
		.opcode = opcode,
		.namespace = 1,
		.data = address(page),
		.arg = { block * NVME_BLOCKS, 0, NVME_BLOCKS - 1 },
	});
}

static void nvme_start(void)
{
	unsigned int i;

	*reg(&nvme, NVME_CC) = 0;
	while (*reg(&nvme, NVME_CSTS) & 1)
		pause();
	memset(queue, 0, sizeof(queue));
	for (i = 0; i < 2; i++)
		queue[i].phase = 1;
	*reg(&nvme, NVME_AQA) = (NVME_DEPTH - 1) * 0x10001;
	*reg(&nvme, NVME_ASQ) = address(queue[0].sq);
	*reg(&nvme, NVME_ASQ + 4) = 0;
	*reg(&nvme, NVME_ACQ) = address(queue[0].cq);
	*reg(&nvme, NVME_ACQ + 4) = 0;
	*reg(&nvme, NVME_CC) = NVME_CC_VALUE;
	while (!(*reg(&nvme, NVME_CSTS) & 1))
		pause();
}

static bool nvme_make_queue(void)
{
	uint32_t id = 1 | (NVME_DEPTH - 1) << 16;

	return !nvme_do(0, (struct nvme_command){
		.opcode = NVME_CREATE_CQ,
		.data = address(queue[1].cq),
		.arg = { id, 1 },
	}) && !nvme_do(0, (struct nvme_command){
		.opcode = NVME_CREATE_SQ,
		.data = address(queue[1].sq),
		.arg = { id, 1 | 1 << 16 },
	});
}

static void test_nvme(void)
{
	found("nvme: version", *reg(&nvme, NVME_VS));
	nvme_start();
	result(!nvme_do(0, (struct nvme_command){
		.opcode = NVME_IDENTIFY, .data = address(ram_a), .arg = { 1 },
	}), "nvme: it identifies itself");
	found("nvme: serial number", ram_a[1]);
	result(nvme_make_queue(), "nvme: a queue is made");

	fill(ram_a, 2001, PAGE);
	result(!nvme_blocks(NVME_WRITE, 0, ram_a) &&
	       !nvme_blocks(NVME_READ, 0, ram_b) && is_filled(ram_b, 2001, PAGE),
	       "nvme: blocks are written from memory and read back");
	result(!nvme_blocks(NVME_READ, 0, shared(5)) &&
	       is_filled(shared(5), 2001, PAGE),
	       "nvme: blocks are read into ivshmem's BAR");
	fill(shared(6), 2002, PAGE);
	result(!nvme_blocks(NVME_WRITE, 1, shared(6)) &&
	       !nvme_blocks(NVME_READ, 1, ram_b) && is_filled(ram_b, 2002, PAGE),
	       "nvme: blocks are written from ivshmem's BAR");
}

static void test_nvme_flr(void)
{
	flr(&nvme);
	result(!(*reg(&nvme, NVME_CC) & 1), "nvme: FLR disables it");
	nvme_start();
	result(nvme_make_queue() && !nvme_blocks(NVME_READ, 0, shared(7)) &&
	       is_filled(shared(7), 2001, PAGE),
	       "nvme: it reads into ivshmem's BAR after FLR");
}

#define IGB_STATUS	0x0008
#define IGB_MDIC	0x0020
#define IGB_RCTL	0x0100
#define IGB_TCTL	0x0400
#define IGB_RAL		0x5400
/* From the first register of a queue of each kind */
#define IGB_RX		0xc000
#define IGB_TX		0xe000
#define IGB_DBAL	0x00
#define IGB_DBAH	0x04
#define IGB_DLEN	0x08
#define IGB_DT		0x18
#define IGB_DCTL	0x28
#define IGB_STATUS_LU	(1 << 1)
/* Write to register 0 of PHY 1: negotiate */
#define IGB_MDIC_VALUE	(1 << 26 | 1 << 21 | 0x1200)
#define IGB_TCTL_EN	(1 << 1)
/* Enabled, for all addresses, with what the device sends itself (LBM) */
#define IGB_RCTL_VALUE	(1 << 1 | 1 << 3 | 1 << 4 | 1 << 6)
#define IGB_DCTL_ENABLE	(1 << 25)
/* An advanced data descriptor: DEXT, RS, IFCS, EOP, DTYP */
#define IGB_TX_COMMAND	(1u << 29 | 1 << 27 | 1 << 25 | 1 << 24 | 3 << 20)
#define IGB_DONE	1
#define IGB_SLOTS	8
#define IGB_LENGTH	64u

static volatile struct igb_descriptor {
	uint32_t addr, addr_upper, info[2];
} rx_ring[IGB_SLOTS] PAGE_OF_RAM, tx_ring[IGB_SLOTS] PAGE_OF_RAM;
static unsigned int igb_tail;

static void igb_set_ring(unsigned int regs, volatile struct igb_descriptor *ring)
{
	memset((void *)ring, 0, IGB_SLOTS * sizeof(*ring));
	*reg(&igb, regs + IGB_DBAL) = address(ring);
	*reg(&igb, regs + IGB_DBAH) = 0;
	*reg(&igb, regs + IGB_DLEN) = IGB_SLOTS * sizeof(*ring);
	*reg(&igb, regs + IGB_DCTL) = IGB_DCTL_ENABLE;
}

static void igb_start(void)
{
	igb_tail = 0;
	*reg(&igb, IGB_MDIC) = IGB_MDIC_VALUE;
	while (!(*reg(&igb, IGB_STATUS) & IGB_STATUS_LU))
		pause();
	igb_set_ring(IGB_RX, rx_ring);
	igb_set_ring(IGB_TX, tx_ring);
	*reg(&igb, IGB_RCTL) = IGB_RCTL_VALUE;
	*reg(&igb, IGB_TCTL) |= IGB_TCTL_EN;
}

/*
 * Sends a packet to itself. QEMU's device receives it before it says that it has
 * sent it.
 */
static bool igb_copy(const volatile void *from, volatile void *to)
{
	unsigned int nr = igb_tail;

	rx_ring[nr] = (struct igb_descriptor){ .addr = address(to) };
	tx_ring[nr] = (struct igb_descriptor){
		.addr = address(from),
		.info = { IGB_TX_COMMAND | IGB_LENGTH, IGB_LENGTH << 14 },
	};
	igb_tail = (nr + 1) % IGB_SLOTS;
	*reg(&igb, IGB_RX + IGB_DT) = igb_tail;
	*reg(&igb, IGB_TX + IGB_DT) = igb_tail;
	while (!(tx_ring[nr].info[1] & IGB_DONE))
		pause();
	return rx_ring[nr].info[0] & IGB_DONE;
}

static bool igb_copies(volatile uint32_t *from, volatile uint32_t *to,
		       uint32_t seed)
{
	fill(from, seed, IGB_LENGTH);
	return igb_copy(from, to) && is_filled(to, seed, IGB_LENGTH);
}

static void test_igb(void)
{
	found("igb: status", *reg(&igb, IGB_STATUS));
	found("igb: address", *reg(&igb, IGB_RAL));
	igb_start();
	result(igb_copies(ram_a, ram_b, 3001),
	       "igb: a packet goes from memory to memory");
	result(igb_copies(ram_a, shared(8), 3002),
	       "igb: a packet is received into ivshmem's BAR");
	result(igb_copies(shared(9), ram_b, 3003),
	       "igb: a packet is sent from ivshmem's BAR");
}

static void test_igb_flr(void)
{
	flr(&igb);
	result(!(*reg(&igb, IGB_TCTL) & IGB_TCTL_EN), "igb: FLR disables it");
	igb_start();
	result(igb_copies(shared(8), shared(9), 3004),
	       "igb: it copies within ivshmem's BAR after FLR");
}

/* What QEMU's death has to end. */
static void keep_going(void)
{
	for (;;) {
		igb_copy(shared(8), shared(9));
		nvme_blocks(NVME_READ, 0, shared(10));
		edu_copy(shared(10), shared(11));
	}
}

void guest(void)
{
	find(&edu);
	find(&ivshmem);
	find(&nvme);
	find(&igb);
	start_lapic();
	test_ivshmem();
	test_edu();
	test_nvme();
	test_igb();
	test_nvme_flr();
	test_igb_flr();
	say("end\n");
	keep_going();
}
