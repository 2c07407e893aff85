"""The head of an HTTP/2 request (RFC 9113 section 8.3): pseudo-header fields and fields, from the list that h2 gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .head import Fields, add_field, is_target

_OVERHEAD = 32
"""Bytes that a field counts besides its name and value (RFC 9113 section 6.5.2)."""


class Head2(NamedTuple):
    """What the list says."""

    verb: str
    target: bytes
    """Path and query as on the wire, or ``*``; not checked."""
    fields: Fields
    size: int
    """Bytes, as HTTP/2 counts them."""

    @property
    def is_path(self) -> bool:
        """Whether the target is one that this server has."""
        target = self.target
        return is_target(target) and (target.startswith(b"/") or (target == b"*" and self.verb == "OPTIONS"))


def read(headers: Sequence[tuple[bytes, bytes]]) -> Head2:
    """Take the list apart; h2 has checked that it is well-formed."""
    fields: Fields = {}
    verb, target, host = "", b"", None
    size = 0
    for raw_name, raw_value in headers:
        size += len(raw_name) + len(raw_value) + _OVERHEAD
        if raw_name[:1] != b":":
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
            if name == "cookie" and name in fields:
                fields[name][0] += "; " + value
            else:
                add_field(fields, name, value)
        elif raw_name == b":method":
            verb = raw_value.decode("latin-1")
        elif raw_name == b":path":
            target = raw_value
        elif raw_name == b":authority":
            host = raw_value.decode("latin-1")
    if host is not None:
        fields["host"] = [host]
    return Head2(verb, target, fields, size)


def trailers(headers: Sequence[tuple[bytes, bytes]]) -> tuple[Fields, int]:
    """The fields behind a body and their size in bytes."""
    fields: Fields = {}
    size = 0
    for name, value in headers:
        size += len(name) + len(value) + _OVERHEAD
        add_field(fields, name.decode("latin-1"), value.decode("latin-1").strip(" \t"))
    return fields, size
