/* SPDX-License-Identifier: GPL-2.0-only */
/* What samples share: a process of another user, and what is printed. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <sys/types.h>

/* Where a process that spawn() started has its socket. */
#define SPAWN_SOCK	3

/* spawn.c */

/*
 * Runs this program again, with @argv, as user and group @uid: without rights,
 * without files but the socket and the standard ones. Returns this end of the
 * socket, which is of type SOCK_SEQPACKET, or a negative errno.
 */
int spawn(char *const argv[], uid_t uid, pid_t *pid);

/* report.c */
void keep_stdio(void);
void say(const char *who, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void check(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int report(void);

#endif /* SAMPLE_H */
