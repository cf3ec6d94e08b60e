/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_DMABUF_TOOL_H
#define VFIO_DMABUF_TOOL_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../lib/sysfs.h"

#define PROGRAM		"vfio-dmabuf"
#define OUR_DRIVER	"vfio-pci-dmabuf-mmap"
#define DROPIN		"vfio-pci"
#define OUR_DEBUGFS	"/sys/kernel/debug/vfio_pci_dmabuf_mmap"
#define BDF_LEN		VD_BDF_LEN
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
#define OPTION_JSON	{ "json", no_argument, NULL, 'j' }
#define OPTION_HELP	{ "help", no_argument, NULL, 'h' }

/* getopt_long(), which deals with what all commands have. */
int next_option(int argc, char **argv, const char *order,
		const struct option *options);
bool is_root(const char *what);

/* print.c: text for a terminal, with what would act on it escaped */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* @status, or FAILED if the output got lost. */
int flushed(int status);

/* text.c */
int read_text(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int write_text(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int read_link(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *base_name(const char *path);
void unescape(char *out, size_t size, const char *text);
int parse_size(const char *text, uint64_t *value);
const char *size_text(uint64_t size, char buf[32]);

/* json.c */
json_t *json_text(const char *text);
int json_print(json_t *value);

/* pci.c */
struct bar {
	uint64_t start;
	uint64_t size;
	bool io;
	bool prefetchable;
	bool wide;
	bool unset;		/* the kernel found no place for it */
};

/* The device that a path in /sys runs through last; "" if none. */
void bdf_of_path(const char *path, char bdf[BDF_LEN]);
/* DONE, or says what is wrong with @text. */
int parse_address(const char *text, char bdf[BDF_LEN]);
/* Likewise, also if there is no such device. */
int parse_device(const char *text, char bdf[BDF_LEN]);
/* "" where there is none. */
void pci_driver(const char *bdf, char driver[NAME_LEN]);
int pci_group(const char *bdf);
void pci_bars(const char *bdf, struct bar bars[NR_BARS]);

struct pci_names {
	unsigned int vendor_id;
	unsigned int device_id;
	char vendor[128];
	char device[128];
};

/* False if not even the numbers can be read. */
bool pci_names(const char *bdf, struct pci_names *names);
/* Calls @fn for each device until it returns non-zero. */
int pci_each(int (*fn)(const char *bdf, void *arg), void *arg);

/* names.c: what lspci calls the vendor and the device of these ids, or "" */
void pci_names_find(struct pci_names *names);
void pci_names_end(void);

/* procs.c: which process has what open or mapped */
enum file_kind {
	FILE_DMABUF,		/* ino is the DMABUF's */
	FILE_DEVICE,		/* a VFIO device fd */
	FILE_GROUP,		/* number is the group's */
	FILE_NODE,		/* another node of /dev that belongs to a device */
	FILE_MAPPING,		/* of the DMABUF ino */
	FILE_BAR,		/* a BAR is mapped */
};

struct file_use {
	enum file_kind kind;
	pid_t pid;
	int fd;
	unsigned int number;
	ino_t ino;
	char bdf[BDF_LEN];	/* of a device; "" where the kernel does not tell */
	char comm[NAME_LEN];
};

struct uses {
	struct file_use *use;
	size_t nr;
	bool partial;		/* not every process could be read */
};

typedef bool (*use_filter)(const struct file_use *use, const void *arg);

int uses_read(struct uses *uses);
void uses_free(struct uses *uses);
/* Whether the use passes @filter, and none of its process before it. */
bool uses_first(const struct uses *uses, size_t i, use_filter filter,
		const void *arg);

/* users.c */
struct device_key {
	const char *bdf;
	int group;
};

bool uses_device(const struct file_use *use, const void *device_key);
/* "qemu (pid 17), vend (pid 20)", or "" if nobody that can be seen. */
int users_of(const char *bdf, char *text, size_t size);
/* As the guards below. */
int guard_in_use(const char *bdf, char *why, size_t size);

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
/* Of all devices, until @fn returns non-zero; -ENXIO without the driver's list. */
typedef int (*buffer_fn)(const char *bdf, const struct buffer *b, void *arg);
int buffers_each(buffer_fn fn, void *arg);

/* guards.c: why a device must not lose its driver; 0, or fills in @why */
int guard_mounted(const char *bdf, char *why, size_t size);
int guard_route(const char *bdf, char *why, size_t size);

/* state.c: what a device had before it was given to our driver */
struct before {
	char driver[NAME_LEN];
	char override[NAME_LEN];
};

enum state {
	STATE_NONE,		/* or others have bound the device since */
	STATE_BOUND,
	STATE_UNFINISHED,	/* a bind or unbind was interrupted */
};

enum state state_load(const char *bdf, struct before *before);
int state_save(const char *bdf, const struct before *before, enum state state);
void state_forget(const char *bdf);

/* module.c */
bool driver_is_there(const char *driver);
int load_module(void);
/* The name that it has here: of a drop-in that is loaded, vfio-pci. */
const char *our_driver(void);
bool is_ours(const char *driver);
/* Its folder below /sys/module. */
const char *our_module(void);

/* The commands: argv[0] is the program's name. */
int cmd_list(int argc, char **argv);
int cmd_bind(int argc, char **argv);
int cmd_unbind(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_revoke(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif /* VFIO_DMABUF_TOOL_H */
