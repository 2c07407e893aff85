"""Makes homes and dies, or runs into what is in the way: ``making_homes.py HOW ROOT SKELETON``.

``each``  makes one after the other, in folders of their own called 0, 1, 2 ...; each dies before another of the system calls that
          change something, the last one lives
``full``  prints which error comes of a full disk, and what is in ROOT afterwards
``user``  does ``each`` as an unprivileged user with CAP_CHOWN alone, and then clears up in all folders by making bob's home there
``none``  prints the error of such a user without any capability
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

from clawgate.errors import ClawgateError
from clawgate.model.home import NewHome
from clawgate.storage.posix import home, kernel, skeleton

CHANGES = ("mkdir", "chmod", "fchmod", "chown", "fchown", "symlink", "rename", "unlink", "rmdir", "fsync", "fdatasync")
STRANGER = 4000
CAP_CHOWN = 0


def main(how: str, root: str, source: str) -> None:
    if how in ("user", "none"):
        become(STRANGER, [CAP_CHOWN] if how == "user" else [])
    if how in ("full", "none"):
        try:
            home.HomeMaker().make(order(root, source))
        except ClawgateError as error:
            print(type(error).__name__, error)
        print(*os.listdir(root))
        return
    step = 0
    while True:
        folder = os.path.join(root, str(step))
        os.mkdir(folder)
        child = os.fork()
        if not child:
            mortal([step])
            home.HomeMaker().make(order(folder, source))
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if not code:
            break
        assert code == -signal.SIGKILL, code
        step += 1
    if how == "user":
        for name in os.listdir(root):
            home.HomeMaker().make(NewHome(os.path.join(root, name), ("bob",)))


def order(root: str, source: str) -> NewHome:
    limits = {"skeleton_bytes": 10000000, "skeleton_entries": 100}
    return NewHome(root, ("alice",), uid=1001, gid=1002, skeleton=source, **limits, durability="full")


def mortal(left: list[int]) -> None:
    """From now on, die before the call with this number that changes something."""

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return count

    for name in CHANGES:
        setattr(os, name, counted(getattr(os, name)))
    kernel.rename = counted(kernel.rename)
    skeleton.transfer_range = counted(skeleton.transfer_range)
    opened, made = os.open, counted(os.open)
    os.open = lambda path, flags, *more, **how: (made if flags & os.O_CREAT else opened)(path, flags, *more, **how)


def become(user: int, capabilities: list[int]) -> None:
    """Give up root, but for `capabilities` (capset(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(8, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS"
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    bits = sum(1 << one for one in capabilities)
    header, data = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", bits, bits, 0, 0, 0, 0)
    assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())


main(*sys.argv[1:])
