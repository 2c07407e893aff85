"""`PosixStorage`: a directory tree, served where it is."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from stat import S_ISDIR

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ...errors import AlreadyExists, LengthMismatch, NotFound
from ...interfaces import Abilities, Body, Copy, Ids, Janitor, Listing, Quota, Reader, Room, Storage, Times
from ...log import make_logger
from ...model.content import Intent, Written
from ...model.node import Identity, Node
from ...model.path import Path, ancestors, split
from ...workers import Workers
from ..checksums import ALGORITHMS
from .colleagues import Colleague, SharedJanitor
from .copying import Copying
from .draft import Draft
from .failures import guarded
from .ground import Ground, Spot, node_of
from .guise import Guise
from .identity import identities, pin, touch
from .keepsake import PosixKeepsake
from .moving import move, recover
from .notify import Notifier
from .options import Durability, PosixOptions, TrashPlace
from .part_file import token_of
from .parts import PosixParts
from .permitting import check_removing
from .persona import Acting
from .reading import open_reader
from .rights import PosixRights
from .scanning import scan
from .staging import Slot, delete, reserve, sweep
from .surveying import PosixSurvey
from .trash import PosixTrash
from .trash_bin import sweep as sweep_trash
from .version_files import drop_below
from .versions import PosixVersions
from .watch import FolderWatches, Ticket

log = make_logger()

_Nodes = list[Node]


class PosixStorage(Storage, Ids, Copy, Quota, Times, Janitor):
    """A tree of files on a Linux file system.

    Whoever else works on the tree is seen at once. Content is kept out of sight in ``.clawgate`` in the root until it is complete
    (`staging`); no path, link or race leads out of the tree (`confined`).
    """

    def __init__(
        self,
        root: str,
        workers: Workers,
        options: PosixOptions,
        watches: FolderWatches | None = None,
        cpu: Workers | None = None,
        guise: Guise | None = None,
        notifier: Notifier | None = None,
        scan: Workers | None = None,
        colleague: Colleague | None = None,
    ) -> None:
        """`root` must be there when the storage is used. With `watches` listings vouch for themselves (`Listing.current`).

        `cpu` does what takes long, checksums of whole files for instance; None: `workers`. With `guise` everything is done with
        the rights of its person: the threads of `workers` and `cpu` then are for nothing else (`persona`). With `notifier` the
        kernel tells of changes. `scan` is for work in the background; None, and with `guise`: `workers`.
        With `colleague` this is what looks after a tree on which people work as themselves.
        """
        if guise is not None:
            workers, cpu = Acting(workers, guise.persona), Acting(cpu or workers, guise.persona)
        self._ground = Ground(root, options, guise)
        if colleague is not None:
            self._ground.owner = os.geteuid()
        self._workers = workers
        self._options = options
        self._watches = watches
        self._background = workers if guise is not None else scan or workers
        trash = options.trash is not TrashPlace.NONE and colleague is None
        self.abilities = Abilities(
            ids=self,
            copy=self,
            quota=self,
            times=self,
            parts=PosixParts(self._ground, workers, cpu or workers),
            janitor=self if colleague is None else SharedJanitor(self, self._ground, workers, colleague),
            keepsake=PosixKeepsake(self._ground, workers, shared=colleague is not None) if _alone(guise) else None,
            rights=None if guise is None else PosixRights(self._ground, workers),
            survey=PosixSurvey(self._ground, self._background),
            changes=None if notifier is None else notifier.of(self._ground),
            trash=PosixTrash(self._ground, workers, self._throw_away) if trash else None,
            versions=PosixVersions(self._ground, workers, self._background) if options.versions and not colleague else None,
            checksums=ALGORITHMS,
        )

    async def stat(self, path: Path) -> Node:
        """See `Storage.stat`."""
        return await self._workers.run(self._look, path)

    async def list(self, path: Path) -> Listing:
        """See `Storage.list`. One call to a worker, one page."""
        if self._watches is None or self._ground.follow:
            # A link on the way may lead elsewhere tomorrow, and no folder on the way would tell.
            folder, children = await self._workers.run(self.scan, path)
            return Listing(folder, _pages(children))
        folder, children, ticket = await self._workers.run(self._scan_watched, path, self._watches)
        return Listing(folder, _pages(children), current=ticket.check if ticket else None)

    def scan(self, path: Path, before: Callable[[int], None] | None = None) -> tuple[Node, _Nodes]:
        """The folder and its children; blocks, for callers that are in a worker already.

        `before` is called with the folder's open descriptor before anything is read. Raises `NotFound`, `NotAFolder`.
        """
        folder, children, _ = scan(self._ground, path, before)
        return folder, children

    async def read(self, path: Path) -> Reader:
        """See `Storage.read`. One call to a worker; small files are in memory afterwards."""
        return await self._workers.run(open_reader, self._ground, path, self._workers)

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """See `Storage.write`. A small file is one call to a worker, made when all of it is there."""
        draft = Draft(self._ground, path, intent)
        if intent.size is not None and intent.size <= self._options.small_bytes:
            return await self._workers.run(draft.store, await _collect(body, intent.size))
        try:
            await self._workers.run(draft.begin)
            chunks: list[bytes] = []
            held = 0
            async for chunk in body:
                chunks.append(chunk)
                held += len(chunk)
                if held >= self._options.block_bytes:
                    some, chunks, held = chunks, [], 0
                    await self._workers.run(draft.append, some)
            return await self._workers.run(draft.publish, chunks)
        except GeneratorExit:
            # Nobody resumes this coroutine any more.
            if self._ground.guise is None:
                draft.discard()
            else:
                Deferred.fromCoroutine(self._workers.run_always(draft.discard)).addErrback(_report)
            raise
        except BaseException:
            await self._workers.run_always(draft.discard)
            raise

    async def make_folder(self, path: Path) -> Node:
        """See `Storage.make_folder`."""
        return await self._workers.run(self._make_folder, path)

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`. Deleting what was in a folder goes on after this returns."""
        rest = await self._workers.run(self._remove, path)
        self._throw_away(rest)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`. Raises `NotSupported` between file systems."""
        node, rest = await self._workers.run(move, self._ground, source, target, replace=replace)
        self._throw_away(rest)
        return node

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """See `Copy.copy`. Times and modes are kept, ids are new; shares blocks where the file system can."""
        copying = Copying(self._ground, source, target, replace=replace, deep=deep)
        try:
            node, rest = await self._workers.run(copying.run)
        finally:
            copying.stop()
        self._throw_away(rest)
        return node

    async def identify(self, folder: Path, names: Sequence[str]) -> Mapping[str, Identity]:
        """See `Ids.identify`; how ids are kept is told in `identity`."""
        return await self._workers.run(self.identities, folder, names)

    def identities(self, folder: Path, names: Sequence[str]) -> dict[str, Identity]:
        """As `identify`; blocks, for callers that are in a worker already."""
        return identities(self._ground, folder, names)

    async def pin(self, path: Path, id: str) -> None:
        """See `Ids.pin`. Changes the file's ctime and so its `Node.seen`."""
        await self._workers.run(pin, self._ground, path, id)

    async def names(self, path: Path) -> int:
        """See `Ids.names`. One for a folder."""
        return await self._workers.run(self._names, path)

    async def room(self) -> Room:
        """See `Quota.room`; of the file system that holds the root."""
        return await self._workers.run(self._room)

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        """See `Times.touch`. Stored checksums stay valid."""
        return await self._workers.run(touch, self._ground, path, mtime_ns)

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`. Half-done moves are mended whatever their age."""
        return await self._workers.run(self._sweep, keep, older_than)

    async def sweep_removed(self, older_than: float) -> int:
        """Remove what has left the trash or the tree for good, and was not deleted before a kill: as `sweep`, but nothing of what
        somebody may still be writing."""
        return await self._workers.run(self._sweep_removed, older_than)

    def _look(self, path: Path) -> Node:
        with guarded(path):
            return self._ground.look(path)

    def _scan_watched(self, path: Path, watches: FolderWatches) -> tuple[Node, _Nodes, Ticket | None]:
        tickets: list[Ticket | None] = []
        above: list[int] = []
        try:
            for ancestor in ancestors(path):
                above.append(self._ground.open(ancestor, os.O_PATH | os.O_DIRECTORY))
            folder, children, watchable = scan(self._ground, path, lambda fd: tickets.append(watches.add(fd, above)))
        finally:
            for fd in above:
                os.close(fd)
        return folder, children, tickets[0] if watchable else None

    def _make_folder(self, path: Path) -> Node:
        if not path:
            raise AlreadyExists("the root of a space is always there")
        with guarded(path), self._ground.spot(path) as spot:
            os.mkdir(spot.name, dir_fd=spot.fd)
            if self._options.durability is Durability.FULL:
                spot.sync()
            state = spot.state()
            if state is None:
                raise NotFound(f"{path}: removed meanwhile")
            return node_of(split(path)[1], state)

    def _remove(self, path: Path) -> Slot | None:
        with guarded(path), self._ground.spot(path, missing=NotFound) as spot:
            state = self._ground.present(spot)
            rest = None
            if S_ISDIR(state.st_mode) and self._ground.guise is not None and _was_empty(spot):
                pass
            elif S_ISDIR(state.st_mode):
                check_removing(self._ground, spot)
                rest = reserve(spot, "trash")
                try:
                    os.rename(spot.name, rest.name, src_dir_fd=spot.fd, dst_dir_fd=rest.fd)
                except BaseException:
                    rest.close()
                    raise
            else:
                drop_below(self._ground, spot.fd, spot.name)
                os.unlink(spot.name, dir_fd=spot.fd)
            if self._options.durability is Durability.FULL:
                spot.sync()
            return rest

    def _throw_away(self, rest: Slot | None) -> Deferred[None] | None:
        """Delete what lies in the slot `rest` some time soon; what is returned tells when, and never fails."""
        if rest is None:
            return None
        return Deferred.fromCoroutine(self._workers.run_always(_empty, self._ground, rest)).addErrback(_report)

    def _names(self, path: Path) -> int:
        with guarded(path):
            fd, state = self._ground.probe(path)
            os.close(fd)
            return 1 if S_ISDIR(state.st_mode) else state.st_nlink

    def _room(self) -> Room:
        with guarded(""):
            room = os.fstatvfs(self._ground.root().fd)
            return Room((room.f_blocks - room.f_bfree) * room.f_frsize, room.f_bavail * room.f_frsize)

    def _sweep(self, keep: frozenset[str], older_than: float) -> int:
        with guarded(""):
            recover(self._ground)
            removed = 0 if self.abilities.trash is None else sweep_trash(self._ground, older_than, time.time())
            return removed + sweep(self._ground, frozenset(map(token_of, keep)), older_than, time.time())

    def _sweep_removed(self, older_than: float) -> int:
        with guarded(""):
            return sweep(self._ground, frozenset(), older_than, time.time(), removed_only=True)


def _alone(guise: Guise | None) -> bool:
    """Whether nobody else looks after the tree."""
    return guise is None or not guise.shared


def _was_empty(spot: Spot) -> bool:
    """Remove the folder at `spot` if it is empty, which asks for no right on it."""
    try:
        os.rmdir(spot.name, dir_fd=spot.fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _empty(ground: Ground, rest: Slot) -> None:
    try:
        drop_below(ground, rest.fd, rest.name)
        delete(rest.fd, rest.name)
    finally:
        rest.close()


def _report(failure: Failure) -> None:
    log.failure("what was removed could not be deleted from the staging folder", failure=failure)


async def _pages(children: Sequence[Node]) -> AsyncIterator[Sequence[Node]]:
    if children:
        yield children


async def _collect(body: Body, size: int) -> list[bytes]:
    """All of `body`, which must have `size` bytes. Raises `LengthMismatch`."""
    chunks: list[bytes] = []
    length = 0
    async for chunk in body:
        chunks.append(chunk)
        length += len(chunk)
        if length > size:
            raise LengthMismatch(f"the content is longer than the {size} bytes announced")
    if length != size:
        raise LengthMismatch(f"{length} bytes came, {size} were announced")
    return chunks
