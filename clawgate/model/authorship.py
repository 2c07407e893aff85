"""Who makes the changes that a request makes, as the program calls itself that sent it (``Initiator-ID``, oCIS)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST = 100
"""Letters of a name that counts."""


class _Author:
    """Only as long as the request is answered: what was begun meanwhile and goes on afterwards is nobody's."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


_current: ContextVar[_Author | None] = ContextVar("author", default=None)


def author() -> str:
    """The name; empty outside of requests, and where there is none."""
    found = _current.get()
    return found.name if found is not None else ""


@contextmanager
def by(name: str) -> Iterator[None]:
    """What is done within is done by `name`."""
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        name = ""
    mine = _Author(name)
    token = _current.set(mine)
    try:
        yield
    finally:
        mine.name = ""
        _current.reset(token)
