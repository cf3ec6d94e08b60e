# SPDX-License-Identifier: GPL-2.0-only
"""The library from Python: usage: lib_python.py LIBRARY. Speaks TAP.

A file that is shorter than its mapping stands for a revoked buffer.
"""
import ctypes
import errno
import faulthandler
import mmap
import os
import signal
import socket
import sys

PAGE = mmap.PAGESIZE
INVALID = b"no address"


class Info(ctypes.Structure):
    """struct vfio_dmabuf_info"""

    _fields_ = [("size", ctypes.c_uint64), ("phase", ctypes.c_uint32),
                ("memattr", ctypes.c_uint32), ("name", ctypes.c_char * 32)]


def load(path):
    lib = ctypes.CDLL(path)
    lib.vfio_dmabuf_new.restype = ctypes.c_void_p
    lib.vfio_dmabuf_free.argtypes = [ctypes.c_void_p]
    lib.vfio_dmabuf_error.argtypes = [ctypes.c_void_p]
    lib.vfio_dmabuf_error.restype = ctypes.c_char_p
    lib.vfio_dmabuf_open.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                     ctypes.c_uint, ctypes.c_void_p]
    lib.vfio_dmabuf_read.argtypes = [ctypes.c_char_p, ctypes.c_void_p,
                                     ctypes.c_size_t]
    lib.vfio_dmabuf_write.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                      ctypes.c_size_t]
    lib.vfio_dmabuf_send.argtypes = [ctypes.c_void_p, ctypes.c_int,
                                     ctypes.c_int, ctypes.POINTER(Info)]
    lib.vfio_dmabuf_recv.argtypes = [ctypes.c_void_p, ctypes.c_int,
                                     ctypes.POINTER(Info)]
    return lib


class Mapping:
    """A page of a file of that size."""

    def __init__(self, size):
        self.fd = os.memfd_create("unit")
        os.ftruncate(self.fd, PAGE)
        self.map = mmap.mmap(self.fd, PAGE)
        self.addr = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        os.ftruncate(self.fd, size)


def errors_are_told(lib, ctx):
    dev = ctypes.c_void_p()
    return (lib.vfio_dmabuf_open(ctx, INVALID, 0, ctypes.byref(dev)) ==
            -errno.EINVAL and INVALID in lib.vfio_dmabuf_error(ctx))


def bytes_are_copied(lib, _):
    good = Mapping(PAGE)
    out = ctypes.create_string_buffer(8)
    return (lib.vfio_dmabuf_write(good.addr, b"doorbell", 8) == 0 and
            good.map[:8] == b"doorbell" and
            lib.vfio_dmabuf_read(out, good.addr, 8) == 0 and
            out.raw == b"doorbell")


def revocation_is_an_error(lib, _):
    bad = Mapping(0)
    out = ctypes.create_string_buffer(8)
    return all(lib.vfio_dmabuf_read(out, bad.addr, 8) == -errno.EFAULT and
               lib.vfio_dmabuf_write(bad.addr, out, 8) == -errno.EFAULT
               for _ in range(1000))


def what_arrives_is_checked(lib, ctx):
    here, there = socket.socketpair()
    file = Mapping(PAGE)
    info = Info(size=PAGE, name=b"lent")
    return (lib.vfio_dmabuf_send(ctx, here.fileno(), file.fd,
                                 ctypes.byref(info)) == 0 and
            lib.vfio_dmabuf_recv(ctx, there.fileno(), ctypes.byref(info)) ==
            -errno.EPROTO and b"not a DMABUF" in lib.vfio_dmabuf_error(ctx))


def others_go_to_faulthandler(_lib, _ctx):
    """The handler of Python's that was there before the library's."""
    told, tell = os.pipe()
    bad = Mapping(0)
    pid = os.fork()
    if not pid:
        os.dup2(tell, 2)
        ctypes.string_at(bad.addr, 1)
        os._exit(0)
    os.close(tell)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(told, "rb") as report:
        return (os.WIFSIGNALED(status) and
                os.WTERMSIG(status) == signal.SIGBUS and
                b"Bus error" in report.read())


def main():
    tests = [errors_are_told, bytes_are_copied, revocation_is_an_error,
             what_arrives_is_checked, others_go_to_faulthandler]
    failed = 0
    faulthandler.enable(2)
    lib = load(sys.argv[1])
    ctx = lib.vfio_dmabuf_new()
    print(f"TAP version 13\n1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        passed = test(lib, ctx)
        failed += not passed
        name = test.__name__.replace("_", " ")
        print(f"{'' if passed else 'not '}ok {number} - {name}", flush=True)
    lib.vfio_dmabuf_free(ctx)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
