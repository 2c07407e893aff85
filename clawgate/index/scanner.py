"""Walking a space from time to time to see what others have changed.

A pass goes over the folders of the storage in the order of their paths, each before what is below it, and compares what each
looks like with what it looked like when everything in it was entered (`prints`). Only where that differs the folder is read and
compared file by file. What is remembered is what was seen before that reading: a change in between is found by the next pass.

Folders that nobody has listed yet are not looked at: the learner enters them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import attrs

from ..errors import ClawgateError, NotAFolder, NotFound
from ..interfaces import Glance, Survey
from ..log import make_logger
from ..model.path import ROOT, Path, split
from . import prints, rows
from .idle import Idle, Troubles, due, together
from .prints import Known, Print, State, Tally
from .space import SpaceIndex
from .walk import Visit, Walk

log = make_logger()

SAVE_SECONDS = 5.0
"""Between notes of how far a pass is, and so the most that is done twice after a restart."""
WARN_SECONDS = 3600.0
"""Between warnings that a pass takes too long."""


class Looks(Protocol):
    """What is needed of `storage.wrappers.observing.Observer`."""

    async def look(self, path: Path) -> Any:
        """Ask for one node."""

    async def scan(self, path: Path) -> Any:
        """Read a folder and enter what is new."""


class Pass(NamedTuple):
    """A pass that came to its end. Whatever was changed before `started` has moved the etags above it."""

    started: float
    """Unix seconds; of one that was interrupted by a restart the first begin."""
    finished: float
    folders: int
    """Folders that were looked at."""
    entries: int
    """Files and folders in them."""
    changed: int
    """Folders that had changed, by whomever."""
    failed: int
    """Folders that could not be read."""
    late: bool
    """It took longer than it should."""


@attrs.frozen
class Measure:
    """How fast a pass may go."""

    rate: float
    """Folders a second; 0: no limit."""
    folders: int
    """In one call of the storage."""
    calls: int
    """At a time."""


class Scanner:
    """Passes over one space."""

    def __init__(
        self,
        index: SpaceIndex,
        survey: Survey,
        observer: Looks,
        idle: Idle,
        measure: Measure,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`observer` enters what is new; `now` gives Unix seconds."""
        self._index = index
        self._survey = survey
        self._observer = observer
        self._idle = idle
        self._measure = measure
        self._now = now
        self._troubles = Troubles(index.id)
        self._warned: float | None = None
        self.last: Pass | None = None
        """The last pass in this process."""
        self.walking = Tally()
        """The one under way."""

    async def run(self, seconds: float, wanted: Callable[[Path], bool] | None = None) -> Pass:
        """One pass, evenly spread over at most `seconds`. It goes on where the last one was when it was interrupted.

        Only folders that are `wanted` are compared. Raises `StorageUnavailable` if the root is not there, or is another
        directory than it was.
        """
        await self._observer.look(ROOT)
        state = await self._index.database.read(lambda connection: prints.state(connection, self._index.no))
        goes_on = bool(state.began) and (state.so_far.whole or wanted is not None)
        if not goes_on:
            state = state._replace(began=self._now(), cursor="", so_far=Tally(whole=wanted is None))
        clock = self._idle.clock
        begin = saved = clock.seconds()
        walk = Walk(Path(state.cursor))
        self.walking = state.so_far
        before = state.so_far.folders
        while batch := walk.take(self._measure.folders * self._measure.calls):
            await self._idle.wait()
            walked = self.walking.folders - before
            wait = begin + due(walked, max(state.folders - before, 0), seconds, self._measure.rate) - clock.seconds()
            if wait > 0:
                await self._idle.sleep(wait)
            await self._go_on(walk, batch, wanted)
            if clock.seconds() - saved >= SAVE_SECONDS:
                saved = clock.seconds()
                state = state._replace(cursor=walk.cursor, so_far=self.walking)
                await self._save(state)
        took = clock.seconds() - begin
        sums = self.walking
        found = Pass(state.began, self._now(), sums.folders, sums.entries, sums.changed, sums.failed, 0 < seconds < took)
        await self._save(State(0.0, "", Tally(), found.started, found.finished, found.folders, found.entries, found.changed))
        if found.late:
            self._warn(found, took, seconds)
        self.last = found
        return found

    async def _go_on(self, walk: Walk, batch: Sequence[Visit], wanted: Callable[[Path], bool] | None) -> None:
        """Look at the folders of `batch`, enter what is new in them, and go on below."""
        index = self._index
        places = [(visit.parent, split(visit.path)[1]) for visit in batch]
        found = await index.database.read(lambda connection: prints.known(connection, index.no, places))
        looked: list[tuple[Visit, Known]] = []
        names: dict[Path, Sequence[str]] = {}
        for visit, known in zip(batch, found, strict=True):
            if known is None or not known.learned:
                visit.clean = False
                continue
            visit.no = known.no
            if wanted is None or wanted(visit.path):
                looked.append((visit, known))
            else:
                visit.clean = False
                names[visit.path] = await index.database.read(lambda connection, no=known.no: rows.folder_names(connection, no))  # type: ignore[misc]
        glances = await self._glances([visit.path for visit, _ in looked])
        changed: list[tuple[Visit, Glance | None]] = []
        for (visit, known), glance in zip(looked, glances, strict=True):
            if glance is None or glance.fingerprint != known.fingerprint:
                changed.append((visit, glance))
            elif glance.below and glance.below == known.below and not visit.rest:
                continue
            elif glance.below != known.below:
                visit.stored = Print(known.no, glance.fingerprint, glance.below)
            if glance is not None:
                names[visit.path] = glance.folders
        await together(self._measure.calls, [partial(self._enter, walk, visit, glance) for visit, glance in changed])
        entries = sum([glance.entries for glance in glances if glance is not None])
        sums = self.walking
        self.walking = sums._replace(
            folders=sums.folders + len(looked), entries=sums.entries + entries, changed=sums.changed + len(changed)
        )
        walk.enter([(visit, names.get(visit.path, ())) for visit in batch])
        if done := walk.prints():
            await index.database.write(lambda connection: prints.put(connection, done))

    async def _glances(self, paths: Sequence[Path]) -> list[Glance | None]:
        size = self._measure.folders
        some = [paths[start : start + size] for start in range(0, len(paths), size)]
        found: list[Sequence[Glance | None]] = [()] * len(some)

        async def look(number: int) -> None:
            found[number] = await self._survey.survey(some[number])

        await together(self._measure.calls, [partial(look, number) for number in range(len(some))])
        return [glance for part in found for glance in part]

    async def _enter(self, walk: Walk, visit: Visit, glance: Glance | None) -> None:
        """Read a folder, and remember what it looked like before that."""
        try:
            await self._observer.scan(visit.path)
        except (NotFound, NotAFolder):
            visit.clean = False
            return
        except ClawgateError as error:
            # Nothing may be said of a folder whose storage is not there.
            await self._observer.look(ROOT)
            self._troubles.begin(visit.path, error)
            self.walking = self.walking._replace(failed=self.walking.failed + 1)
            visit.clean = False
            return
        self._troubles.end(visit.path)
        chain, rest = await self._index.chain(visit.path)
        if glance is None or rest or not chain:
            visit.clean = False
            return
        visit.no = chain[-1].no
        walk.remember(Print(visit.no, glance.fingerprint, ""))
        if glance.below:
            visit.stored = Print(visit.no, glance.fingerprint, glance.below)

    async def _save(self, state: State) -> None:
        await self._index.database.write(lambda connection: prints.save(connection, self._index.no, state))

    def _warn(self, found: Pass, took: float, seconds: float) -> None:
        now = self._idle.clock.seconds()
        if self._warned is not None and now - self._warned < WARN_SECONDS:
            return
        self._warned = now
        log.warn(
            "{space}: looking at {folders} folders took {took:.0f} s, and should take {seconds:.0f} s at most: raise [outside] "
            "scan_rate or scan_threads, or staleness_max of the mount",
            space=self._index.id,
            folders=found.folders,
            took=took,
            seconds=seconds,
        )
