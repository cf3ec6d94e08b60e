// SPDX-License-Identifier: GPL-2.0-only
/* What guests without a kernel have below them. pc.lds puts it together. */
#include "pc.h"

#define COM1	0x3f8
#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc

asm(".section .multiboot, \"ax\"\n"
	".align 4\n"
	".long 0x1badb002, 0, -0x1badb002\n"
	".globl start\n"
	"start:\n"
	"	mov $stack_end, %esp\n"
	"	call guest\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	".section .bss\n"
	".align 16\n"
	"	.skip 16384\n"
	"stack_end:\n"
	".text\n");

static void outb(uint16_t io, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a" (value), "Nd" (io));
}

static uint8_t inb(uint16_t io)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a" (value) : "Nd" (io));
	return value;
}

static void outw(uint16_t io, uint16_t value)
{
	asm volatile("outw %0, %1" : : "a" (value), "Nd" (io));
}

static void outl(uint16_t io, uint32_t value)
{
	asm volatile("outl %0, %1" : : "a" (value), "Nd" (io));
}

static uint32_t inl(uint16_t io)
{
	uint32_t value;

	asm volatile("inl %1, %0" : "=a" (value) : "Nd" (io));
	return value;
}

void *memset(void *s, int c, size_t n)
{
	char *p = s;

	while (n--)
		*p++ = c;
	return s;
}

void say(const char *text)
{
	for (; *text; text++) {
		while (!(inb(COM1 + 5) & 0x20))
			;
		outb(COM1, *text);
	}
}

void read_line(char *line, size_t size)
{
	size_t n = 0;
	char c;

	for (;;) {
		while (!(inb(COM1 + 5) & 1))
			;
		c = inb(COM1);
		if (c == '\n')
			break;
		if (n < size - 1)
			line[n++] = c;
	}
	line[n] = '\0';
}

static void config_address(uint32_t bdf, unsigned int off)
{
	outl(PCI_ADDRESS, 0x80000000u | bdf | (off & 0xfc));
}

uint32_t config_read(uint32_t bdf, unsigned int off)
{
	config_address(bdf, off);
	return inl(PCI_DATA) >> (off & 3) * 8;
}

void config_write_word(uint32_t bdf, unsigned int off, uint16_t value)
{
	config_address(bdf, off);
	outw(PCI_DATA + (off & 2), value);
}

void config_write_long(uint32_t bdf, unsigned int off, uint32_t value)
{
	config_address(bdf, off);
	outl(PCI_DATA, value);
}

uint8_t next_cap(uint32_t bdf, uint8_t cap, uint8_t id)
{
	cap = config_read(bdf, cap ? cap + 1 : 0x34);
	while (cap && (config_read(bdf, cap) & 0xff) != id)
		cap = config_read(bdf, cap + 1);
	return cap;
}

uint32_t bar_address(uint32_t bdf, unsigned int bar)
{
	return config_read(bdf, 0x10 + bar * 4) & ~15u;
}
