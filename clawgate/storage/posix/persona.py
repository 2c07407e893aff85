"""Working as a person: threads that take on somebody's rights before each task.

Only the threads of pools made for it do that, and they do nothing else. Their capabilities are cut down to what switching needs,
so that neither root's nor the gateway's rights help anybody. A thread whose switch fails does no work until one succeeds.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from ...errors import StorageUnavailable
from ...model.space import Persona
from ...workers import Workers
from . import credentials, kernel

P = ParamSpec("P")
T = TypeVar("T")

_LAST = 2**32 - 3
"""Above are what stands for nobody at all, and for "as it was"."""
_PERMITTED = credentials.SWITCHING | 1 << credentials.CHOWN


class _Here(threading.local):
    """What a thread knows of itself."""

    persona: Persona | None = None
    """Whose rights it has; None: nobody's that could be relied on."""


_here = _Here()


class Acting(Workers):
    """A pool for work as `persona`; the threads are those of `people`, which serves many."""

    def __init__(self, people: Workers, persona: Persona) -> None:
        """`people` must be used through objects of this class only."""
        self._people = people
        self.persona = persona

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Workers.run`. Raises `StorageUnavailable` if the person's rights cannot be taken on."""
        return await self._people.run(_act, self.persona, function, args, kwargs)

    async def run_always(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Workers.run_always`. Raises as `run`."""
        return await self._people.run_always(_act, self.persona, function, args, kwargs)


def _act(persona: Persona, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
    if _here.persona is not persona:
        take_on(persona)
    return function(*args, **kwargs)


def take_on(persona: Persona) -> None:
    """Give the calling thread the rights of `persona` for good. Raises `StorageUnavailable`; it has nobody's then."""
    if _here.persona == persona:
        return
    _here.persona = None
    ids = (persona.uid, persona.gid, *persona.groups)
    if not all(0 < id <= _LAST for id in ids):
        raise StorageUnavailable("nothing is ever done as the superuser or as nobody")
    try:
        credentials.limit(credentials.SWITCHING, _PERMITTED)
        credentials.switch(persona.uid, persona.gid, persona.groups)
        if credentials.capabilities() != (credentials.SWITCHING, _PERMITTED):
            raise OSError(1, "the thread kept capabilities")
    except OSError as error:
        raise StorageUnavailable(f"the rights of the person cannot be taken on: {error.strerror}") from error
    _here.persona = persona


def give_to_group(fd: int, gid: int) -> None:
    """Give an open file that the person owns to a group that the person need not be in, which only the gateway may do.

    For what the kernel would have done itself had the file been made in its folder. Raises `OSError`.
    """
    try:
        os.fchown(fd, -1, gid)
    except PermissionError:
        if gid == 0:
            raise
        with _may_chown():
            os.fchown(fd, -1, gid)


@contextlib.contextmanager
def _may_chown() -> Iterator[None]:
    persona, _here.persona = _here.persona, None
    try:
        credentials.limit(_PERMITTED, _PERMITTED)
        yield
    finally:
        credentials.limit(credentials.SWITCHING, _PERMITTED)
    _here.persona = persona


def missing() -> list[str]:
    """What the process lacks to act as others: names of capabilities, or what else is wrong; empty: nothing."""
    if not credentials.known():
        return ["a machine whose system calls are known"]
    try:
        permitted = credentials.capabilities().permitted
    except OSError as error:
        return [f"the system call capget ({error.strerror})"]
    lacks = [name for name, number in credentials.NEEDED.items() if not permitted >> number & 1]
    return lacks if kernel.has_faccessat2() else [*lacks, "the system call faccessat2 (Linux 5.8)"]
