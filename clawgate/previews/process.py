"""The process that makes pictures: it reads an order and the file, lets a child of its own make the picture, and writes that.

A child lives for one picture, without rights, descriptors or the means to get any (setrlimit(2), prctl(2), capset(2)). What kills
it, or takes over, has nothing but its memory. This process only passes bytes on. Everything ends with the gateway: at the end of
the standard input.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time
import warnings
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn

HEAD = struct.Struct(">I")
"""Bytes of the JSON object that an order, or an answer, begins with; its ``size`` says how many bytes of content follow."""
HEAD_BYTES = 4096
"""At most."""
NOBODY = 65534
_DESCRIPTORS = 1 << 20
NICE = 5
"""Clients that transfer files come first."""
TYPES = ("image/jpeg", "image/png")
_DEATHS: dict[int, str] = {signal.SIGXCPU: "it takes too much computing", signal.SIGALRM: "it takes too long"}
_GRACE = 1.0
"""Seconds after which a child is killed that has not ended by itself."""
_PIECE = 65536
_SET_DEATH_SIGNAL, _SET_NO_NEW_RIGHTS = 1, 38
_CAPABILITIES = 0x20080522
"""Version 3 of the kernel's interface."""
_BROKEN = 7
"""How a child ends that has nothing to say any more."""


def main() -> None:
    """Work until the standard input ends. The limits are the first argument, a JSON object."""
    # Nothing that a library of the gateway may have left open is to be found here.
    os.closerange(3, _DESCRIPTORS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Pillow warns of images that are odd.
    warnings.simplefilter("ignore")
    limits = json.loads(sys.argv[1])
    os.nice(NICE)
    from . import drawing, writing

    drawing.load()
    writing.load()
    give_up_rights()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (head := _exactly(source, HEAD.size)) is not None:
        (length,) = HEAD.unpack(head)
        order = json.loads(_exactly(source, length) or b"")
        content = bytearray(order["size"])
        if not _fill(source, content):
            return
        answer, picture = made(order, content, limits)
        del content
        told = json.dumps(answer | {"size": len(picture)}).encode()
        target.write(HEAD.pack(len(told)) + told + picture)
        target.flush()


def give_up_rights() -> None:
    """Become nobody, if this is root, and let go of what a service may have been given besides. Raises `OSError`."""
    if os.geteuid() == 0 or os.getuid() == 0:
        # In a container root may lack the right to become somebody else; what it has goes all the same, below.
        with suppress(PermissionError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    none = (ctypes.c_uint32 * 6)()
    if libc.prctl(_SET_NO_NEW_RIGHTS, 1, 0, 0, 0) or libc.capset(head, none):
        raise OSError(ctypes.get_errno(), "rights cannot be given up")


def made(order: dict[str, Any], content: bytearray, limits: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The answer to an order, and the picture: made by a child, whatever becomes of that."""
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            _draw(order, content, limits, its)
        finally:
            os._exit(_BROKEN)
    os.close(its)
    ends = time.monotonic() + limits["seconds"] + _GRACE
    said = _all(ours, limits["result_bytes"] + HEAD_BYTES, ends)
    os.close(ours)
    if said is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if said is None:
        return {"why": "it takes too long, or becomes too large", "limit": True}, b""
    if os.WIFSIGNALED(status):
        return {"why": _DEATHS.get(os.WTERMSIG(status), "the process that makes it was killed"), "limit": True}, b""
    kind, _, picture = said.partition(b"\n")
    if os.WEXITSTATUS(status) == 0 and kind.decode("latin-1") in TYPES:
        return {"type": kind.decode()}, picture
    if kind == b"no":
        return {"why": picture[:500].decode("utf-8", "replace"), "limit": False}, b""
    why = "it needs more memory than it may have" if os.WEXITSTATUS(status) == _BROKEN else "the process that makes it ended"
    return {"why": why, "limit": True}, b""


def _draw(order: dict[str, Any], content: bytearray, limits: dict[str, Any], target: int) -> NoReturn:
    """In the child: never returns."""
    _confine(limits)
    from . import drawing, writing

    frame, most = (order["x"], order["y"]), limits["result_bytes"]
    try:
        if order["kind"] == "text":
            kind, picture = writing.write(content, frame, most)
        else:
            kind, picture = drawing.draw(content, order["way"], frame, order["enlarge"], limits["pixels"], most)
    except MemoryError:
        os._exit(_BROKEN)
    except Exception as error:
        # Pillow says with any exception that an image is broken.
        _write(target, f"no\n{type(error).__name__}: {error}".encode("utf-8", "replace")[:500])
        os._exit(0 if isinstance(error, drawing.Unshowable) else 1)
    _write(target, kind.encode() + b"\n" + picture)
    os._exit(0)


def _confine(limits: dict[str, Any]) -> None:
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    for what, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        # Neither a file nor a socket can be opened from here on.
        (resource.RLIMIT_NOFILE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    # At the second of them it would be killed, and nobody knew why.
    cpu = int(limits["cpu_seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    signal.setitimer(signal.ITIMER_REAL, limits["seconds"])


def _write(target: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


def _all(source: int, most: int, ends: float) -> bytes | None:
    """What is written until its end; None if that is too much, or takes too long."""
    found = bytearray()
    while (left := ends - time.monotonic()) > 0 and len(found) <= most:
        if not select.select([source], [], [], left)[0]:
            return None
        data = os.read(source, _PIECE)
        if not data:
            return bytes(found)
        found += data
    return None


def _exactly(source: BinaryIO, size: int) -> bytes | None:
    """So many bytes; None at the end of the input."""
    found = bytearray(size)
    return bytes(found) if _fill(source, found) else None


def _fill(source: BinaryIO, target: bytearray) -> bool:
    view, at = memoryview(target), 0
    while at < len(view):
        count = source.readinto(view[at : at + _PIECE])  # type: ignore[attr-defined]
        if not count:
            return False
        at += count
    return True
