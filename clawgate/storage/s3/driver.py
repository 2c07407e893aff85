"""`S3Storage`: a bucket, or what begins with a prefix in it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import attrs

from ...errors import AlreadyExists, Forbidden, IsAFolder, NotAFolder, NotFound, PreconditionFailed, StorageBroken
from ...interfaces import Abilities, Body, Copy, Ids, Janitor, Listing, Reader, Storage, Times
from ...model.content import Intent, Written
from ...model.node import Identity, Kind, Node
from ...model.path import ROOT, Path, is_within, join, name
from ..checksums import ALGORITHMS
from .clearing import clear
from .control import Control, Found, Page
from .copying import copy_object
from .exchange import Exchange
from .facts import Facts, foreign_id, foreign_own, nanoseconds, seen, wire_etag
from .former import clear_hidden, is_versioned
from .ground import Ground, Service
from .keys import HIDDEN
from .keys import shown as shown_name
from .leftovers import sweep_multiparts
from .listing import Children
from .memory import Listings, Shown
from .options import S3Options
from .parallel import each
from .parts import S3Parts
from .probing import probe, sweep_probes
from .reading import S3Reader
from .surveying import S3Survey
from .trash import S3Trash
from .trees import Trees
from .versions import S3Versions
from .vouching import Voucher
from .writing import write

BEGUN = "begun"
"""The name of a hidden object: whatever is older than it, clawgate has not written."""


class S3Storage(Storage, Ids, Copy, Times, Janitor):
    """See the module. Call `start` once before it is used."""

    def __init__(self, control: Control, exchange: Exchange, options: S3Options, service: Service | None = None) -> None:
        """`service` is shared by all that use the same bucket."""
        self._ground = Ground(control, exchange, options, service)
        self._trees = Trees(self._ground)
        self._parts = S3Parts(self._ground)
        self._listings = Listings(options.facts)
        self._trash: S3Trash | None = None
        self._begun = 0
        self.recalling = True
        """Whether metadata are asked for what listings do not tell: ids, times, checksums. They are needed when there is no
        index, or a new one; one call for each object that clawgate may have written."""
        self._survey = S3Survey(self._ground, self._listed, self.identify)
        self.abilities = Abilities(
            ids=self, copy=self, times=self, parts=self._parts, janitor=self, survey=self._survey, checksums=ALGORITHMS
        )

    async def start(self, *, read_only: bool = False, recall: bool = True) -> None:
        """See whether the bucket is there, and what the service can do that is not the same everywhere. `recall`: see
        `recalling`."""
        ground, key = self._ground, self._ground.keys.hidden(BEGUN)
        there = await self._beginning(key)
        self.recalling = recall and there is not None
        if there is None and not read_only:
            await ground.control.call("put_object", Key=key, Body=b"")
            there = await self._beginning(key)
        self._begun = nanoseconds(there.modified) if there is not None else sys.maxsize
        if not ground.service.probed and not read_only:
            await probe(ground)
        await self._start_keeping()

    async def clear(self) -> None:
        """Remove all that is there for good, also what is hidden and what the bucket keeps; nobody may be using it any more."""
        await clear(self._ground, self._ground.keys.folder(ROOT))

    async def _start_keeping(self) -> None:
        ground = self._ground
        options, service = ground.options, ground.service
        if not options.trash and not options.versions:
            return
        service.versioned = service.versioned or await is_versioned(ground)
        if not service.versioned:
            raise StorageBroken(
                f"the bucket {options.bucket} keeps no versions, so there is no trash: enable its versioning, or set versioned = "
                "false in the table s3 of the mount"
            )
        self._trash = S3Trash(ground, self._trees) if options.trash else None
        versions = S3Versions(ground) if options.versions else None
        self.abilities = attrs.evolve(self.abilities, trash=self._trash, versions=versions)

    async def stat(self, path: Path) -> Node:
        """See `Storage.stat`."""
        return await self._ground.node(path)

    async def list(self, path: Path) -> Listing:
        """See `Storage.list`. One call a thousand entries."""
        # What is told of while the listing is on its way ends it, too.
        voucher = self._ground.service.vouchers.issue(self._ground.keys.folder(path))
        if voucher is None:
            return await self._listed(path)
        with self._withdrawing(voucher):
            listing = await self._listed(path)
        return attrs.evolve(listing, current=voucher, place=path, pages=self._vouched(listing.pages, voucher))

    async def _vouched(self, pages: AsyncIterator[Sequence[Node]], voucher: Voucher) -> AsyncIterator[Sequence[Node]]:
        with self._withdrawing(voucher):
            async for page in pages:
                yield page

    @contextmanager
    def _withdrawing(self, voucher: Voucher) -> Iterator[None]:
        """Nobody vouches for a listing that is not whole."""
        try:
            yield
        except BaseException:
            self._ground.service.vouchers.withdraw(voucher)
            raise

    async def _listed(self, path: Path) -> Listing:
        ground = self._ground
        prefix = ground.keys.folder(path)
        if path.partition("/")[0] == HIDDEN:
            raise NotFound(f"{path}: there is no such file or folder")
        first = await ground.control.page(prefix)
        if path and not first.objects and not first.prefixes:
            key, beside = ground.keys.key(path)
            if not beside and await ground.file(key) is not None:
                raise NotAFolder(f"{path}: this is not a folder")
            if not await ground.has_marker(prefix):
                raise NotFound(f"{path}: there is no such file or folder")
        return Listing(ground.folder_node(path), self._pages(path, prefix, first))

    async def read(self, path: Path) -> Reader:
        """See `Storage.read`."""
        node = await self._ground.node(path)
        if node.is_folder:
            raise IsAFolder(f"{path}: this is a folder")
        facts = await self._known(path, node)
        return S3Reader(self._ground.exchange, facts, name(path))

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """See `Storage.write`."""
        return await write(self._ground, path, body, intent)

    async def make_folder(self, path: Path) -> Node:
        """See `Storage.make_folder`."""
        with self._unsettling(path):
            return await self._make_folder(path)

    async def _make_folder(self, path: Path) -> Node:
        ground = self._ground
        if not path:
            raise AlreadyExists("the root is always there")
        ground.place(path)
        prefix = ground.keys.folder(path)
        async with ground.locks.hold(prefix):
            try:
                await ground.node(path)
            except NotFound:
                await ground.see_parent(path)
            else:
                raise AlreadyExists(f"{path}: the name is taken")
            try:
                # See `Ground.has_marker`.
                conditional = ground.conditional and not ground.service.versioned
                await ground.mark(prefix, ground.new_id(), **({"IfNoneMatch": "*"} if conditional else {}))
            except PreconditionFailed:
                raise AlreadyExists(f"{path}: the name is taken") from None
        ground.changed(path)
        return ground.folder_node(path)

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`. Not one step: a kill leaves a part."""
        with self._unsettling(path):
            await self._trees.remove(path)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`. Not one step: others see both for a while."""
        async with self._set_aside(source, target, replace):
            return await self._trees.move(source, target, replace=replace)

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """See `Copy.copy`. Not one step."""
        async with self._set_aside(source, target, replace):
            return await self._trees.copy(source, target, replace=replace, deep=deep)

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        """See `Times.touch`. Copies the object onto itself; its etag stays, and so do those of the folders above."""
        ground = self._ground
        key = ground.place(path)
        async with ground.locks.hold(key):
            node = await ground.node(path)
            if node.is_folder:
                raise Forbidden("the storage keeps no times of folders")
            facts = attrs.evolve(await self._known(path, node), mtime_ns=mtime_ns)
            return (await copy_object(ground, facts, key, facts.id, facts.own)).node(node.name)

    async def identify(self, folder: Path, names: Sequence[str]) -> Mapping[str, Identity]:
        """See `Ids.identify`. Many names are those that were just listed, and are told without any call, as far as it is known
        that nobody but others can have written them; a single one is asked for."""
        ground = self._ground
        prefix = ground.keys.folder(folder)
        many = len(names) - ("" in names) > 1
        shown = self._listings.take(prefix) if many else {}
        if not shown and not (await ground.node(folder)).is_folder:
            raise NotFound(f"{folder}: there is no such folder")
        if not shown and many:
            await self._show(folder, prefix)
            shown = self._listings.take(prefix)

        async def identify(label: str) -> Identity | None:
            if not label:
                return await self._identity(folder)
            return await self._told(join(folder, label), label, shown) or await self._identity(join(folder, label))

        found = await each(list(names), identify, ground.options.parallel)
        return {label: identity for label, identity in zip(names, found, strict=True) if identity is not None}

    async def pin(self, path: Path, id: str) -> None:
        """See `Ids.pin`. What others have written stays as it is: the id goes into the metadata when we write it the next
        time."""
        ground = self._ground
        node = await ground.node(path)
        if node.is_folder:
            if path:
                await ground.mark(ground.keys.folder(path), id)
            return
        facts = await self._known(path, node)
        if facts.id != id:
            ground.memory.pin(facts, id)

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`. One call if there is nothing."""
        ground = self._ground
        cleared = await clear_hidden(ground) if ground.service.versioned else 0
        found = await ground.control.page(ground.keys.hidden(""), deep=True, most=2)
        if not found.more and {one.key for one in found.objects} <= {ground.keys.hidden(BEGUN)}:
            return cleared
        swept = await self._trees.sweep(older_than)
        swept += await self._parts.sweep(keep, older_than)
        swept += await sweep_probes(ground, older_than)
        return cleared + swept + await sweep_multiparts(self._ground, older_than)

    @asynccontextmanager
    async def _set_aside(self, source: Path, target: Path, replace: bool) -> AsyncIterator[None]:
        """What is replaced goes into the trash, and comes back if nothing comes of it."""
        with self._unsettling(source, target):
            async with self._put_aside(source, target, replace):
                yield

    @asynccontextmanager
    async def _put_aside(self, source: Path, target: Path, replace: bool) -> AsyncIterator[None]:
        key, trash = "", self._trash
        if replace and trash is not None and not is_within(source, target) and not is_within(target, source):
            await self._ground.node(source)
            with suppress(NotFound):
                key = await trash.put(target)
        try:
            yield
        except BaseException:
            if key and trash is not None:
                await trash.restore(key, target, replace=False)
            raise

    @contextmanager
    def _unsettling(self, *paths: Path) -> Iterator[None]:
        """While more changes there than one file; also if it fails on the way."""
        try:
            yield
        finally:
            self._ground.unsettled(*paths)

    async def _beginning(self, key: str) -> Found | None:
        """The object that says since when something is written here. A listing tells of it, which fails if there is no
        bucket."""
        page = await self._ground.control.page(key, deep=True, most=1)
        return next((one for one in page.objects if one.key == key), None)

    async def _identity(self, path: Path) -> Identity | None:
        ground = self._ground
        if not path:
            id = foreign_id(ground.options.prefix)
            return Identity(id, id)
        try:
            node = await ground.node(path)
        except NotFound:
            return None
        if node.is_folder:
            id = await self._trees.folder_id(ground.keys.folder(path))
            return Identity(id, id)
        return (await self._known(path, node)).identity()

    async def _known(self, path: Path, node: Node) -> Facts:
        """The facts behind a node that was looked at just now."""
        facts = self._remembered(path, node) or await self._ground.file(self._ground.keys.key(path)[0])
        if facts is None:
            raise NotFound(f"{path}: there is no such file or folder")
        return facts

    def _remembered(self, path: Path, node: Node) -> Facts | None:
        return self._ground.memory.get(self._ground.keys.key(path)[0], node.seen)

    async def _told(self, path: Path, label: str, shown: Mapping[str, Shown | None]) -> Identity | None:
        """The identity of what a listing has just shown, without asking for it."""
        ground = self._ground
        one = shown.get(label)
        if one is not None:
            key = ground.keys.key(path)[0]
            facts = ground.memory.get(key, seen(one.etag, one.size))
            if facts is not None:
                return facts.identity()
            if not self.recalling or one.modified < self._begun:
                return Identity(foreign_id(key), foreign_own(one.etag, one.size, key))
        elif label in shown:
            prefix = ground.keys.folder(path)
            id = ground.memory.folder_id(prefix) or (foreign_id(prefix) if not self.recalling else "")
            return Identity(id, id) if id else None
        return None

    async def _show(self, path: Path, prefix: str) -> None:
        """List, for nothing but what is then in `_listings`."""
        async for _ in self._pages(path, prefix, await self._ground.control.page(prefix)):
            pass

    async def _pages(self, path: Path, prefix: str, page: Page) -> AsyncIterator[Sequence[Node]]:
        children = Children(prefix, root=not path)
        shown: dict[str, Shown | None] = {}
        while True:
            if self.recalling:
                await self._recall(prefix, page)
            yield self._nodes(path, children.of(page), shown)
            if len(shown) > self._ground.options.facts:
                shown.clear()
            if not page.more:
                self._listings.put(prefix, shown)
                return
            page = await self._ground.control.page(prefix, page.more)

    async def _recall(self, prefix: str, page: Page) -> None:
        """Ask for the objects of which more may be known than a listing tells."""
        memory = self._ground.memory
        keys = [
            one.key
            for one in page.objects
            if one.key != prefix
            and shown_name(one.key[len(prefix) :]) is not None
            and nanoseconds(one.modified) >= self._begun
            and memory.get(one.key, seen(one.etag, one.size)) is None
        ]
        await each(keys, self._ground.file, self._ground.options.parallel)

    def _nodes(self, path: Path, children: Iterable[tuple[str, Found | None]], shown: dict[str, Shown | None]) -> Sequence[Node]:
        ground, nodes = self._ground, []
        for label, one in children:
            if one is None:
                shown[label] = None
                nodes.append(ground.folder_node(join(path, label)))
                continue
            modified = nanoseconds(one.modified)
            shown[label] = Shown(one.etag, one.size, modified)
            facts = ground.memory.get(one.key, seen(one.etag, one.size))
            if facts is not None:
                nodes.append(facts.node(label))
            else:
                etag = wire_etag(one.etag, one.size)
                nodes.append(Node(label, Kind.FILE, one.size, modified, seen(one.etag, one.size), etag=etag))
        return nodes
