"""Looking after a tree that several people work on as themselves: its staging folder, and what they have left in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...errors import ClawgateError, Forbidden
from ...interfaces import Janitor
from ...log import make_logger
from ...workers import Workers
from .failures import guarded
from .ground import Ground
from .shared_staging import owners, prepare

log = make_logger()

Colleague = Callable[[int, int], Awaitable[Janitor]]
"""Gives somebody who clears up as the person with this uid, whose folder has this group. Raises `Forbidden` for one whose rights
are not taken on."""


class SharedJanitor(Janitor):
    """Clears up after each person as that person: nobody else may."""

    def __init__(self, own: Janitor, ground: Ground, workers: Workers, colleague: Colleague) -> None:
        """`own` clears up after the gateway itself, whose rights the threads of `workers` have."""
        self._own = own
        self._ground = ground
        self._workers = workers
        self._colleague = colleague

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`. Makes the staging folder if there is none."""
        people = await self._workers.run(self._people)
        removed = 0
        try:
            removed += await self._own.sweep(keep, older_than)
        except Forbidden:
            # It is the administrator's.
            return removed
        for uid, gid in people:
            try:
                removed += await (await self._colleague(uid, gid)).sweep(keep, older_than)
            except ClawgateError as error:
                log.warn("what uid {uid} has left cannot be cleared up: {error}", uid=uid, error=error)
        return removed

    def _people(self) -> list[tuple[int, int]]:
        with guarded(""):
            root = self._ground.root(anew=True).fd
            prepare(root)
            return list(owners(root))
