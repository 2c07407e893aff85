"""What is asked of a server and what it answers, as values; and the seam to the library that speaks with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

SUCCESS = 0
TIME_LIMIT = 3
SIZE_LIMIT = 4
ADMINISTRATIVE_LIMIT = 11
NO_SUCH_OBJECT = 32
BUSY = 51
UNAVAILABLE = 52
"""Result codes (RFC 4511 section 4.1.9)."""


@attrs.frozen
class Query:
    """A search (RFC 4511 section 4.5.1)."""

    base: str
    scope: str
    """``base``, ``one`` or ``sub``."""
    filter: str
    attributes: tuple[str, ...] = ()
    """Those that are wanted; none if empty."""
    limit: int = 1
    """Entries to answer with at most."""


@attrs.frozen
class Entry:
    """What the directory has under one name."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]] = attrs.field(factory=dict, hash=False)
    """By the attribute's name in lower case; attributes without values are left out."""


@attrs.frozen
class Answer:
    """How an operation ended."""

    code: int
    name: str = ""
    """The code as RFC 4511 calls it."""
    message: str = ""
    """What the server says besides, for people."""
    policy: int | None = None
    """The error in the response of the password policy control (draft-behera-ldap-password-policy section 6.2)."""

    def __str__(self) -> str:
        return f"{self.name or self.code}{f' ({self.message})' if self.message else ''}"


@attrs.frozen
class Found:
    """What a search found, and how it ended."""

    answer: Answer
    entries: tuple[Entry, ...] = ()


class Link(Protocol):
    """A connection to one server. All methods block, for a bounded time, and are for one thread at a time."""

    def bind(self, dn: str, password: str) -> Answer:
        """Become `dn` (simple bind). Raises `ServerFailed`, and `ValueError` if the name or the password is empty: servers take
        that for an anonymous bind and call it a success (RFC 4513 section 5.1.2)."""

    def search(self, query: Query) -> Found:
        """Whatever the result is. Raises `ServerFailed`."""

    def close(self) -> None:
        """Never raises."""
