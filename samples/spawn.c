// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sample.h"

static void become(char *const argv[], uid_t uid, int sock)
{
	char * const env[] = { NULL };
	int exe, null;

	exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (exe < 0 || null < 0)
		goto fail;
	/* Above the socket's place, so that nothing overwrites it. */
	exe = fcntl(exe, F_DUPFD_CLOEXEC, SPAWN_SOCK + 1);
	if (exe < 0 || dup2(null, 0) < 0)
		goto fail;
	if (sock == SPAWN_SOCK ? fcntl(SPAWN_SOCK, F_SETFD, 0) :
				 dup2(sock, SPAWN_SOCK) < 0)
		goto fail;
	/* No other file survives exec, whatever this process was given. */
	if (close_range(SPAWN_SOCK + 1, ~0U, CLOSE_RANGE_CLOEXEC))
		goto fail;
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		goto fail;
	fexecve(exe, argv, env);
fail:
	fprintf(stderr, "%s: cannot become the subordinate: %m\n", argv[0]);
	_exit(1);
}

int spawn(char *const argv[], uid_t uid, pid_t *pid)
{
	int sock[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return -errno;
	*pid = fork();
	if (*pid < 0) {
		ret = -errno;
		close(sock[0]);
		close(sock[1]);
		return ret;
	}
	if (!*pid)
		become(argv, uid, sock[1]);
	close(sock[1]);
	return sock[0];
}
