"""`S3Storage`: a bucket, or what begins with a prefix in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from ...errors import AlreadyExists, ClawgateError, IsAFolder, NotAFolder, NotFound, PreconditionFailed
from ...interfaces import Abilities, Body, Copy, Ids, Janitor, Listing, Reader, Storage
from ...model.content import Intent, Written
from ...model.node import Identity, Kind, Node
from ...model.path import ROOT, Path, join, name
from ..checksums import ALGORITHMS
from .control import Control, Page
from .exchange import Exchange
from .facts import Facts, foreign_id, nanoseconds, seen
from .ground import Ground
from .keys import HIDDEN, shown
from .leftovers import sweep_multiparts
from .options import S3Options
from .parts import S3Parts
from .reading import S3Reader
from .trees import Trees, copy_object
from .writing import write

_ONE_BY_ONE = 20
"""Up to so many children are asked for by themselves; of more a listing tells most."""


class S3Storage(Storage, Ids, Copy, Janitor):
    """See the module. Call `start` once before it is used."""

    def __init__(self, control: Control, exchange: Exchange, options: S3Options) -> None:
        self._ground = Ground(control, exchange, options)
        self._trees = Trees(self._ground)
        self._parts = S3Parts(self._ground)
        self.abilities = Abilities(ids=self, copy=self, parts=self._parts, janitor=self, checksums=ALGORITHMS)

    async def start(self) -> None:
        """See whether the bucket is there, and what the service can do that is not the same everywhere."""
        control, key = self._ground.control, self._ground.keys.hidden("probe")
        await control.page(self._ground.options.prefix, most=1)
        await control.call("put_object", Key=key, Body=b"")
        try:
            await control.call("put_object", Key=key, Body=b"", IfNoneMatch="*")
        except PreconditionFailed:
            self._ground.conditional = True
        except ClawgateError:
            self._ground.conditional = False
        try:
            await control.call("put_object", Key=f"{key}/", Body=b"")
            self._ground.both = await control.head(key) is not None
        except ClawgateError:
            self._ground.both = False
        await control.delete([f"{key}/", key])

    async def stat(self, path: Path) -> Node:
        """See `Storage.stat`."""
        return await self._ground.node(path)

    async def list(self, path: Path) -> Listing:
        """See `Storage.list`. One call a thousand entries."""
        ground = self._ground
        prefix = ground.keys.folder(path)
        if path.partition("/")[0] == HIDDEN:
            raise NotFound(f"{path}: there is no such file or folder")
        first = await ground.control.page(prefix)
        if path and not first.objects and not first.prefixes:
            key, beside = ground.keys.key(path)
            if not beside and await ground.file(key) is not None:
                raise NotAFolder(f"{path}: this is not a folder")
            if await ground.control.head(prefix) is None:
                raise NotFound(f"{path}: there is no such file or folder")
        return Listing(ground.folder_node(path), self._pages(path, prefix, first))

    async def read(self, path: Path) -> Reader:
        """See `Storage.read`."""
        node = await self._ground.node(path)
        if node.is_folder:
            raise IsAFolder(f"{path}: this is a folder")
        facts = await self._known(path, node)
        return S3Reader(self._ground.exchange, facts, name(path), self._ground.options.attempts)

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """See `Storage.write`."""
        return await write(self._ground, path, body, intent)

    async def make_folder(self, path: Path) -> Node:
        """See `Storage.make_folder`."""
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
                await ground.mark(prefix, ground.new_id(), **({"IfNoneMatch": "*"} if ground.conditional else {}))
            except PreconditionFailed:
                raise AlreadyExists(f"{path}: the name is taken") from None
        ground.changed(path)
        return ground.folder_node(path)

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`. Not one step: a kill leaves a part."""
        await self._trees.remove(path)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`. Not one step: others see both for a while."""
        return await self._trees.move(source, target, replace=replace)

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """See `Copy.copy`. Not one step."""
        return await self._trees.copy(source, target, replace=replace, deep=deep)

    async def identify(self, folder: Path, names: Sequence[str]) -> Mapping[str, Identity]:
        """See `Ids.identify`. One call for each object that was never looked at; many names are listed before."""
        if not (await self._ground.node(folder)).is_folder:
            raise NotFound(f"{folder}: there is no such folder")
        known: dict[str, Identity] = {}
        if len(names) > _ONE_BY_ONE:
            listing = await self.list(folder)
            async for page in listing.pages:
                for node in page:
                    facts = None if node.is_folder else self._remembered(join(folder, node.name), node)
                    if facts is not None:
                        known[node.name] = facts.identity()

        async def identify(label: str) -> Identity | None:
            return known.get(label) or await self._identity(join(folder, label) if label else folder)

        found = await self._trees.each(list(names), identify)
        return {label: identity for label, identity in zip(names, found, strict=True) if identity is not None}

    async def pin(self, path: Path, id: str) -> None:
        """See `Ids.pin`. Copies the object onto itself."""
        ground = self._ground
        node = await ground.node(path)
        if node.is_folder:
            if path:
                await ground.mark(ground.keys.folder(path), id)
            return
        facts = await self._known(path, node)
        if facts.id != id:
            await copy_object(ground, facts, facts.key, id, facts.own)

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`."""
        swept = await self._trees.sweep(older_than)
        swept += await self._parts.sweep(keep, older_than)
        return swept + await sweep_multiparts(self._ground, older_than)

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

    async def _pages(self, path: Path, prefix: str, page: Page) -> AsyncIterator[Sequence[Node]]:
        files: set[str] = set()
        while True:
            yield self._nodes(path, prefix, page, files)
            if not page.more:
                return
            page = await self._ground.control.page(prefix, page.more)

    def _nodes(self, path: Path, prefix: str, page: Page, files: set[str]) -> Sequence[Node]:
        """`files`: names so far; a file and a folder of one name come in this order, though not on the same page."""
        ground, nodes = self._ground, []
        for one in page.objects:
            label = shown(one.key[len(prefix) :]) if one.key != prefix else None
            if label is None:
                continue
            files.add(label)
            facts = ground.memory.get(one.key, seen(one.etag, one.size))
            if facts is not None:
                nodes.append(facts.node(label))
            else:
                nodes.append(Node(label, Kind.FILE, one.size, nanoseconds(one.modified), seen(one.etag, one.size)))
        for below in page.prefixes:
            label = shown(below[len(prefix) : -1])
            if label in files:
                label = shown(below[len(prefix) : -1], beside=True)
            if label is None or (path == ROOT and label == HIDDEN):
                continue
            nodes.append(ground.folder_node(join(path, label)))
        return nodes
