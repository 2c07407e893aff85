"""System calls that Python does not offer, by ctypes. Each raises `OSError`; none holds the interpreter's lock while it waits."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
FICLONE = 0x40049409

_SYS_OPENAT2 = 437
_SYS_FACCESSAT2 = 439
_SYS_GETXATTRAT = 464
_TRIES = 1000
"""EAGAIN means: something was renamed just now, so that the kernel cannot tell whether ".." still lies within."""
_AT_EMPTY_PATH = 0x1000
_AT_EACCESS = 0x200
_AT_SYMLINK_NOFOLLOW = 0x100
_HANDLE_BYTES = 128
_HANDLE_HEAD = struct.Struct("Ii")
_XATTR_BYTES = 4096
_XATTR_ARGUMENTS = struct.Struct("QII")
"""Where the value goes, how many bytes fit there, flags (getxattrat(2), ``struct xattr_args``)."""
_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EOVERFLOW, errno.EINVAL})

_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _Scratch(threading.local):
    """Buffers that each thread uses again and again."""

    def __init__(self) -> None:
        self.handle = ctypes.create_string_buffer(_HANDLE_HEAD.size + _HANDLE_BYTES)
        self.mount = ctypes.c_int()
        self.mount_pointer = ctypes.byref(self.mount)
        self.xattr = ctypes.create_string_buffer(_XATTR_BYTES)
        place = _XATTR_ARGUMENTS.pack(ctypes.addressof(self.xattr), _XATTR_BYTES, 0)
        self.xattr_arguments = ctypes.create_string_buffer(place, _XATTR_ARGUMENTS.size)


_scratch = _Scratch()
_hows: dict[tuple[int, int], Any] = {}


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def _optional(name: str) -> Callable[..., int] | None:
    return getattr(_libc, name, None)


_getxattr = _libc.getxattr
_lgetxattr = _libc.lgetxattr
for _function in (_getxattr, _lgetxattr):
    _function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    _function.restype = ctypes.c_ssize_t
_getxattrat = ctypes.CFUNCTYPE(
    *(ctypes.c_long, ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint, ctypes.c_char_p, ctypes.c_void_p),
    ctypes.c_size_t,
    use_errno=True,
)(("syscall", _libc))
_renameat2 = _optional("renameat2")
_name_to_handle_at = _optional("name_to_handle_at")


def openat2(folder: int, path: bytes, flags: int, resolve: int) -> int:
    """Open `path` below the descriptor `folder` under the `RESOLVE_*` rules of openat2(2); `path` must not contain NUL."""
    how = _hows.get((flags, resolve))
    if how is None:
        how = _hows.setdefault((flags, resolve), ctypes.byref(_How(flags | os.O_CLOEXEC, 0, resolve)))
    for _ in range(_TRIES):
        fd: int = _libc.syscall(_SYS_OPENAT2, folder, path, how, 24)
        if fd >= 0:
            return fd
        if ctypes.get_errno() not in (errno.EINTR, errno.EAGAIN):
            break
    raise _failure()


def has_openat2() -> bool:
    """Whether the kernel (Linux 5.6) and its seccomp filter let us use openat2."""
    try:
        os.close(openat2(-100, b".", os.O_PATH, RESOLVE_BENEATH))
    except OSError:
        return False
    return True


def allowed(folder: int, name: bytes, mode: int) -> bool:
    """Whether the calling thread may do what `mode` (``os.R_OK`` ...) says with `name` in the open `folder`, with `folder` itself
    if empty: faccessat2(2), which looks at the file system ids as opening would. Raises `OSError` for what is not a refusal."""
    flags = _AT_EACCESS | (_AT_SYMLINK_NOFOLLOW if name else _AT_EMPTY_PATH)
    if _libc.syscall(_SYS_FACCESSAT2, folder, name, mode, flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return False
    if number == errno.ENOSYS:
        # Linux before 5.8: the C library looks at the process's ids, which are the right ones where nobody acts as a person.
        return os.access(name or b".", mode, dir_fd=folder, effective_ids=True, follow_symlinks=not name)
    raise OSError(number, os.strerror(number))


def has_faccessat2() -> bool:
    """Whether the kernel (Linux 5.8) and its seccomp filter let us use faccessat2."""
    _libc.syscall(_SYS_FACCESSAT2, -1, b"", os.F_OK, _AT_EACCESS | _AT_EMPTY_PATH)
    return ctypes.get_errno() == errno.EBADF


def rename(old_folder: int, old: bytes, new_folder: int, new: bytes, flags: int) -> None:
    """renameat2(2). Raises `OSError` with EINVAL where kernel or file system do not know `flags`."""
    if _renameat2 is None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if _renameat2(old_folder, old, new_folder, new, flags) != 0:
        number = ctypes.get_errno()
        if number in (errno.ENOSYS, errno.EOPNOTSUPP):
            number = errno.EINVAL
        raise OSError(number, os.strerror(number))


class Handle(NamedTuple):
    """A file handle: file system's own name of an inode and its generation."""

    kind: int
    data: bytes
    mount: int


