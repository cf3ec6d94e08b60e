/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIO_DMABUF_FD_H
#define VFIO_DMABUF_FD_H

/* Returns a negative @fd, and errno with it; else what replaces @fd, or -1. */
int vd_above_stdio(int fd);
/* Close-on-exec, and never below 3. */
int vd_open(const char *path, int flags);
/* Puts /dev/null where standard input, output or error is closed. */
int vd_fill_stdio(void);

#endif /* VFIO_DMABUF_FD_H */
