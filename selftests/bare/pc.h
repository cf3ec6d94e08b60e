/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program without a kernel, which QEMU's multiboot loader starts in 32-bit mode
 * without paging: the program's guest() is called, with interrupts off, and this is all
 * that there is to call. A device has its bus, device and function as the address port
 * has them.
 */
#ifndef _SELFTESTS_BARE_PC_H
#define _SELFTESTS_BARE_PC_H

#include <stddef.h>
#include <stdint.h>

#define PAGE	4096u

void guest(void);

/* The compiler makes calls of it, too. */
void *memset(void *s, int c, size_t n);

/* To and from the serial port; a line comes without its end, and cut to @size. */
void say(const char *text);
void read_line(char *line, size_t size);

/* What the register of @off has, and above it what is left of its 32 bits. */
uint32_t config_read(uint32_t bdf, unsigned int off);
void config_write_word(uint32_t bdf, unsigned int off, uint16_t value);
void config_write_long(uint32_t bdf, unsigned int off, uint32_t value);

/* The offset of the next capability @id after @cap, or 0; the first one after 0. */
uint8_t next_cap(uint32_t bdf, uint8_t cap, uint8_t id);

/* Of a memory BAR below 4 GiB. */
uint32_t bar_address(uint32_t bdf, unsigned int bar);

#endif /* _SELFTESTS_BARE_PC_H */
