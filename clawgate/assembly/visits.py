"""The way into spaces that nobody has used since the start, to clear up there: without an index, and without anybody who follows
what happens there or learns what is there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs

from ..errors import ClawgateError, Forbidden
from ..gateway.janitor import AGE
from ..index import locations, reckoning
from ..interfaces import Abilities, Storage
from ..log import make_logger
from ..model.made_space import Standing
from ..model.path import ROOT
from ..model.people import User
from ..model.reckoned import Reckoned
from ..model.space import Space, SpaceKind
from ..state.generations import StoredGenerations
from ..storage.posix.driver import PosixStorage
from ..storage.posix.failures import guarded
from ..storage.posix.shared_staging import owners
from .keeping import posix_options

if TYPE_CHECKING:
    from .core import Core

log = make_logger()

Found = Iterable[tuple[Space, Storage]]


class Visits:
    """See `gateway.keeper.Visits`.

    Which spaces there are the index knows, the state (which outlives the index), and the settings. Where they are the rules say,
    for some of them only with what the directories know of their owner, or what was noted when somebody opened them. With
    ``act_as = "user"`` work is done as the owner, in a space of several people as each of those who have left something there.
    """

    def __init__(self, core: Core, known: Callable[[str], Awaitable[User | None]]) -> None:
        """`known` tells who has an id. Nothing is done here."""
        self._core = core
        self._known = known

    async def ids(self, mounts: Collection[str]) -> AsyncIterator[str]:
        """See `gateway.keeper.Visits`. A thousand of them are in memory at a time."""
        index = self._core.index
        async for page in index.spaces():
            for id in page:
                if _mount(id) in mounts:
                    yield id
        async for page in StoredGenerations(self._core.state).spaces():
            for id in await index.unknown([id for id in page if _mount(id) in mounts]):
                yield id
        fixed = [*self._core.made_spaces.known.ids, *self._core.namespace.fixed()]
        for id in await index.unknown([id for id in fixed if _mount(id) in mounts]):
            yield id

    async def reckoned(self) -> Reckoned | None:
        """See `gateway.calendar.Calendar`."""
        return await self._core.index_database.read(reckoning.load)

    async def reckon(self, known: Reckoned) -> None:
        """See `gateway.calendar.Calendar`."""
        await self._core.index_database.write(partial(reckoning.keep, known=known))

    async def note(self, space: Space) -> None:
        """Somebody has opened a space: remember where it is, if only that person tells."""
        if self._core.namespace.by_id(space.id) is None:
            location, database = locations.Location(space.owner, space.root), self._core.index_database
            if await database.read(partial(locations.load, id=space.id)) != location:
                await database.write(partial(locations.keep, id=space.id, location=location))

    @asynccontextmanager
    async def visit(self, id: str) -> AsyncIterator[Found]:
        """See `gateway.keeper.Visits`. Raises `StorageUnavailable`, `Forbidden`, `Overloaded`.

        Their quota does not count: nobody has put anything there, and what it is only their owner's login tells.
        """
        settings = self._core.settings.mounts[_mount(id)]
        shared = settings.act_as == "user" and settings.kind == SpaceKind.PROJECT.value
        # Of those who work on an open space as themselves some may not have come.
        space = await self._space(id) if shared or not self._core.storages.has(id) else None
        if space is None:
            yield ()
        elif settings.driver == "s3":
            owner = await self._known(space.owner) if space.owner else None
            async with self._core.buckets.visit(space, owner or User(space.owner)) as bucket:
                yield [(space, bucket)]
        else:
            fit = []
            for one, storage in self._in_turn(await self._each(space) if shared else [space]):
                try:
                    if await self._is_another(storage, id):
                        break
                    # A kill may have left what was on its way from the trash. What is not finished is no business of a visit:
                    # there may be another gateway that serves the space now.
                    await storage.sweep_removed(AGE)
                except ClawgateError as error:
                    if not shared:
                        raise
                    log.warn("clearing up the trash of somebody in {space} failed: {error}", space=id, error=error)
                else:
                    fit.append(one)
            yield self._in_turn(fit)

    def _in_turn(self, spaces: Sequence[Space]) -> Iterator[tuple[Space, PosixStorage]]:
        """One open at a time: thousands may have left something in one space."""
        for space in spaces:
            storage = self._open(space)
            try:
                yield space, storage
            finally:
                # They know each other, and would keep the tree open until somebody looks for such pairs.
                storage.abilities = Abilities()

    async def _is_another(self, storage: PosixStorage, id: str) -> bool:
        """Whether another tree stands there than the one that the index knows: what lies below the mount point of a file system
        that is not mounted, a restored backup, a home that was made anew. What is in its trash is left alone until somebody has
        come, and sees it."""
        own = await self._core.index_database.read(partial(locations.root_of, id=id))
        found = (await storage.identify(ROOT, [""])).get("")
        if not own or (found is not None and found.own == own):
            return False
        log.info("{space}: another folder stands in its place; its trash is left alone until somebody uses the space", space=id)
        return True

    async def _space(self, id: str) -> Space | None:
        core = self._core
        made = core.made_spaces.known.find(_mount(id), id.partition("$")[2])
        if made is not None and made.standing is not Standing.READY:
            # Nobody gets at what is in the trash of a space that is disabled.
            return None
        found, user = core.namespace.by_id(id), None
        if found is None and (user := await self._known(id.partition("$")[2])) is not None:
            found = core.namespace.of_user(user, id)
        location = await core.index_database.read(partial(locations.load, id=id)) if found is None else None
        if location is not None:
            found, user = core.namespace.at(id, location.owner, location.root), None
        # A bucket is always there, and has other ways to know its people.
        is_there = found is not None and core.settings.mounts[found.mount].driver == "s3"
        space = await core.reach(found, user) if found is not None and not is_there else found
        return attrs.evolve(space, quota=None) if space is not None else None

    async def _each(self, space: Space) -> list[Space]:
        """The space as each of those has it who have left something there."""
        core, found = self._core, []
        for uid, gid in await core.files.run(_owners, space.root):
            # Whose rights are not taken on must not keep the others from their turn.
            with suppress(Forbidden):
                found.append(attrs.evolve(space, persona=await core.cast.personas.of_uid(uid, gid, space.mount)))
        return found

    def _open(self, space: Space) -> PosixStorage:
        core = self._core
        options = posix_options(core.settings.mounts[space.mount], core.settings.files.block_bytes)
        if core.cast.acts(space.mount):
            return core.cast.storage(space, options, None)
        return PosixStorage(space.root, core.files, options, None, core.cpu, scan=core.scan)


def _mount(id: str) -> str:
    return id.partition("$")[0]


def _owners(root: str) -> list[tuple[int, int]]:
    with guarded(""):
        fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return list(owners(fd))
        finally:
            os.close(fd)
