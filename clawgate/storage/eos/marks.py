"""Whose a temporary name is, and since when: of several gateways on one EOS none takes for left behind what another one is at.

A mark is in the name itself, because EOS keeps no time of a rename. It tells the machine, the process and the second; that of an
upload in pieces tells, instead of the second, whose sessions may know the upload. Clocks of others are not believed: what they
are at has the time that it may take from when it was first seen here.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from collections import OrderedDict
from functools import cache
from pathlib import Path

MARK = "[0-9a-f]{28}|[0-9a-f]{16}"
"""What a mark looks like; the shorter ones are those of releases before there was anything in them."""
OLD_MARK = 16
UPLOAD = "[0-9a-f]{32}|[0-9a-f]{34}"
"""That of an upload in pieces; the longer ones lie in a folder of their own (`names.STAGING`)."""
FRESH = 3600.0
"""Seconds for which an upload that no session names may be one that another process is just beginning."""
FOREIGN = 14 * 86400.0
"""The same for one of a gateway that keeps its sessions elsewhere; they do not live for so long there."""

LEASE = 3
"""How many times as long as one answer of a manager may take somebody elsewhere is taken to be still at it."""
LEASE_LEAST = 30.0
STALE = 86400.0
"""So old a mark is left behind, whenever it was first seen: no two clocks that anything else works with differ by so much."""

_SEEN = 10_000
"""Marks of others of which it is remembered since when they are known."""
_MARK = re.compile("([0-9a-f]{6})([0-9a-f]{6})([0-9a-f]{8})[0-9a-f]{8}")
_UPLOAD = re.compile("([0-9a-f]{6})([0-9a-f]{6})([0-9a-f]{6})[0-9a-f]{14,16}")


def mark(now: float) -> str:
    """A new one of this process. `now` is in seconds since 1970."""
    return f"{_process()}{int(now) & 0xFFFFFFFF:08x}{secrets.token_hex(4)}"


def lease(timeout: float) -> float:
    """Seconds for which others leave alone what has a mark. `timeout`: those that an answer of a manager may take."""
    return max(LEASE * timeout, LEASE_LEAST)


def is_late(begun: float, clock: float, timeout: float) -> bool:
    """Whether work begun at `begun`, by a clock that is never set, may last longer than others wait for it if it goes on with one
    more step."""
    return clock - begun >= lease(timeout) * (LEASE - 1) / LEASE


def is_left(text: str, now: float, known: float, lease: float) -> bool:
    """Whether what has this mark is left behind: its process is gone, or, where that cannot be seen from here, it is `known`
    (`Known.since`) for `lease` seconds, or a day old. What has a mark of this process is, unless we know of it: ask before."""
    found = _MARK.fullmatch(text)
    if found is None or _is_gone(found[1], found[2]):
        return True
    return known >= lease or now - int(found[3], 16) >= STALE


class Known:
    """Marks of others that were seen, and since when, by a clock that is never set."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def since(self, text: str, clock: float) -> float:
        """Seconds for which a mark is known; 0: it was not, and is from now on."""
        first = self._seen.setdefault(text, clock)
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        return clock - first


def upload_mark(deployment: str, *, staged: bool) -> str:
    """A new one for an upload in pieces. `deployment` is the same for all that share their sessions."""
    return f"{_digest(deployment)}{_process()}{secrets.token_hex(8 if staged else 7)}"


def is_staged(text: str) -> bool:
    """Whether the upload with this mark lies in the folder for uploads."""
    return len(text) == 34


def is_left_upload(text: str, deployment: str, age: float) -> bool:
    """Whether an upload with this mark, to which nothing was written for `age` seconds and which no session of ours names, is
    left behind."""
    found = _UPLOAD.fullmatch(text)
    if found is None or found[1] != _digest(deployment):
        return age >= FOREIGN
    return age >= FRESH or _is_gone(found[2], found[3])


def _is_gone(machine: str, process: str) -> bool:
    """Of this process that is said, too."""
    number = int(process, 16)
    return machine == _machine() and (number == os.getpid() or not _lives(number))


def _lives(number: int) -> bool:
    # Not by way of /proc, where processes of other accounts may be hidden (ProtectProc=invisible).
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _process() -> str:
    # Not remembered: a process may fork.
    return f"{_machine()}{os.getpid() & 0xFFFFFF:06x}"


@cache
def _machine() -> str:
    """This machine since it was started, as far as processes can see one another on it."""
    seen = [socket.gethostname()]
    try:
        seen += [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]
    except OSError:
        # Nothing can be said of other processes here; what they have left behind is known by its age.
        seen.append(secrets.token_hex(8))
    return _digest(" ".join(seen))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
