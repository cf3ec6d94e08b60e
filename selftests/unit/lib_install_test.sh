#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The library as it is installed: what a program finds by pkg-config, in C and in
# C++, shared and static, and which symbols it may use. Speaks TAP.
set -eu

src=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"
strict="-Wall -Wextra -Wpedantic -Werror"

# As a program that has nothing but the installed files.
pc() {
	PKG_CONFIG_PATH=$dest/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR='' \
		pkg-config "$@" libvfio-dmabuf
}

builds() {
	# shellcheck disable=SC2046,SC2086
	"$@" $(pc --cflags) $(pc --libs)
}

# The handler stays where the library was: a SIGBUS kills as such after dlclose().
cat >"$work/dlclose.c" <<END
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void touch(void *addr)
{
	*(volatile char *)addr;
}

int main(void)
{
	int fd = memfd_create("empty", 0), status = 0;
	void *addr = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	void *lib = dlopen("libvfio-dmabuf.so.1", RTLD_NOW | RTLD_LOCAL);
	int (*guard)(const void *addr, size_t length, void (*fn)(void *arg),
		     void *arg);

	if (!lib || addr == MAP_FAILED)
		return 1;
	*(void **)&guard = dlsym(lib, "vfio_dmabuf_guard");
	if (!guard || guard(addr, 4096, touch, addr) != -EFAULT)
		return 2;
	dlclose(lib);
	if (!fork()) {
		touch(addr);
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS ? 0 : 3;
}
END

# An exception leaves no guard behind: what faults later is the outer guard's, or
# nobody's.
cat >"$work/throw.cc" <<END
#include <vfio_dmabuf.h>
#include <csignal>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *area;
static volatile int after;

static void touch(void *addr)
{
	*static_cast<volatile char *>(addr);
	after = 1;
}

static void thrower(void *)
{
	throw 1;
}

static bool thrown(void)
{
	try {
		vfio_dmabuf_guard(area, 4096, thrower, nullptr);
	} catch (int) {
		return true;
	}
	return false;
}

static void nest(void *)
{
	if (thrown())
		touch(area);
	after = 1;
}

int main()
{
	int fd = memfd_create("empty", 0), status = 0;

	area = static_cast<char *>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED,
					fd, 0));
	if (vfio_dmabuf_guard(area, 4096, nest, nullptr) != -14 || after)
		return 1;
	if (!thrown())
		return 2;
	if (!fork()) {
		touch(area);
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS ? 0 : 3;
}
END

only_ours() {
	nm -D --defined-only "$dest/lib/libvfio-dmabuf.so" |
		awk '$2 == "T" { print $3 }' >"$work/symbols"
	[ -s "$work/symbols" ] && ! grep -v '^vfio_dmabuf_.*@@VFIO_DMABUF_1' \
		"$work/symbols"
}

# Each function of the header is in the library, and has a page.
complete() {
	sed -n 's/.*\b\(vfio_dmabuf_[a-z_]*\)(.*/\1/p' \
		"$dest/include/vfio_dmabuf.h" | sort -u >"$work/declared"
	sed 's/@.*//' "$work/symbols" | sort -u | cmp - "$work/declared"
	while read -r function; do
		[ -e "$dest/share/man/man3/$function.3" ] || {
			echo "no page for $function"
			return 1
		}
	done <"$work/declared"
}

plan 14
dest=$work/usr
ok "installs" make -s -C "$src/lib" CC="$CC" O="$work/lib" PREFIX="$dest" install

cat >"$work/user.c" <<END
#include <vfio_dmabuf.h>

int main(void)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;
	int ret = vfio_dmabuf_open(ctx, "no address", 0, &dev);

	vfio_dmabuf_free(ctx);
	return ret == -22 ? 0 : 1;
}
END
cp "$work/user.c" "$work/user.cc"
# shellcheck disable=SC2086
{
	ok "builds in C" builds "$CC" -std=c99 $strict "$work/user.c" \
		-o "$work/shared"
	ok "builds static" builds "$CC" -static $strict "$work/user.c" \
		-o "$work/static"
	with_cxx "builds in C++" builds "$CXX" -std=c++11 $strict \
		"$work/user.cc" -o "$work/cxx"
	ok "builds with dlopen()" "$CC" $strict "$work/dlclose.c" \
		-o "$work/dlclose" -ldl
	with_cxx "builds what throws" builds "$CXX" -std=c++11 $strict \
		"$work/throw.cc" -o "$work/throw"
	with_cxx "builds it static" builds "$CXX" -static -std=c++11 $strict \
		"$work/throw.cc" -o "$work/throw-static"
}
ok "runs, shared" env LD_LIBRARY_PATH="$dest/lib" "$work/shared"
ok "runs, static" "$work/static"
ok "a SIGBUS after dlclose() is still one" \
	env LD_LIBRARY_PATH="$dest/lib" "$work/dlclose"
with_cxx "an exception may leave a guard" \
	env LD_LIBRARY_PATH="$dest/lib" "$work/throw"
with_cxx "also in a static program" "$work/throw-static"
ok "exports its own symbols alone, with a version" only_ours
ok "has each function of the header, and a page of it" complete
[ "$failed" = 0 ]
