"""Learning in the background what lies in folders that nobody has listed yet, so that sizes and searches are complete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import ClawgateError, NotAFolder, NotFound
from ..log import make_logger
from ..model.path import Path

log = make_logger()


class Learner:
    """Scans unlearned folders of one space, a few at each call."""

    def __init__(
        self, space: str, scan: Callable[[Path], Awaitable[object]], unlearned: Callable[[int], Awaitable[list[Path]]]
    ) -> None:
        """`scan` enters one folder (`Observer.scan`), `unlearned` names some still to do (`SpaceIndex.unlearned`)."""
        self.space = space
        self._scan = scan
        self._unlearned = unlearned

    async def step(self, folders: int) -> int:
        """Learn up to `folders` folders; returns how many. Folders that cannot be read stay for a later round."""
        learned = 0
        for path in await self._unlearned(folders):
            try:
                await self._scan(path)
                learned += 1
            except (NotFound, NotAFolder):
                continue
            except ClawgateError as error:
                log.warn("{space}: {path} cannot be listed: {error}", space=self.space, path=path, error=error)
        return learned