def handle(folder: int, name: bytes) -> Handle | None:
    """name_to_handle_at(2) of `name` (a link is not followed), of `folder` itself if empty; None where there are no handles."""
    if _name_to_handle_at is None:
        return None
    scratch = _scratch
    buffer = scratch.handle
    _HANDLE_HEAD.pack_into(buffer, 0, _HANDLE_BYTES, 0)
    if _name_to_handle_at(folder, name, buffer, scratch.mount_pointer, 0 if name else _AT_EMPTY_PATH) != 0:
        if ctypes.get_errno() in _UNSUPPORTED:
            return None
        raise _failure()
    length, kind = _HANDLE_HEAD.unpack_from(buffer)
    return Handle(kind, buffer.raw[8 : 8 + length], scratch.mount.value)


def get_xattr(path: bytes, name: bytes, *, follow: bool) -> bytes:
    """An extended attribute of up to 4096 bytes; empty if there is none, or none can be read."""
    buffer = _scratch.xattr
    length: int = (_getxattr if follow else _lgetxattr)(path, name, buffer, _XATTR_BYTES)
    return ctypes.string_at(buffer, length) if length > 0 else b""


def get_xattr_of(folder: int, entry: bytes, name: bytes) -> bytes:
    """As `get_xattr` of `entry` in the open `folder`; a link is not followed.

    By getxattrat(2) where there is one (Linux 6.13, and a seccomp filter that knows it): it takes half the time of a path through
    /proc, and who learns a million files asks for a million attributes.
    """
    if not _HAS_GETXATTRAT:
        return get_xattr(b"/proc/self/fd/%d/%s" % (folder, entry), name, follow=False)
    scratch = _scratch
    arguments = scratch.xattr_arguments
    length: int = _getxattrat(_SYS_GETXATTRAT, folder, entry, _AT_SYMLINK_NOFOLLOW, name, arguments, _XATTR_ARGUMENTS.size)
    return ctypes.string_at(scratch.xattr, length) if length > 0 else b""


def has_getxattrat() -> bool:
    """Whether the kernel (Linux 6.13) and its seccomp filter let us use getxattrat."""
    _getxattrat(_SYS_GETXATTRAT, -1, b".", 0, b"user.", _scratch.xattr_arguments, _XATTR_ARGUMENTS.size)
    return ctypes.get_errno() == errno.EBADF


_HAS_GETXATTRAT = has_getxattrat()


def file_system_type(fd: int) -> int:
    """The magic number of the file system (statfs(2) ``f_type``)."""
    buffer = ctypes.create_string_buffer(256)
    if _libc.fstatfs(fd, buffer) != 0:
        raise _failure()
    return int(struct.unpack_from("l", buffer.raw)[0]) & 0xFFFFFFFF


def inotify_init() -> int:
    """A non-blocking inotify descriptor."""
    fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise _failure()
    return fd


def inotify_add(fd: int, path: bytes, mask: int) -> int:
    """Watch `path`; returns the watch descriptor."""
    watch: int = _libc.inotify_add_watch(fd, path, ctypes.c_uint32(mask))
    if watch < 0:
        raise _failure()
    return watch


def inotify_remove(fd: int, watch: int) -> None:
    """Stop a watch; one that is gone already is no error."""
    _libc.inotify_rm_watch(fd, watch)
