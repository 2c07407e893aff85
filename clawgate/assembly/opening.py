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
from ..interfaces import Changes, Storage
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
from .keeping import keeps_trash, keeps_versions, posix_options

if TYPE_CHECKING:
    from ..storage.s3.driver import S3Storage
    from .core import Core

log = make_logger()


class Opening:
    """Puts driver and wrappers of a space together, and what looks after it: who learns it, who finds changes by others."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._learners: list[Learner] = []
        self.raw: dict[str, Storage] = {}
        """The drivers of the spaces that are open."""
        self._natives: set[str] = set()
        self._recalling: dict[str, S3Storage] = {}
        """Those of which the index does not know yet what it knew before it was lost."""

    @property
    def learned(self) -> int:
        """Files and folders learned in the background so far."""
        return sum([one.progress.nodes for one in self._learners])

    @property
    def unlearned(self) -> int:
        """Folders not learned yet, as counted every half minute."""
        return sum([one.progress.left for one in self._learners])

    def forget(self, space: str) -> None:
        """Let go of a space that is no more."""
        self.raw.pop(space, None)
        self._recalling.pop(space, None)
        self._learners = [learner for learner in self._learners if learner.space != space]

    async def learn(self) -> None:
        """Learn what nobody has listed yet, a little in each space in turn, until nothing is left."""
        await self._recalled()
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
        if space.mount in self._core.eos:
            return await self._native(space)
        known = await self._core.index.space(space.id)
        await self._core.visits.note(space)
        known.departures.moved = partial(self._moved, space.id)
        known.written = partial(self._core.news.changed, space.id)
        mount = self._core.settings.mounts[space.mount]
        if mount.driver == "memory":
            raw: Storage = MemoryStorage(trash=keeps_trash(mount), versions=keeps_versions(mount))
        elif mount.driver == "s3":
            raw = await self._bucket(space)
        else:
            raw = self._driver(space, posix_options(mount, self._core.settings.files.block_bytes))
        full = partial(self._core.keeper.ask, space.mount)
        told = partial(self._core.outages.told, space)
        inner = Metered(raw, self._core.metrics.storage_observer(space.mount), full=full, told=told)
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

    async def _native(self, space: Space) -> Storage:
        """A storage that needs no index."""
        keep = await self._core.uploads.handles(space)
        changed = partial(self._core.news.changed, space.id)
        told = partial(self._core.outages.told, space)
        storage, raw = await self._core.eos.open(space, keep, changed, told, known=space.id in self._natives)
        if space.persona is not None:
            self._natives.add(space.id)
            # One of a mount tells whether its instance answers.
            self.raw[f"eos {space.mount}"] = raw
        return storage

    async def _bucket(self, space: Space) -> Storage:
        chain, _ = await (await self._core.index.space(space.id)).chain(ROOT)
        left = await self._core.index.unlearned()
        # Whoever compares or rebuilds the index wants to know what the storage itself knows.
        recall = not self._core.serving or not chain or not chain[0].learned or space.id in left
        storage = await self._core.buckets.open(space, recall=recall)
        if storage.recalling:
            self._recalling[space.id] = storage
        return storage

    async def _recalled(self) -> None:
        """What was learned as a whole need not be asked for any more."""
        left = await self._core.index.unlearned() if self._recalling else ()
        for space in [space for space in self._recalling if space not in left]:
            chain, _ = await (await self._core.index.space(space)).chain(ROOT)
            if chain and chain[0].learned:
                self._recalling.pop(space).recalling = False

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
        if mount.follows == "none" or have.survey is None:
            return
        outside = self._core.settings.outside
        measure = Measure(outside.scan_rate, outside.scan_folders, outside.scan_threads)
        following = Following(
            index,
            storage.observer,
            Scanner(index, have.survey, storage.observer, self._core.idle, measure),
            self._changes(space),
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

    def _changes(self, space: Space) -> Changes | None:
        """Who tells of changes in a space; None: nobody."""
        notifier = self._core.notifiers.get(space.mount)
        if notifier is None:
            return self._core.buckets.changes(space)
        return notifier.of(Ground(space.root, PosixOptions(symlinks=self._core.settings.mounts[space.mount].symlinks)))

    def _learner(self, storage: Indexed) -> Learner:
        have = storage.inner.abilities
        assert have.ids is not None
        index = self._core.settings.index
        portions = Portions(index.learn_folders, index.learn_entries, self._core.settings.outside.scan_threads)
        return Learner(storage.index, have.survey, have.ids, storage.observer, self._core.idle, portions)
