"""How the storage of a space is opened."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from ..errors import ClawgateError, Forbidden
from ..gateway.janitor import AGE
from ..index.following import Following
from ..index.learner import Learner, Portions
from ..index.scanner import Measure, Scanner
from ..interfaces import Storage
from ..log import make_logger
from ..model.path import ROOT, Path
from ..model.space import Space
from ..outside_metrics import ENTERED
from ..storage.memory import MemoryStorage
from ..storage.posix.driver import PosixStorage
from ..storage.posix.ground import Ground
from ..storage.posix.options import PosixOptions
from ..storage.wrappers.indexed import Indexed
from ..storage.wrappers.metered import Metered

if TYPE_CHECKING:
    from .core import Core

log = make_logger()


class Opening:
    """Puts driver and wrappers of a space together, and what looks after it: who learns it, who finds changes by others."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._learners: list[Learner] = []
        self.raw: dict[str, Storage] = {}
        """The drivers of the spaces that are open."""

    @property
    def learned(self) -> int:
        """Files and folders learned in the background so far."""
        return sum([one.progress.nodes for one in self._learners])

    @property
    def unlearned(self) -> int:
        """Folders not learned yet, as counted every half minute."""
        return sum([one.progress.left for one in self._learners])

    async def learn(self) -> None:
        """Learn what nobody has listed yet, a little in each space in turn, until nothing is left."""
        more = self._core.settings.index.learn_folders > 0
        while more:
            more = False
            left = await self._core.index.unlearned()
            for learner in [one for one in self._learners if one.working or one.space in left]:
                with suppress(ClawgateError):
                    # Logged by itself, and tried again at the next time.
                    more = await learner.step() or more

    async def open(self, space: Space) -> Storage:
        """Driver and wrappers of one space."""
        (await self._core.index.space(space.id)).departures.moved = partial(self._moved, space.id)
        mount = self._core.settings.mounts[space.mount]
        if mount.driver == "memory":
            raw: Storage = MemoryStorage()
        else:
            options = PosixOptions(
                symlinks=mount.symlinks, durability=mount.durability, block_bytes=self._core.settings.files.block_bytes
            )
            raw = self._driver(space, options)
        inner = Metered(raw, self._core.metrics.storage_observer(space.mount))
        if self._core.cast.is_guest(space):
            # Whatever is known may be what others have seen: the storage is asked as this person each time.
            index = await self._core.index.space(space.id)
            guest = Indexed(inner, index, time.monotonic, 0, read_only=mount.read_only, guest=True)
            if self._core.serving:
                guest.observer.before_news = partial(self._core.generations.check, space.id)
                guest.unsure = partial(self._core.followers.unsure, space.id)
            return guest
        storage = Indexed(
            inner, await self._core.index.space(space.id), time.monotonic, mount.staleness_max, read_only=mount.read_only
        )
        if raw.abilities.janitor is not None and not mount.read_only:
            # Nobody else works on this space: whatever lies about is from before. Unless it is only opened anew.
            age = AGE if space.id in self.raw else 0
            try:
                await raw.abilities.janitor.sweep(await self._core.uploads.handles(space), age)
            except Forbidden as error:
                log.warn("{space}: what is not finished cannot be cleared up: {error}", space=space.id, error=error)
        if self._core.serving:
            await self._follow(space, raw, storage)
        self.raw[space.id] = raw
        self._learners = [learner for learner in self._learners if learner.space != space.id]
        self._learners.append(self._learner(storage))
        return storage

    def _moved(self, space: str, source: Path, target: Path) -> None:
        following = Deferred.fromCoroutine(self._core.locks.follow(space, source, target))
        following.addErrback(lambda failure: log.failure("locks on {path} are lost after a restart", failure, path=source))

    def _driver(self, space: Space, options: PosixOptions) -> Storage:
        if self._core.cast.looks_after(space):
            return self._core.cast.caretaker(space, options, self._core.files, self._core.cpu, self._core.scan)
        watches = self._core.watches.get(space.mount)
        if self._core.cast.acts(space.mount):
            return self._core.cast.storage(space, options, watches)
        return PosixStorage(space.root, self._core.files, options, watches, self._core.cpu, scan=self._core.scan)

    async def _follow(self, space: Space, raw: Storage, storage: Indexed) -> None:
        """From now on what others change is found, as the settings of the mount say."""
        have, index, mount = raw.abilities, storage.index, self._core.settings.mounts[space.mount]

        async def own() -> str:
            assert have.ids is not None
            return (await have.ids.identify(ROOT, [""]))[""].own

        def restored() -> None:
            self._core.followers.doubt(space.id)

        async def before() -> None:
            await self._core.generations.check(space.id)

        def set_back(seconds: Sequence[float]) -> None:
            Deferred.fromCoroutine(self._core.generations.set_back(space.id, seconds))

        await self._core.generations.open(space.id, have.keepsake, index, own, restored, read_only=mount.read_only)
        storage.observer.before_news = before
        storage.unsure = partial(self._core.followers.unsure, space.id)
        index.set_back = set_back
        if mount.outside_changes == "none" or have.survey is None:
            return
        outside = self._core.settings.outside
        measure = Measure(outside.scan_rate, outside.scan_folders, outside.scan_threads)
        notifier = self._core.notifiers.get(space.mount)
        following = Following(
            index,
            storage.observer,
            Scanner(index, have.survey, storage.observer, self._core.idle, measure),
            None if notifier is None else notifier.of(Ground(space.root, PosixOptions(symlinks=mount.symlinks))),
            space.mount,
            mount,
            outside,
            self._core.scan.run_always,
            self._core.reactor,
            self._core.followers.turns,
            self._core.followers.tally(space.mount, self._core.metrics.timing_by_mount(*ENTERED, space.mount).add),
            before,
            await self._core.followers.known(index),
        )
        await self._core.followers.add(index, following)

    def _learner(self, storage: Indexed) -> Learner:
        have = storage.inner.abilities
        assert have.ids is not None
        index = self._core.settings.index
        portions = Portions(index.learn_folders, index.learn_entries, self._core.settings.outside.scan_threads)
        return Learner(storage.index, have.survey, have.ids, storage.observer, self._core.idle, portions)
