// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run a program that has a slice of a BAR open. This process keeps the device
 * open meanwhile: with it the buffer lives and dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slice.h"

#define MAX_RANGES	64
/* The first fd after the standard ones */
#define PROGRAM_FD	3

struct request {
	unsigned int bar;
	struct vfio_dmabuf_range ranges[MAX_RANGES];
	uint32_t nr;
	bool wc;
	bool read_only;
	const char *name;
	const char *vf_token;
	char bdf[BDF_LEN];
	char **program;
};

static pid_t child;

static void forward(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static int parse(int argc, char **argv, struct request *req)
{
	static const struct option options[] = {
		{ "bar", required_argument, NULL, 'b' },
		{ "range", required_argument, NULL, 'r' },
		{ "wc", no_argument, NULL, 'w' },
		{ "read-only", no_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'n' },
		{ "vf-token", required_argument, NULL, 't' },
		OPTION_HELP,
		{ }
	};
	int c;

	while ((c = next_option(argc, argv, "+h", options)) != -1) {
		switch (c) {
		case 'b':
			if (parse_bar(optarg, &req->bar))
				return USAGE;
			break;
		case 'r':
			if (req->nr == MAX_RANGES)
				return usage_error("at most %d ranges",
						   MAX_RANGES);
			if (parse_range(optarg, &req->ranges[req->nr++]))
				return USAGE;
			break;
		case 'w':
			req->wc = true;
			break;
		case 'o':
			req->read_only = true;
			break;
		case 'n':
			req->name = optarg;
			break;
		case 't':
			req->vf_token = optarg;
			break;
		default:
			return USAGE;
		}
	}
	req->program = argv + optind + 1;
	if (argc - optind > 1 && !strcmp(req->program[0], "--"))
		req->program++;
	if (argc - optind < 2 || !req->program[0])
		return usage_error("export needs a device and a program");
	return parse_device(argv[optind], req->bdf);
}

/* Without a range, the whole BAR. */
static int check_ranges(struct vfio_dmabuf_device *dev, struct request *req)
{
	uint64_t size;
	uint32_t i;

	if (check_bar_maps(dev, req->bdf, req->bar, &size))
		return FAILED;
	if (!req->nr)
		req->ranges[req->nr++].length = size;
	for (i = 0; i < req->nr; i++)
		if (check_range(req->bdf, req->bar, size, &req->ranges[i]))
			return FAILED;
	return DONE;
}

static int make_buffer(struct vfio_dmabuf_ctx *ctx,
		       struct vfio_dmabuf_device *dev, struct request *req)
{
	int fd;

	if (check_ranges(dev, req))
		return -1;
	fd = vfio_dmabuf_export(dev, req->bar, req->ranges, req->nr,
				O_CLOEXEC |
				(req->read_only ? O_RDONLY : O_RDWR));
	if (fd < 0 ||
	    (req->wc && vfio_dmabuf_set_memattr(dev, fd, VFIO_DMABUF_WC)) ||
	    (req->name && vfio_dmabuf_set_name(ctx, fd, req->name))) {
		fail("%s", vfio_dmabuf_error(ctx));
		return -1;
	}
	return fd;
}

static void set_number(const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	setenv(name, text, 1);
}

static void announce(const struct request *req,
		     const struct vfio_dmabuf_info *info)
{
	set_number("VFIO_DMABUF_FD", PROGRAM_FD);
	set_number("VFIO_DMABUF_SIZE", info->size);
	set_number("VFIO_DMABUF_PHASE", info->phase);
	setenv("VFIO_DMABUF_MEMATTR",
	       info->memattr == VFIO_DMABUF_WC ? "WC" : "NC", 1);
	setenv("VFIO_DMABUF_NAME", info->name, 1);
	setenv("VFIO_DMABUF_DEVICE", req->bdf, 1);
}

static void run_program(const struct request *req,
			const struct vfio_dmabuf_info *info, int fd)
{
	announce(req, info);
	if (fd == PROGRAM_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, PROGRAM_FD) < 0)
		_exit(fail("cannot pass the fd: %s", strerror(errno)));
	execvp(req->program[0], req->program);
	fail("cannot run %s: %s", req->program[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* As a shell gives it. */
static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

static int run(const struct request *req, const struct vfio_dmabuf_info *info,
	       int fd)
{
	struct sigaction sa = { .sa_handler = forward };
	int status;

	child = fork();
	if (child < 0)
		return fail("cannot fork: %s", strerror(errno));
	if (!child)
		run_program(req, info, fd);
	/* The terminal sends its own signals to the program, too. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail("cannot wait: %s", strerror(errno));
	return exit_status(status);
}

int cmd_export(int argc, char **argv)
{
	struct request req = { .bar = 2 };
	struct vfio_dmabuf_device *dev;
	struct vfio_dmabuf_info info;
	struct vfio_dmabuf_ctx *ctx;
	int ret, fd;

	ret = parse(argc, argv, &req);
	if (ret)
		return ret;
	ctx = vfio_dmabuf_new();
	if (!ctx)
		return fail("out of memory");
	ret = FAILED;
	if (open_device(ctx, req.bdf, req.vf_token, &dev))
		goto out;
	fd = make_buffer(ctx, dev, &req);
	if (fd < 0)
		goto out;
	if (vfio_dmabuf_describe(dev, fd, req.ranges[0].offset, &info))
		fail("%s", vfio_dmabuf_error(ctx));
	else
		ret = run(&req, &info, fd);
	close(fd);
out:
	vfio_dmabuf_free(ctx);
	return ret;
}
