"""Whose rights a thread has: system calls that change the calling thread alone.

The C library's `setgroups` and its kin change all threads of the process and would hand one person's rights to everybody; so the
kernel is called directly. Files are judged by the file system user id (credentials(7)); the process's own ids stay what they are.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from typing import NamedTuple

CHOWN, SETGID, SETUID = 0, 6, 7
"""Numbers of capabilities (capabilities(7))."""
NEEDED = {"CAP_CHOWN": CHOWN, "CAP_SETGID": SETGID, "CAP_SETUID": SETUID}
"""What the process must be permitted."""
SWITCHING = 1 << SETGID | 1 << SETUID

_VERSION = 0x20080522
_NOBODY = 2**32 - 1
"""An id that is none: a change to it fails, and tells the present one."""


class _Numbers(NamedTuple):
    """System calls with ids of 32 bits."""

    getgroups: int
    setgroups: int
    setfsuid: int
    setfsgid: int
    capget: int
    capset: int


_GENERIC = _Numbers(158, 159, 151, 152, 90, 91)
_I386 = _Numbers(205, 206, 215, 216, 184, 185)
_NUMBERS = {
    "x86_64": _Numbers(115, 116, 122, 123, 125, 126),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "i386": _I386,
    "i586": _I386,
    "i686": _I386,
    "armv6l": _I386,
    "armv7l": _I386,
    "s390x": _I386,
    "ppc64le": _Numbers(80, 81, 138, 139, 183, 184),
}
_machine = platform.machine()
if struct.calcsize("P") == 4:
    _machine = {"x86_64": "i686", "aarch64": "armv7l"}.get(_machine, _machine)
_calls = _NUMBERS.get(_machine)
_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


class Capabilities(NamedTuple):
    """The sets of the calling thread, a bit for each capability."""

    effective: int
    permitted: int


def known() -> bool:
    """Whether the calls of this machine's kernel are known here."""
    return _calls is not None


def _numbers() -> _Numbers:
    if _calls is None:
        raise OSError(0, f"the system calls of {_machine} are not known")
    return _calls


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def capabilities() -> Capabilities:
    """Those of the calling thread. Raises `OSError`."""
    header = struct.pack("Ii", _VERSION, 0)
    data = ctypes.create_string_buffer(24)
    if _syscall(ctypes.c_long(_numbers().capget), header, data) != 0:
        raise _failure()
    low, permitted, _, high, permitted_high, _ = struct.unpack("6I", data.raw)
    return Capabilities(low | high << 32, permitted | permitted_high << 32)


def limit(effective: int, permitted: int) -> None:
    """Let the calling thread have these capabilities and none besides, nor any to inherit. Raises `OSError`."""
    header = struct.pack("Ii", _VERSION, 0)
    low, high = 0xFFFFFFFF, 32
    data = struct.pack("6I", effective & low, permitted & low, 0, effective >> high, permitted >> high, 0)
    if _syscall(ctypes.c_long(_numbers().capset), header, data) != 0:
        raise _failure()


def switch(uid: int, gid: int, groups: Sequence[int]) -> None:
    """Give the calling thread the file rights of these ids. Raises `OSError`; whose rights it has then is not known."""
    calls = _numbers()
    ids = (ctypes.c_uint32 * max(1, len(groups)))(*groups)
    if _syscall(ctypes.c_long(calls.setgroups), ctypes.c_long(len(groups)), ids) != 0:
        raise _failure()
    # These two return what was before, and nothing tells that they failed.
    _syscall(ctypes.c_long(calls.setfsgid), ctypes.c_uint32(gid))
    _syscall(ctypes.c_long(calls.setfsuid), ctypes.c_uint32(uid))
    if present() != (uid, gid, tuple(sorted(groups))):
        raise OSError(1, "the thread did not become the person")


def present() -> tuple[int, int, tuple[int, ...]]:
    """File system uid and gid and the sorted supplementary groups of the calling thread. Raises `OSError`."""
    calls = _numbers()
    uid = _syscall(ctypes.c_long(calls.setfsuid), ctypes.c_uint32(_NOBODY)) & 0xFFFFFFFF
    gid = _syscall(ctypes.c_long(calls.setfsgid), ctypes.c_uint32(_NOBODY)) & 0xFFFFFFFF
    count = _syscall(ctypes.c_long(calls.getgroups), ctypes.c_long(0), None)
    ids = (ctypes.c_uint32 * max(1, count))()
    count = _syscall(ctypes.c_long(calls.getgroups), ctypes.c_long(count), ids)
    if count < 0:
        raise _failure()
    return uid, gid, tuple(sorted(ids[:count]))
