// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The token that a PF's user shares with those of its VFs. By a group's way the
 * kernel takes it as text, by a cdev's as bytes.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "internal.h"

static bool is_hyphen(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *pos = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return pos ? pos - digits : -1;
}

int vd_token_parse(const char *text, struct vd_token *token)
{
	size_t i, n = 0;
	int value;

	memset(token, 0, sizeof(*token));
	for (i = 0; i < VD_TOKEN_TEXT - 1; i++) {
		if (is_hyphen(i)) {
			if (text[i] != '-')
				return -EINVAL;
			continue;
		}
		value = digit(text[i]);
		if (value < 0)
			return -EINVAL;
		token->uuid[n / 2] |= n & 1 ? value : value << 4;
		n++;
	}
	if (text[i])
		return -EINVAL;
	memcpy(token->text, text, VD_TOKEN_TEXT);
	return 0;
}

const char *vd_token_hint(const struct vfio_dmabuf_device *dev, int err)
{
	if (!dev->token.text[0])
		return err == EACCES ?
		       " (it shares a VF token: its PF, or a VF of it, is with VFIO too)" :
		       "";
	if (err == EACCES)
		return " (its VF token is another one)";
	if (err == EINVAL && dev->group)
		return " (it takes no VF token: neither a VF whose PF is with VFIO too, nor a PF)";
	if (err == EINVAL)
		return " (it takes no VF token, or the kernel none through a cdev, as before 6.18)";
	return "";
}
