"""The commands behind `/proc/user/` that come in protobuf, of which there are those for the trash (sections 4.8, 7.7).

Which field has which number differs between versions (`Recycle.proto` of EOS's grpc-proto); one of another type than expected is
unknown, and ignored, as protobuf does it. Rights and messages as in `Recycle.cc`.
"""

from __future__ import annotations

import base64
import binascii
import errno
from collections.abc import Mapping
from typing import Any

from .failures import EosError
from .identity import Identity
from .namespace import Namespace
from .nodes import Container
from .recycle import BIN, Recycled

_RECYCLE = 10
_KINDS = {1: "ls", 2: "purge", 3: "restore"}
_FIELDS: Mapping[str, Mapping[str, Mapping[int, tuple[str, type]]]] = {
    "old": {
        "ls": {1: ("details", int), 2: ("numeric", int), 3: ("monitor", int), 4: ("all", int), 5: ("date", bytes)},
        "purge": {1: ("all", int), 2: ("date", bytes), 3: ("key", bytes)},
        "restore": {1: ("force", int), 2: ("versions", int), 3: ("key", bytes), 4: ("parents", int)},
    },
    "new": {
        "ls": {1: ("details", int), 2: ("numeric", int), 3: ("monitor", int), 4: ("date", bytes), 5: ("most", int)},
        "purge": {1: ("date", bytes), 2: ("key", bytes), 3: ("type", int)},
        "restore": {1: ("force", int), 2: ("versions", int), 3: ("parents", int), 4: ("key", bytes)},
    },
}


class Console:
    """Runs them."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def named(self, text: str) -> str:
        """What a command is called in the record."""
        return f"recycle {self._read(text)[0]}".strip()

    def run(self, who: Identity, text: str) -> bytes:
        """The answer: neither sealed nor JSON."""
        kind, given = self._read(text)
        if not kind or not self._namespace.profile.console:
            return b"error: no such user command ''"
        try:
            said, wrong, number = getattr(self, f"_{kind}")(who, given), "", 0
        except EosError as error:
            said, wrong, number = "", f"error: {error.operation} {error.path}", error.errno
        answer = f"mgm.proc.stdout={said}&mgm.proc.stderr={wrong}&mgm.proc.retc={number}"
        return answer.encode("utf-8", "surrogateescape")

    def _read(self, text: str) -> tuple[str, dict[str, Any]]:
        try:
            whole = base64.b64decode(text, validate=True)
            inner = next((value for field, value in _fields(whole) if field == _RECYCLE and isinstance(value, bytes)), b"")
            number, body = next(((field, value) for field, value in _fields(inner) if isinstance(value, bytes)), (0, b""))
            kind = _KINDS.get(number, "")
            known = _FIELDS[self._namespace.profile.console_fields].get(kind, {})
            given = {}
            for field, value in _fields(body):
                name, wanted = known.get(field, ("", object))
                if name and isinstance(value, wanted):
                    given[name] = value.decode() if isinstance(value, bytes) else value
            return kind, given
        except (ValueError, IndexError, binascii.Error):
            return "", {}

    def _ls(self, who: Identity, given: dict[str, Any]) -> str:
        date = given.get("date", "")
        if date.strip("0123456789/"):
            raise EosError(errno.EINVAL, "list recycle bin", date)
        return "".join(
            self._line(one) for one in self._namespace.recycle.of(who.uid) if f"/{date}/" in f"{one.node.path}/" or not date
        )

    def _line(self, one: Recycled) -> str:
        kind = "recursive-dir" if isinstance(one.node, Container) else "file"
        size = one.node.tree_size if isinstance(one.node, Container) else one.node.size
        return (
            f"recycle=ls recycle-bin={BIN}/ uid={one.node.uid} gid={one.node.gid} size={size} deletion-time={one.time} "
            f"type={kind} "
            f"keylength.restore-path={len(one.path.encode('utf-8', 'surrogateescape'))} restore-path={one.path} "
            f'restore-key={one.key} dtrace="{{}}"\n'
        )

    def _purge(self, who: Identity, given: dict[str, Any]) -> str:
        if who.uid and not who.sudo:
            raise EosError(errno.EPERM, "purge recycle bin", given.get("key", ""))
        entry = self._namespace.recycle.find(given.get("key", ""), who.uid)
        del self._namespace.recycle.entries[entry.key]
        self._namespace.vanish(entry.node)
        return "success: purged"

    def _restore(self, who: Identity, given: dict[str, Any]) -> str:
        entry = self._namespace.recycled(who, given.get("key", ""))
        flags = {name: bool(given.get(name)) for name in ("force", "versions", "parents")}
        self._namespace.restore(entry, who, **flags)
        return f"success: restored path={entry.path}"


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """A message of protobuf: numbers of fields with integers or bytes. ValueError, IndexError for what is none."""
    found: list[tuple[int, int | bytes]] = []
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    while position < len(data):
        tag = varint()
        if tag & 7 == 0:
            found.append((tag >> 3, varint()))
        elif tag & 7 == 2:
            length = varint()
            if position + length > len(data):
                raise ValueError("cut off")
            found.append((tag >> 3, data[position : position + length]))
            position += length
        else:
            raise ValueError(f"wire type {tag & 7}")
    return found
