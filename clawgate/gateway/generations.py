"""Noticing that a storage went back in time, and telling clients before they overwrite or delete what is newer on their side.

A space that changes gets a number now and then, its generation, which is noted in the storage and afterwards in the state. So
the storage's note can be newer than the state's, after a kill for instance, but older or missing only if somebody restored a
backup or a snapshot. Clients then are shown another ``oc:data-fingerprint``, before they are shown anything else that was
restored.

A second sign, for storages where nothing can be noted, are inodes whose time of change is set back. Clocks do that, too: so it
counts only by much, and for many.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import attrs

from ..errors import ClawgateError
from ..index.space import SpaceIndex
from ..interfaces import Keepsake
from ..log import make_logger
from ..model.generation import Generation, Note, parse
from ..model.path import ROOT
from ..mutex import Mutex
from ..settings import Outside

log = make_logger()

CHECK_SECONDS = 1.0
"""How long a look at a note is good."""
WINDOW = 3600.0
"""Seconds within which signs are counted."""


class Stored(Protocol):
    """What is needed of `state.generations.StoredGenerations`."""

    async def load(self, space: str) -> Generation | None:
        """What is known of a space."""

    async def keep(self, space: str, known: Generation) -> None:
        """From now on `known` is what is known of a space."""


class _Older(Exception):
    def __init__(self, text: str) -> None:
        self.text = text


@attrs.define(eq=False)
class _Space:
    id: str
    keepsake: Keepsake
    index: SpaceIndex
    root: Callable[[], Awaitable[str]]
    read_only: bool
    restored: Callable[[], None]
    known: Generation | None = None
    own: str = ""
    """Of the root that the index knows; empty: it knows none yet."""
    checked: float = float("-inf")
    noted: float = float("-inf")
    refused: str = ""
    told: float = float("-inf")
    signs: deque[float] = attrs.field(factory=deque)
    lock: Mutex = attrs.field(factory=Mutex)

    @property
    def stamp(self) -> str:
        root = self.index.cache.root
        return "" if root is None else f"{self.index.epoch}-{root.stamp}"


class Generations:
    """Of all spaces that are open."""

    def __init__(self, stored: Stored, settings: Outside, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._stored = stored
        self._settings = settings
        self._clock = clock
        self._spaces: dict[str, _Space] = {}
        self._fingerprints: dict[str, str] = {}

    def fingerprint(self, space: str) -> str:
        """What clients are told of the space with this id; empty: it was never restored."""
        return self._fingerprints.get(space, "")

    async def open(
        self,
        id: str,
        keepsake: Keepsake | None,
        index: SpaceIndex,
        root: Callable[[], Awaitable[str]],
        restored: Callable[[], None],
        *,
        read_only: bool,
    ) -> None:
        """Look at a space before anybody else does. `root` gives the own name of its root now (`Identity.own`); `restored` is
        called when the storage went back."""
        known = await self._stored.load(id)
        if known is not None:
            self._fingerprints[id] = known.fingerprint
        if keepsake is None:
            return
        space = _Space(id, keepsake, index, root, read_only, restored, known)
        chain, _ = await index.chain(ROOT)
        space.own = chain[0].own if chain else ""
        self._spaces[id] = space
        await self._look(space)

    def forget(self, id: str) -> None:
        """Do not look at a space any more that is no more."""
        self._spaces.pop(id, None)
        self._fingerprints.pop(id, None)

    async def check(self, id: str) -> None:
        """Look again, unless somebody just has: to be called before anything is entered that others changed. Raises nothing."""
        space = self._spaces.get(id)
        if space is not None and self._clock() - space.checked >= CHECK_SECONDS:
            await self._look(space)

    async def note(self) -> None:
        """Give another generation to all spaces that have changed since they got the last one, if that is long enough ago."""
        for space in list(self._spaces.values()):
            if space.read_only or self._clock() - space.noted < self._settings.generation_seconds:
                continue
            stamp = space.stamp
            known = space.known
            if stamp and not stamp.endswith("-0") and (known is None or known.stamp != stamp or known.explained):
                await self._attempt(space, self._note(space, stamp))

    async def renew(self, id: str) -> None:
        """The operator says that a space was restored though nothing shows it."""
        known = await self._stored.load(id) or Generation(0)
        await self._keep(id, attrs.evolve(known, fingerprint=secrets.token_hex(8)))

    async def set_back(self, id: str, seconds: Sequence[float]) -> None:
        """Inodes of a space have times of change that are so many seconds before what they were. Raises nothing."""
        space, limit = self._spaces.get(id), self._settings.rewind_count
        count = sum([by > self._settings.rewind_margin for by in seconds])
        if space is None or not limit or not count:
            return
        now = self._clock()
        if now - space.told < WINDOW:
            # What is found now follows from what is known.
            return
        space.signs.extend([now] * min(count, limit))
        while space.signs and (space.signs[0] < now - WINDOW or len(space.signs) > limit):
            space.signs.popleft()
        if len(space.signs) == limit:
            space.signs.clear()
            why = f"{limit} files have times of change far before earlier ones"
            await self._attempt(space, self._believe(space, why))

    async def _look(self, space: _Space) -> None:
        space.checked = self._clock()
        await self._attempt(space, self._compare(space))

    async def _attempt(self, space: _Space, work: Awaitable[None]) -> None:
        async with space.lock:
            try:
                await work
                space.refused = ""
            except ClawgateError as error:
                if str(error) != space.refused:
                    space.refused = str(error)
                    log.info("{space}: its generation cannot be looked at or noted: {error}", space=space.id, error=error)

    async def _compare(self, space: _Space) -> None:
        if space.own and await space.root() != space.own:
            # What is there now is another tree, a file system that is not mounted most often; nobody is shown it.
            return
        text = await space.keepsake.read()
        note, known = parse(text), space.known
        if known is None:
            if note is not None:
                await self._know(space, Generation(note.number, note.fingerprint))
        elif note is None or note.number < known.number:
            if known.number and not (known.explained and known.explained == _explained(text)):
                await self._went_back(space, known, text)
        elif note.number > known.number:
            # Noted by a process that was killed then, or by another gateway; or the state is the one that was restored.
            await self._know(space, attrs.evolve(known, number=note.number, fingerprint=note.fingerprint, explained=""))

    async def _note(self, space: _Space, stamp: str) -> None:
        if space.own and await space.root() != space.own:
            return
        space.noted = space.checked = self._clock()
        known = space.known or Generation(0)

        def make(text: str) -> str:
            note = parse(text)
            if note is not None and note.number > known.number:
                return str(attrs.evolve(note, number=note.number + 1))
            if (note is None or note.number < known.number) and known.number and known.explained != _explained(text):
                raise _Older(text)
            return str(Note(known.number + 1, known.fingerprint))

        try:
            made = parse(await space.keepsake.renew(make))
        except _Older as older:
            await self._went_back(space, known, older.text)
            return
        assert made is not None
        await self._know(space, Generation(made.number, made.fingerprint, "", stamp))

    async def _believe(self, space: _Space, why: str) -> None:
        known = space.known or Generation(0)
        await self._restored(space, known, known.explained, why)

    async def _went_back(self, space: _Space, known: Generation, text: str) -> None:
        note = parse(text)
        found = f"generation {note.number}" if note is not None else "none"
        await self._restored(space, known, _explained(text), f"generation {known.number} was noted in it, now there is {found}")

    async def _restored(self, space: _Space, known: Generation, explained: str, why: str) -> None:
        await self._know(space, attrs.evolve(known, fingerprint=secrets.token_hex(8), explained=explained))
        log.error(
            "{space}: its storage went back in time: {why}. It seems to be restored from a backup or snapshot. Clients are told "
            "(data-fingerprint): they keep what is newer on their side, as conflicts where it differs, and delete nothing",
            space=space.id,
            why=why,
        )
        space.told = self._clock()
        space.restored()

    async def _know(self, space: _Space, known: Generation) -> None:
        await self._keep(space.id, known)
        space.known = known

    async def _keep(self, id: str, known: Generation) -> None:
        await self._stored.keep(id, known)
        self._fingerprints[id] = known.fingerprint


def _explained(text: str) -> str:
    return text or "missing"
