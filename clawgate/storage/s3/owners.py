"""Who is at work on something that is noted down in the bucket, and whether it still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import attrs

LEASE = 3600.0
"""Seconds after which what belongs to a process on another machine is taken to be left behind."""


@attrs.frozen
class Owner:
    """One process of one machine since its last start."""

    machine: str
    boot: str
    pid: int
    started: str

    @property
    def text(self) -> str:
        """To be written down."""
        return f"{self.machine} {self.boot} {self.pid} {self.started}"

    def left(self, text: str, age: float) -> bool:
        """Whether what `text` (see `Owner.text`) noted down `age` seconds ago is left behind. Our own is, unless we know of it:
        ask before."""
        parts = text.split(" ")
        if len(parts) != 4 or not parts[2].isdigit():
            return True
        if parts[0] != self.machine:
            return age >= LEASE
        return parts[1] != self.boot or _started(int(parts[2])) != parts[3] or text == self.text


def _started(pid: int) -> str:
    """When a process started, in ticks; empty if there is none (or this is no Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@cache
def _me(pid: int) -> Owner:
    return Owner(socket.gethostname().replace(" ", "-"), _boot(), pid, _started(pid))


def me() -> Owner:
    """This process."""
    return _me(os.getpid())
