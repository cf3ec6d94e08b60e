/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test picture, as the guest paints it and as the test expects it on the
 * screen: each pixel has a value of its own place and of the seed.
 */
#ifndef _SELFTESTS_QEMU_PICTURE_H
#define _SELFTESTS_QEMU_PICTURE_H

/* 0x00RRGGBB, as VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM has it in memory. */
static inline unsigned int picture(unsigned int x, unsigned int y,
				   unsigned int width, unsigned int height,
				   unsigned int seed)
{
	int dx = x - width / 2, dy = y - height / 2;
	unsigned int r = x * 255 / width, g = y * 255 / height;
	unsigned int b = (x ^ y ^ seed * 85) & 255;

	if (dx * dx + dy * dy < (int)(height * height / 9))
		return (255 - r) << 16 | (255 - g) << 8 | b;
	return r << 16 | g << 8 | b;
}

#endif
