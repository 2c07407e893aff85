"""Learning in the background what lies in folders that nobody has listed yet, so that sizes and searches are complete.

Many folders are one call of the storage, and what they show is one transaction: what each costs by itself would be most of it
where folders are small. Both are short enough not to keep those waiting who work with the gateway meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import attrs

from ..errors import ClawgateError, NotAFolder, NotFound
from ..interfaces import Explored, Ids, Survey
from ..log import make_logger
from ..model.path import ROOT, Path, join
from .entry import FOLDER
from .idle import Idle, Troubles, together
from .learning import Lesson, Shown
from .reconcile import Outcome
from .space import SpaceIndex, pair

log = make_logger()

STEP = 10
"""Calls of the storage in one step."""
HOLD_SECONDS = 0.05
"""So long may one transaction keep others from the index, about; how much enters in one follows from how long the last took."""
FEWEST = 500
"""Files and folders that are entered at once however long that takes. Ids are in no order, so that in a small transaction each of
them changes another page of the database: to write these is most of what learning costs then."""
LOG_SECONDS = 30.0
"""Between signs of life in the log."""
AGAIN_SECONDS = 60.0
"""Between looks at all that is left: what could not be read, and what turned up at another place before it was learned."""


class Enters(Protocol):
    """What is needed of `storage.wrappers.observing.Observer`."""

    async def look(self, path: Path) -> Any:
        """Ask for one node."""

    async def scan(self, path: Path) -> Any:
        """Read a folder and enter what is new."""

    async def settle(self, path: Path, outcome: Outcome) -> None:
        """Finish what entering left open; the caller holds the index's lock."""

    async def follow(self, places: Sequence[Path]) -> None:
        """Look at further names of files that may have changed."""


@attrs.frozen
class Portions:
    """How much is done at once."""

    folders: int
    """Folders in one call of the storage."""
    entries: int
    """Files and folders in one transaction at most, about."""
    calls: int
    """Calls of the storage at a time."""


class Progress(NamedTuple):
    """What was learned of a space in this process."""

    folders: int = 0
    nodes: int = 0
    """Files and folders."""
    left: int = 0
    """Folders that are known and not learned, when they were counted last."""


def portion(size: int, most: int, nodes: int, seconds: float) -> int:
    """How many files and folders to enter next time, not more than `most`, if `nodes` took so many `seconds` where `size` were
    allowed. A transaction that was small for other reasons does not tell that more would fit."""
    if seconds <= HOLD_SECONDS and nodes * 2 <= size:
        return size
    fitting = int(nodes * HOLD_SECONDS / seconds) if seconds else most
    return min(most, max(FEWEST, min(fitting, size * 2)))


