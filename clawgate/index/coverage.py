"""Which folders of a space the storage tells of (`interfaces.Changes`), so that the others are walked and none is left out.

A folder has to be covered before it is read for the first time, or what changes in between is seen by nobody. Since anybody may
read it at any time, it is covered when it becomes known, and read once more if somebody was quicker.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred

from ..interfaces import Hint
from ..log import make_logger
from ..model.path import ROOT, Path, join
from .entry import Entry

log = make_logger()

BATCH = 500
"""Folders covered in one call."""
FEW = 1000
"""Of so many it is asked again whether they are still there."""
PAGE = 10000
"""Folders asked for at once."""
KEPT = 20000
"""So many folders that nobody tells of are told apart; where there are more, all folders are walked."""


PATIENCE = 60.0
"""Seconds after which it is asked again for a folder that is listed and not told of."""


class Known(Protocol):
    """What is needed of `SpaceIndex`."""

    async def chain(self, path: Path) -> tuple[list[Entry], list[str]]:
        """The entries on the way to `path`, and the names that are left."""

    def disturb(self, folder: Entry) -> None:
        """Something may have been changed in a folder that is not learned."""

    def disturb_all(self) -> None:
        """Something may have been changed in any folder that is not learned."""

    async def folder_names(self, folder: Entry) -> list[str]:
        """The folders in `folder`."""

    def all_folders(self, page: int) -> AsyncIterator[Sequence[Path]]:
        """All known folders, first a page of those that changed last; some may come twice."""


class Coverage:
    """Of one space."""

    def __init__(
        self,
        space: str,
        index: Known,
        cover: Callable[[Sequence[Path]], Awaitable[Sequence[Path]]],
        report: Callable[[Sequence[Hint]], None],
        clock: Callable[[], float] = time.monotonic,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`cover` is `Changes.cover`, called in a thread; `report` takes hints as `Refresher.report` does; `clock` gives seconds
        that never go back; `lost` is called when nobody knows what is covered."""
        self._space = space
        self._index = index
        self._cover = cover
        self._report = report
        self._lost = lost
        self._untold: set[Path] = set()
        self._many = True
        """There are too many that it does not tell of; or nobody has asked yet."""
        self._new: dict[Path, bool] = {}
        """Folders to be covered, and whether all below them are to be, too."""
        self._clock = clock
        self._asked: OrderedDict[Path, float] = OrderedDict()
        """When it was asked last for folders that are listed and not told of."""
        self._working: Deferred[None] | None = None

    @property
    def complete(self) -> bool:
        """Whether the storage tells of every folder."""
        return not self._many and not self._untold

    def untold(self, path: Path) -> bool:
        """Whether somebody must look at the folder at `path` from time to time."""
        return self._many or path in self._untold

    async def begin(self) -> None:
        """Cover what the index knows, begin with what changed last; nothing was covered before."""
        self._untold.clear()
        self._many = False
        # The index of a new space does not even know its root.
        await self._add([ROOT])
        async for folders in self._index.all_folders(PAGE):
            for start in range(0, len(folders), BATCH):
                await self._add(folders[start : start + BATCH])
            if self._many:
                break
        self._index.disturb_all()

    def found(self, folders: Sequence[Path], *, deep: bool = False) -> None:
        """These became known, or with all below (`deep`) came from somewhere else."""
        if self._many and not deep:
            return
        for path in folders:
            self._new[path] = deep or self._new.get(path, False)
        self._begin()

    def listed(self, path: Path) -> None:
        """Somebody has listed a folder: if nobody tells of it, there may be room for it by now."""
        if path not in self._untold or path in self._new:
            return
        now = self._clock()
        if now - self._asked.get(path, float("-inf")) < PATIENCE:
            return
        self._asked[path] = now
        self._asked.move_to_end(path)
        if len(self._asked) > KEPT:
            self._asked.popitem(last=False)
        self._new[path] = False
        self._begin()

    def _begin(self) -> None:
        if self._working is None:
            working = self._working = Deferred.fromCoroutine(self._run())
            if working.called:
                self._working = None

    def left(self, folders: Sequence[Path]) -> None:
        """The storage does not tell of these any more."""
        self._untold.update(folders)
        if len(self._untold) > KEPT:
            self._untold.clear()
            self._many = True

    async def forget_gone(self) -> None:
        """Walk nothing for the sake of folders that are not there any more."""
        if len(self._untold) <= FEW:
            # More of them may be told of meanwhile.
            gone = [path for path in tuple(self._untold) if await self._find(path) is None]
            self._untold.difference_update(gone)

    async def stop(self) -> None:
        """End."""
        working = self._working
        if working is not None:
            # It may be over at once, and has taken itself away then.
            working.cancel()
            await working

    async def _find(self, path: Path) -> Entry | None:
        chain, names = await self._index.chain(path)
        return chain[-1] if chain and not names and chain[-1].is_folder else None

    async def _add(self, folders: Sequence[Path]) -> None:
        left = await self._cover(folders)
        self._untold.difference_update(folders)
        self.left(left)

    async def _run(self) -> None:
        batch: list[Path] = []
        deep: set[Path] = set()
        try:
            while self._new:
                batch = list(self._new)[:BATCH]
                deep = {path for path in batch if self._new.pop(path)}
                walked = self._untold.intersection(batch)
                await self._add([path for path in batch if await self._find(path) is not None])
                for path in batch:
                    folder = await self._find(path)
                    if folder is None or (path in walked and path in self._untold and path not in deep):
                        continue
                    if path in deep:
                        below = await self._index.folder_names(folder)
                        self._new.update(dict.fromkeys([join(path, name) for name in below], True))
                    if folder.learned:
                        self._report([Hint(path)])
                    else:
                        self._index.disturb(folder)
        except CancelledError:
            return
        except Exception as error:
            log.warn("{space}: new folders cannot be watched, they are walked: {error}", space=self._space, error=error)
            self.left([*batch, *self._new])
            moved = bool(deep) or any(self._new.values())
            self._new.clear()
            if moved:
                # What is below them is not known yet.
                self._lost()
        finally:
            self._working = None
