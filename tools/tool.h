/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_DMABUF_TOOL_H
#define VFIO_DMABUF_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OUR_DRIVER	"vfio-pci-dmabuf-mmap"
#define OUR_DEBUGFS	"/sys/kernel/debug/vfio_pci_dmabuf_mmap"
#define BDF_LEN		13
#define NAME_LEN	64
#define NR_BARS		6
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What the exit status says. */
enum status {
	DONE = 0,
	FAILED = 1,
	USAGE = 2,
};

extern bool json;
/* Before every path in /sys and /proc; a test has its own. */
extern const char *sys_root;

/* main.c */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool is_root(const char *what);

/* text.c */
int read_text(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int write_text(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int read_link(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *base_name(const char *path);
int parse_size(const char *text, uint64_t *value);
const char *size_text(uint64_t size, char buf[32]);

/* json.c: a comma where one is due, strings escaped */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_string(const char *key, const char *value);
void json_number(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
void json_end(void);

/* pci.c */
struct bar {
	uint64_t size;
	bool io;
	bool prefetchable;
	bool wide;
};

int parse_bdf(const char *text, char bdf[BDF_LEN]);
bool pci_exists(const char *bdf);
/* "" where there is none. */
void pci_driver(const char *bdf, char driver[NAME_LEN]);
int pci_group(const char *bdf);
void pci_bars(const char *bdf, struct bar bars[NR_BARS]);
/* Calls @fn for each device until it returns non-zero. */
int pci_each(int (*fn)(const char *bdf, void *arg), void *arg);

/* procs.c: which process has what open or mapped */
enum file_kind {
	FILE_DMABUF,		/* ino is the DMABUF's */
	FILE_DEVICE,		/* a VFIO device fd */
	FILE_GROUP,		/* number is the group's */
	FILE_MAPPING,		/* of the DMABUF ino */
};

struct file_use {
	enum file_kind kind;
	pid_t pid;
	int fd;
	unsigned int number;
	ino_t ino;
	char bdf[BDF_LEN];	/* of a device, where the kernel tells */
	char comm[NAME_LEN];
};

struct uses {
	struct file_use *use;
	size_t nr;
	bool partial;		/* not every process could be read */
};

int uses_read(struct uses *uses);
void uses_free(struct uses *uses);
bool use_is_of_device(const struct file_use *use, const char *bdf, int group);

/* buffers.c */
struct buffer {
	unsigned long ino;
	char kind[NAME_LEN];
	unsigned int bar;
	uint64_t size;
	uint64_t ranges;
	char memattr[NAME_LEN];
	char state[NAME_LEN];
	int vmas;
	int attachments;
	int mappings;
	char name[NAME_LEN];
};

int buffers_read(const char *bdf, struct buffer **buffers, size_t *nr);
int buffer_find(unsigned long ino, char bdf[BDF_LEN], struct buffer *buffer);

/* guards.c: why a device must not lose its driver; 0, or fills in @why */
int guard_in_use(const char *bdf, char *why, size_t size);
int guard_mounted(const char *bdf, char *why, size_t size);
int guard_route(const char *bdf, char *why, size_t size);

/* The commands: argv[0] is the command's name. */
int cmd_list(int argc, char **argv);
int cmd_bind(int argc, char **argv);
int cmd_unbind(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_revoke(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif /* VFIO_DMABUF_TOOL_H */