class Learner:
    """Learns one space."""

    def __init__(
        self, index: SpaceIndex, survey: Survey | None, ids: Ids, observer: Enters, idle: Idle, portions: Portions
    ) -> None:
        """Without `survey` folders are read one by one."""
        self._index = index
        self._survey = survey
        self._ids = ids
        self._observer = observer
        self._idle = idle
        self._portions = portions
        self._size = min(FEWEST, portions.entries)
        """Files and folders in the next transaction, about."""
        self._troubles = Troubles(index.id)
        self._todo: deque[Lesson] = deque()
        self._after = 0
        self._again: float | None = None
        self._begun: float | None = None
        self._logged = 0.0
        self._before = Progress()
        self.progress = Progress()

    @property
    def space(self) -> str:
        """The id of the space."""
        return self._index.id

    @property
    def working(self) -> bool:
        """Whether it has begun and not come to an end."""
        return self._begun is not None

    async def step(self) -> bool:
        """Learn some folders; returns whether there are more. Raises `StorageUnavailable` if the root is not there."""
        clock = self._idle.clock
        if self._again is not None and clock.seconds() >= self._again:
            self._after, self._again = 0, None
        size = self._portions.folders * STEP
        found = await self._index.lessons(self._after, size)
        if not found:
            if self._again is None:
                self._later(AGAIN_SECONDS)
            elif self._again <= clock.seconds():
                return True
            await self._ended()
            return False
        self._after = found[-1].no
        self._todo.extend(lesson for lesson in found if lesson.path is not None)
        if self._todo:
            await self._show_life()
            try:
                if self._begun is None:
                    # Folders below a root that is not there are not looked for.
                    await self._observer.look(ROOT)
                    self._troubles.end(ROOT)
                    self._begun = self._logged = clock.seconds()
                await together(self._portions.calls, [self._call] * STEP * 2)
            except ClawgateError as error:
                self._begun = None
                self._troubles.begin(ROOT, error)
                raise
            finally:
                if self._todo:
                    self._todo.clear()
                    self._later(0.0)
        return True

    async def _call(self) -> None:
        """One call of the storage, and what follows."""
        some = [self._todo.popleft() for _ in range(min(self._portions.folders, len(self._todo)))]
        if not some:
            return
        await self._idle.wait()
        if self._survey is None:
            for lesson in some:
                await self._scan(lesson)
            return
        read = self._index.disturbances.now()
        explored = await self._survey.explore([lesson.path for lesson in some if lesson.path is not None], self._size)
        self._todo.extendleft(reversed(some[len(explored) :]))
        shown: list[Shown] = []
        for lesson, one in zip(some, explored, strict=False):
            if one is None or (lesson.path and one.folder.seen != lesson.seen):
                # It has changed since it was found, or it is another one.
                await self._scan(lesson)
            elif one.identities is None:
                await self._large(lesson, one, read)
            else:
                names = {node.name for node in one.children}
                children = pair(one.children, one.identities)
                shown.append(Shown(lesson, children, one.folder, names, one.glance.fingerprint, read))
        if shown:
            await self._enter(shown)

    async def _large(self, lesson: Lesson, one: Explored, read: int) -> None:
        """Enter a folder bit by bit; it is not learned before the last one."""
        assert lesson.path is not None
        size = self._size
        names = {node.name for node in one.children}
        for start in range(0, len(one.children), size):
            some = one.children[start : start + size]
            identities = await self._ids.identify(lesson.path, [node.name for node in some])
            last = start + size >= len(one.children)
            news = Shown(lesson, pair(some, identities), one.folder if last else None, names, one.glance.fingerprint, read)
            await self._idle.wait()
            if not await self._enter([news]):
                return

    async def _enter(self, shown: Sequence[Shown]) -> bool:
        """Returns whether all was entered."""
        suspects: list[Path] = []
        namesakes: list[Path] = []
        complete = True
        async with self._index.lock:
            begun = self._idle.clock.seconds()
            outcomes = await self._index.learn(shown)
            nodes, seconds = sum([len(one.children) for one in shown]), self._idle.clock.seconds() - begun
            self._size = portion(self._size, self._portions.entries, nodes, seconds)
            for one, outcome in zip(shown, outcomes, strict=True):
                if outcome is None:
                    # We have changed something there ourselves, or somebody has listed it.
                    complete = False
                    self._later(0.0)
                    continue
                path = one.lesson.path
                assert path is not None
                await self._observer.settle(path, outcome)
                if outcome.clashes or any(row.kind == FOLDER and not row.learned for row in outcome.rows):
                    # A folder that is here now was perhaps looked for at its old place.
                    self._later(0.0)
                suspects += [join(path, name) for name in outcome.suspects]
                namesakes += outcome.namesakes
                folders, nodes, left = self.progress
                self.progress = Progress(folders + (one.folder is not None), nodes + len(one.children), left)
                self._troubles.end(path)
        for path in suspects:
            await self._try(path)
        await self._observer.follow(namesakes)
        return complete

    async def _scan(self, lesson: Lesson) -> None:
        """Learn one folder by itself, or hear why that cannot be done."""
        assert lesson.path is not None
        if await self._try(lesson.path):
            self.progress = self.progress._replace(folders=self.progress.folders + 1)

    async def _try(self, path: Path) -> bool:
        try:
            await self._observer.scan(path)
        except (NotFound, NotAFolder):
            return False
        except ClawgateError as error:
            await self._observer.look(ROOT)
            self._troubles.begin(path, error)
            self._later(AGAIN_SECONDS)
            return False
        self._troubles.end(path)
        return True

    def _later(self, seconds: float) -> None:
        """Begin anew then, with what is left."""
        again = self._idle.clock.seconds() + seconds
        self._again = again if self._again is None else min(self._again, again)

    async def _show_life(self) -> None:
        now = self._idle.clock.seconds()
        if self._begun is None or now - self._logged < LOG_SECONDS:
            return
        self._logged = now
        await self._count()
        log.info(
            "{space}: {folders} folders with {nodes} files and folders learned, {rate:.0f} a second; {left} folders are known to "
            "be left",
            space=self._index.id,
            folders=self.progress.folders - self._before.folders,
            nodes=self.progress.nodes - self._before.nodes,
            rate=(self.progress.nodes - self._before.nodes) / (now - self._begun),
            left=self.progress.left,
        )

    async def _ended(self) -> None:
        if self._begun is None:
            return
        await self._count()
        log.info(
            "{space}: learned {folders} folders with {nodes} files and folders in {seconds:.1f} s; {left} folders are left",
            space=self._index.id,
            folders=self.progress.folders - self._before.folders,
            nodes=self.progress.nodes - self._before.nodes,
            seconds=self._idle.clock.seconds() - self._begun,
            left=self.progress.left,
        )
        self._before = self.progress
        self._begun = None

    async def _count(self) -> None:
        self.progress = self.progress._replace(left=await self._index.count_unlearned())
