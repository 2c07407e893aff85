"""What goes wrong on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from .record import Exchange


@attrs.define(eq=False, kw_only=True)
class Fault:
    """Which requests it is about, and what happens to them. All that is not set takes its usual course."""

    server: str = ""
    """"mgm", "mhd", "fst", "fst-mhd"; empty for all."""
    method: str = ""
    path: str = ""
    """A regular expression that the whole path matches."""
    command: str = ""
    """Of `/proc`: "fileinfo", "file rename", ..."""
    times: int = 1
    """How often; 0 for ever."""
    skip: int = 0
    """How many that fit pass first."""

    status: int = 0
    """Answer so instead of doing anything."""
    body: bytes = b""
    headers: dict[str, str] = attrs.field(factory=dict)
    delay: float = 0.0
    """Seconds before anything else."""
    hang: bool = False
    """Never answer."""
    drop: bool = False
    """Close without doing anything."""
    lose: bool = False
    """Do it, and close without an answer."""
    receive: int | None = None
    """Cut the connection after so many bytes of the request's body."""
    send: int | None = None
    """Cut it after so many bytes of the answer's body; where the body is chunked, end it as if it were whole."""
    rate: float = 0.0
    """Bytes a second of bodies."""
    location: str | Callable[[str], str] = ""
    """Where a redirect leads; `{path}` is the path, `{location}` the right one."""
    close: bool = False
    """Close after the answer, whatever it says about keeping the connection."""
    stall: bool = False
    """The answer of a stall given in seconds (section 8)."""

    def redirect(self, location: str, path: str) -> str:
        """Where a redirect leads that should lead to `location`."""
        if callable(self.location):
            return self.location(location)
        return self.location.replace("{path}", path).replace("{location}", location) if self.location else location


class Faults:
    """Those that wait for their requests."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Have it happen."""
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """None any more."""
        self.waiting.clear()

    def take(self, one: Exchange) -> Fault | None:
        """The first that is about this request; its `times` are one less."""
        for fault in self.waiting:
            if not _fits(fault, one):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times:
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
            return fault
        return None


def _fits(fault: Fault, one: Exchange) -> bool:
    return (
        fault.server in ("", one.server)
        and fault.method in ("", one.method)
        and fault.command in ("", one.command)
        and (not fault.path or re.fullmatch(fault.path, one.path) is not None)
    )
