"""All that keeps the index of one space close to a storage that others change, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from ..interfaces import Changes, Hint
from ..log import make_logger
from ..model.path import Path, split
from ..settings import Mount, Outside
from . import known_folders
from .coverage import Coverage, Known
from .entry import Entry
from .freshness import Freshness, Way
from .refresher import Looks, Refresher, Tally
from .rounds import Rounds, Turns, Walked, Walker
from .space import SpaceIndex

log = make_logger()

LULL = 0.5
"""Seconds between a loss and the next attempt: losses come in flocks."""

UNSURE = 30.0
"""Seconds after which it is looked once more at what became of an interrupted change."""
MOST_UNSURE = 100
"""Of more such changes at a time everything is looked at."""

Run = Callable[[Callable[[Sequence[Path]], Sequence[Path]], Sequence[Path]], Awaitable[Sequence[Path]]]


class Following:
    """Of one space, from its opening to the end of the process."""

    def __init__(
        self,
        index: SpaceIndex,
        observer: Looks,
        walker: Walker,
        changes: Changes | None,
        name: str,
        mount: Mount,
        settings: Outside,
        run: Run,
        clock: Any,
        turns: Turns,
        tally: Tally,
        before: Callable[[], Awaitable[None]],
        known: float | None,
    ) -> None:
        """`observer` enters what is new, `walker` walks through all folders; without `changes` there is nothing but that. The
        mount is called `name`. `run` calls a function in a thread, `clock` is the reactor. `before` is awaited before changes are
        looked for; `known`: see `Freshness`."""
        self.space = index.id
        self.mount = name
        self.staleness_max = mount.staleness_max
        self._changes = changes
        self._clock = clock
        self._refresher = Refresher(
            index.id,
            observer,
            clock,
            tally,
            self._lost,
            self._moved,
            before,
            debounce=settings.debounce_seconds,
            busy=settings.busy_seconds,
            limit=settings.hints,
        )
        self._coverage = Coverage(
            index.id, _KnownFolders(index), self._cover(run), self._refresher.report, clock.seconds, self._lost
        )
        way = Way.SCAN if changes is None else Way.WATCH
        self.freshness = Freshness(way, clock.seconds, known, lambda: self._refresher.oldest, self._has_rest)
        self._rounds = Rounds(
            index.id,
            _Warily(walker, before, self._coverage),
            self.freshness,
            turns,
            clock,
            untold=self._coverage.untold,
            staleness_max=mount.staleness_max,
            idle=settings.idle_seconds,
            full=settings.full_hours * 3600,
        )
        self._index = index
        self._unsubscribe: Callable[[], None] | None = None
        self._covering: Deferred[None] | None = None
        self._again = False
        self._unsure = 0
        self._stopped = False

    @property
    def waiting(self) -> int:
        """Names and folders that wait for a look."""
        return self._refresher.waiting

    @property
    def oldest(self) -> float | None:
        """When the first word came of what has not been looked at (clock seconds); None: nothing waits."""
        return self._refresher.oldest

    @property
    def idle(self) -> bool:
        """Whether nobody has asked for the space for long, so that nobody looks."""
        return self._rounds.idle

    @property
    def since_used(self) -> float:
        """For how many seconds somebody has asked for it again and again."""
        return self._rounds.in_use

    def start(self) -> None:
        """Begin."""
        if self._changes is not None:
            self._unsubscribe = self._changes.subscribe(self._refresher.report, self._refresher.lost, self._coverage.left)
            tidings = self._index.tidings
            tidings.discovered = self._coverage.found
            tidings.overtaken = self._overtaken
            tidings.arrived = self._moved
            tidings.listed = self._coverage.listed
            tidings.renamed = self._refresher.renamed
            self._begin(first=True)
        else:
            self._rounds.start()

    async def stop(self) -> None:
        """End."""
        self._stopped = True
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._index.tidings.forget()
        covering = self._covering
        if covering is not None:
            # It may be over at once, and has taken itself away then.
            covering.cancel()
            await covering
        await self._rounds.stop()
        await self._coverage.stop()
        await self._refresher.stop()

    def used(self) -> None:
        """Somebody asks for the space now."""
        self._rounds.used()

    def unsure(self, paths: Sequence[Path]) -> None:
        """A change of ours was interrupted there; what goes on in a thread may still come to its end."""
        if self._changes is None:
            return
        hints = [Hint(*split(path)) for path in paths]
        self._refresher.report(hints)
        if self._unsure < MOST_UNSURE:
            self._unsure += 1
            self._clock.callLater(UNSURE, self._again_unsure, hints)
        else:
            self.doubt()

    def _again_unsure(self, hints: Sequence[Hint]) -> None:
        self._unsure -= 1
        self._refresher.report(hints)

    def doubt(self) -> None:
        """Anything may have changed: look at everything."""
        self._rounds.hurry()

    def _has_rest(self) -> bool:
        return not self._coverage.complete

    def _moved(self, folders: Sequence[Path]) -> None:
        self._coverage.found(folders, deep=True)

    def _overtaken(self, folders: Sequence[Path]) -> None:
        self._refresher.report([Hint(folder) for folder in folders])

    def _lost(self) -> None:
        self.freshness.lost()
        if self._changes is None:
            self.doubt()
        elif self._covering is None:
            self._begin()
        else:
            self._again = True

    def _begin(self, *, first: bool = False) -> None:
        covering = self._covering = Deferred.fromCoroutine(self._cover_all(first))
        if covering.called:
            self._covering = None

    async def _cover_all(self, first: bool) -> None:
        """Have the storage tell of everything from now on, then walk through what changed until then."""
        try:
            if not first:
                await deferLater(self._clock, LULL)
            self._again = True
            while self._again:
                self._again = False
                await self._coverage.begin()
            self.freshness.told()
        except CancelledError:
            return
        except Exception as error:
            log.warn("{space}: it cannot be watched, and is walked: {error}", space=self.space, error=error)
        finally:
            self._covering = None
        if self._stopped:
            return
        if first:
            self._rounds.start()
        else:
            self._rounds.hurry()

    def _cover(self, run: Run) -> Callable[[Sequence[Path]], Awaitable[Sequence[Path]]]:
        async def cover(folders: Sequence[Path]) -> Sequence[Path]:
            assert self._changes is not None
            return await run(self._changes.cover, folders)

        return cover


class _KnownFolders(Known):
    def __init__(self, index: SpaceIndex) -> None:
        self._index = index

    async def chain(self, path: Path) -> tuple[list[Entry], list[str]]:
        return await self._index.chain(path)

    def disturb(self, folder: Entry) -> None:
        self._index.disturbances.note(folder.no)

    def disturb_all(self) -> None:
        self._index.disturbances.note_all()

    async def folder_names(self, folder: Entry) -> list[str]:
        return await self._index.database.read(lambda connection: known_folders.below(connection, folder.no))

    async def all_folders(self, page: int) -> AsyncIterator[Sequence[Path]]:
        database, no = self._index.database, self._index.no
        hottest = await database.read(lambda connection: known_folders.hottest(connection, no, page))
        yield hottest
        last = 0
        while len(hottest) == page:
            paths, last = await database.read(partial(known_folders.page, space=no, after=last, limit=page))
            if not last:
                return
            yield paths


class _Warily(Walker):
    def __init__(self, walker: Walker, before: Callable[[], Awaitable[None]], coverage: Coverage) -> None:
        self._walker = walker
        self._before = before
        self._coverage = coverage

    async def run(self, seconds: float, wanted: Callable[[Path], bool] | None = None) -> Walked:
        await self._before()
        await self._coverage.forget_gone()
        return await self._walker.run(seconds, wanted)
