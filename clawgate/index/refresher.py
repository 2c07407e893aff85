"""Looking where somebody has changed something: a storage tells (`interfaces.Changes`), the index follows.

What comes within a moment is gathered: many names in one folder are one look at the folder. What changes all the time, a file
that is being written for instance, is looked at now and then. Our own changes may be told of as well; a look at them costs one
call of the storage and finds nothing new.

Nothing is lost without anybody knowing: what cannot be looked at now waits, and what cannot wait either makes the whole space be
walked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred

from ..errors import ClawgateError, Forbidden, InvalidRequest, NotAFolder, NotFound, NotSupported
from ..interfaces import Hint
from ..log import make_logger
from ..model.path import Path, is_within, join, rebase
from .entry import Entry
from .hints import Hints, Pace, Task
from .idle import Troubles

log = make_logger()

QUICKEST, SLOWEST = 0.5, 60.0
"""Seconds between attempts while a storage fails: at first, and at most."""
RENAMES = 1000
"""So many folders that we have moved ourselves are remembered."""
ON_ITS_WAY = 10.0
"""Seconds that it takes, at most, from a change to the word of it."""
ERRORS = 3
"""After so many failures the rest waits for the next attempt, too."""


class Looks(Protocol):
    """What is needed of `storage.wrappers.observing.Observer`."""

    async def folder(self, path: Path) -> Entry:
        """What is known of a folder."""

    async def look(self, path: Path) -> object:
        """Ask for one node and enter what is new."""

    async def scan(self, path: Path) -> object:
        """Read a folder and enter what is new."""

    def disturb(self, folder: Entry) -> None:
        """Something was changed in a folder that nobody has listed yet."""


class Tally:
    """What the refreshers of one mount have done."""

    def __init__(self, entered: Callable[[float], None]) -> None:
        """`entered` is told of each hint that was worked off after how many seconds."""
        self.entered = entered
        self.looks = 0
        """Single nodes looked at."""
        self.scans = 0
        """Folders read as a whole."""
        self.lost = 0
        """How often something may have been missed."""


class Refresher:
    """Follows one space."""

    def __init__(
        self,
        space: str,
        observer: Looks,
        clock: Any,
        tally: Tally,
        lost: Callable[[], None],
        moved: Callable[[Sequence[Path]], None],
        before: Callable[[], Awaitable[None]],
        *,
        debounce: float,
        busy: float,
        limit: int,
    ) -> None:
        """`clock` is the reactor. `lost` is called when something was missed, `moved` with folders that came from somewhere else
        once they are entered, `before` each time before anything is looked at. `debounce` and `busy` are seconds, `limit` is
        the number of names that may wait."""
        self._space = space
        self._observer = observer
        self._clock = clock
        self._tally = tally
        self._lost = lost
        self._moved = moved
        self._before = before
        self._debounce = debounce
        self._hints = Hints(limit)
        self._pace = Pace(busy)
        self._timer: Any = None
        self._working: Deferred[None] | None = None
        self._at_work: float | None = None
        """When the first word came of what is being looked at."""
        self._renames: deque[tuple[float, Path, Path]] = deque(maxlen=RENAMES)
        self._failures = 0
        self._troubles = Troubles(space)
        self._stopped = False

    @property
    def waiting(self) -> int:
        """Names and folders that wait for a look."""
        return len(self._hints)

    @property
    def oldest(self) -> float | None:
        """When the first word came of what has not been looked at (clock seconds); None: nothing waits."""
        return min([time for time in (self._hints.oldest, self._at_work) if time is not None], default=None)

    def report(self, hints: Sequence[Hint]) -> None:
        """Somebody may have changed something there."""
        now = self._clock.seconds()
        for hint in hints:
            if not self._hints.add(hint, now):
                log.info("{space}: more changes at once than [outside] hints allows; it is walked", space=self._space)
                self.lost()
                return
        self._schedule(self._debounce)

    def lost(self) -> None:
        """Some changes may have been missed."""
        self._tally.lost += 1
        self._hints.clear()
        self._lost()

    def renamed(self, source: Path, target: Path) -> None:
        """We have moved a folder ourselves: what is on its way may still bear the old path, and nobody else tells of the new."""
        self._renames.append((self._clock.seconds(), source, target))

    async def stop(self) -> None:
        """End; what waits is forgotten."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        working = self._working
        if working is not None:
            # It may be over at once, and has taken itself away then.
            working.cancel()
            await working

    def _schedule(self, seconds: float) -> None:
        if self._working is not None or self._stopped:
            return
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._start)
        elif self._timer.getTime() > self._clock.seconds() + seconds:
            self._timer.reset(seconds)

    def _start(self) -> None:
        self._timer = None
        working = self._working = Deferred.fromCoroutine(self._run())
        if working.called:
            self._working = None

    async def _run(self) -> None:
        pause: float | None = None
        try:
            pause = await self._round()
        except CancelledError:
            return
        except Exception:
            log.failure("{space}: a change could not be entered; the space is walked", space=self._space)
            self.lost()
        finally:
            self._working = self._at_work = None
        if len(self._hints):
            self._schedule(max(self._debounce, pause or 0.0))

    async def _round(self) -> float | None:
        """Work off what may be looked at; returns the seconds until there may be more, None if nothing is left."""
        now: float = self._clock.seconds()
        self._pace.forget(now)
        tasks, later = self._hints.take(now, self._pace.ready)
        if not tasks:
            return None if later is None else max(self._debounce, later - now)
        self._at_work = min([task.since for task in tasks])
        await self._before()
        errors = 0
        again = min(SLOWEST, QUICKEST * 2 ** min(self._failures, 10))
        for number, task in enumerate(tasks):
            try:
                await self._work_off(task)
            except ClawgateError as error:
                self._troubles.begin(task.folder, error)
                self._hints.back(task)
                self._pace.rest(task, self._clock.seconds() + again)
                errors += 1
                if errors < ERRORS:
                    continue
                for left in tasks[number + 1 :]:
                    self._hints.back(left)
                break
            self._troubles.end(task.folder)
            if task.deep:
                self._moved([join(task.folder, name) for name in task.deep])
            self._tally.entered(self._clock.seconds() - task.since)
        self._failures = self._failures + 1 if errors else 0
        return again if errors else 0.0

    async def _work_off(self, task: Task) -> None:
        """Look at it. Raises what the storage raises when it does not work."""
        try:
            folder = await self._observer.folder(task.folder)
            if not folder.learned:
                # Nobody was ever told what is in there, but somebody may have read it a moment ago.
                self._observer.disturb(folder)
                return
            if not task.names:
                self._tally.scans += 1
                await self._paced(task.folder, "", self._observer.scan(task.folder))
        except (NotFound, NotAFolder):
            self._pursue(task)
            return
        except (Forbidden, InvalidRequest, NotSupported):
            return
        for name in task.names:
            self._tally.looks += 1
            try:
                await self._paced(task.folder, name, self._observer.look(join(task.folder, name)))
            except (NotFound, NotAFolder, Forbidden, InvalidRequest, NotSupported):
                continue

    def _pursue(self, task: Task) -> None:
        """Have it looked at where we have moved its folder, if we have."""
        folder = task.folder
        earliest = min(task.since, self._clock.seconds() - ON_ITS_WAY)
        for when, source, target in self._renames:
            if when >= earliest and is_within(folder, source):
                folder = rebase(folder, source, target)
        if folder != task.folder:
            self.report([Hint(folder, name) for name in task.names or ("",)])

    async def _paced(self, folder: Path, name: str, look: Awaitable[object]) -> None:
        began = self._clock.seconds()
        try:
            await look
        finally:
            self._pace.looked(folder, name, began, self._clock.seconds())
