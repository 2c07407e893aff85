"""What all work of one person in one space stands on: where it is, as whom it is done, and what is known for a moment."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ...errors import Forbidden, NotFound, ParentMissing
from ...model.node import Node
from ...model.path import ROOT, Path, is_within, name, parent
from ...model.space import Persona
from ...mutex import Mutex
from .facts import Container, Entry
from .instance import Instance
from .metadata import Metadata
from .names import check_old, file_of, shown, versions_of

T = TypeVar("T")

_FOLDERS = 10_000
"""Of which it is remembered that they may be read, and which have leftovers in them."""
_ENTRIES = 20_000
"""Of folders just listed, kept for the question that follows: what may be done with them."""


class Ground:
    """See the module."""

    def __init__(self, instance: Instance, metadata: Metadata, persona: Persona, root: str) -> None:
        """`persona` has the name that EOS knows; `root` is the full path of the space."""
        self.instance = instance
        self.metadata = metadata
        self.options = instance.options
        self.persona = persona
        self.who = persona.name
        self.root = root.rstrip("/")
        self.dirty: OrderedDict[Path, None] = OrderedDict()
        """Folders in which something lies about."""
        self.mends = True
        """Whether what lies about is put in order."""
        self.making = Mutex()
        """EOS says of a folder that is there that it was made: so one looks and makes at a time."""
        self._readable: OrderedDict[Path, float] = OrderedDict()
        self._listed: OrderedDict[Path, tuple[float, Container]] = OrderedDict()
        self._opened: dict[Path, tuple[int, int]] = {}
        self._count = itertools.count(1)

    # Paths

    def full(self, path: Path) -> str:
        """Where `path` is on EOS. Raises `NotFound` for what is never shown."""
        check_old(path)
        return f"{self.root}/{path}" if path else self.root

    def relative(self, full: str) -> Path:
        """The path in this space. Raises `NotFound` for what is elsewhere or never shown."""
        if full == self.root:
            return ROOT
        path = full.removeprefix(f"{self.root}/")
        if path == full or not all(shown(one) for one in path.split("/")):
            raise NotFound("there is nothing with this id")
        return Path(path)

    # Whether somebody may look

    async def see(self, path: Path) -> None:
        """Raise `Forbidden` or `NotFound` unless this person may know of what is at `path`: who may read its folder may, or the
        node itself."""
        full, folder = self.full(path), parent(path)
        if self._knows(folder) or self._knows(path):
            return
        try:
            await self.see_folder(folder)
        except Forbidden:
            if not path:
                raise
            await self.metadata.see_readable(self.who, full)
            self._remember(path)

    async def see_folder(self, path: Path) -> None:
        """Raise unless this person may read what is at `path`."""
        if not self._knows(path):
            await self.metadata.see_readable(self.who, self.full(path))
            self._remember(path)

    def _knows(self, path: Path) -> bool:
        return bool(self._readable.get(path, 0.0) > self.instance.reactor.seconds())

    def _remember(self, path: Path) -> None:
        self._readable[path] = self.instance.reactor.seconds() + self.options.access_seconds
        self._readable.move_to_end(path)
        if len(self._readable) > _FOLDERS:
            self._readable.popitem(last=False)

    # Looking

    async def entry(self, path: Path) -> Entry:
        """All of a file, what is cheap of a folder; nothing is checked. Raises `NotFound`."""
        full = self.full(path)
        found = await self.metadata.look(self.who, full)
        if found is not None and not found.inode:
            found = await self.metadata.describe(self.who, full)
        if found is None or found.is_link:
            raise NotFound(f"{path}: there is no such file or folder")
        if found.path and not self._holds(found.path):
            # A link on the way led elsewhere.
            raise NotFound(f"{path}: there is no such file or folder")
        return found._replace(name=name(path))

    def _holds(self, full: str) -> bool:
        return full == self.root or full.startswith(f"{self.root}/")

    async def node(self, path: Path) -> Node:
        """The same as the gateway sees it, unchecked."""
        found = await self.entry(path)
        return found.node(await self.id_of(self.full(path), found))

    async def id_of(self, full: str, found: Entry) -> str:
        """The id that clients know; of a file with stable ids that of its version folder, if it has one."""
        if not found.is_folder and self.options.stable_ids:
            folder = await self.metadata.look(self.who, versions_of(full))
            if folder is not None:
                return str(folder.inode)
        return str(found.inode)

    async def stable_id(self, full: str) -> str:
        """Make sure that a file has a version folder before it is there itself; its id."""
        folder = versions_of(full)
        found = await self.metadata.look(self.who, folder)
        inode = found.inode if found is not None else await self.metadata.make_folder(self.who, folder)
        if not inode:
            found = await self.metadata.describe(self.who, folder)
            inode = found.inode if found is not None else 0
        return str(inode) if inode else ""

    async def container(self, path: Path) -> Container:
        """A folder and its children, checked; remembered for a moment. Raises `NotFound`, `NotAFolder`."""
        await self.see_folder(path)
        found = await self.metadata.container(self.who, self.full(path))
        if not self._holds(found.folder.path):
            raise NotFound(f"{path}: there is no such folder")
        found = found._replace(folder=found.folder._replace(name=name(path)))
        self._listed.pop(path, None)
        self._listed[path] = (self.instance.reactor.seconds() + min(5.0, self.options.access_seconds), found)
        while len(self._listed) > 1 and sum(len(one.children) for _, one in self._listed.values()) > _ENTRIES:
            self._listed.popitem(last=False)
        return found

    async def listed(self, path: Path) -> Container:
        """The same, as it was a moment ago."""
        known = self._listed.get(path)
        if known is not None and known[0] > self.instance.reactor.seconds():
            return known[1]
        return await self.container(path)

    async def find(self, id: str) -> Path:
        """Where the node with this id is. Raises `NotFound`."""
        if not id.isascii() or not id.isdigit() or len(id) > 20:
            raise NotFound("there is nothing with this id")
        return self.relative(file_of(await self.metadata.locate(self.who, int(id))))

    async def see_parent(self, path: Path) -> None:
        """Raise `ParentMissing` unless the folder of `path` is there."""
        with suppress(NotFound):
            found = await self.metadata.look(self.who, self.full(parent(path)))
            if found is not None and found.is_folder:
                return
        raise ParentMissing("the folder does not exist")

    # Changing

    def changed(self, *paths: Path) -> None:
        """Something was changed at `paths`: what is known of their folders is old, and of what was below them."""
        for path in paths:
            for known in [one for one in self._listed if one == parent(path) or is_within(one, path)]:
                del self._listed[known]
            for known in [one for one in self._readable if path and is_within(one, path)]:
                del self._readable[known]

    def litter(self, folder: Path) -> None:
        """Something may lie about in this folder."""
        self.dirty[folder] = None
        if len(self.dirty) > _FOLDERS:
            self.dirty.popitem(last=False)

    async def opening(self, path: Path, handshake: Callable[[], Awaitable[T]]) -> tuple[int, T]:
        """Make a handshake for writing to `path`. Returns a number for `overtaken` and `closed`: of several that are open at the
        same time EOS accepts the one that was opened last."""
        known, users = self._opened.get(path, (0, 0))
        self._opened[path] = (known, users + 1)
        try:
            found = await handshake()
        except BaseException:
            self.closed(path)
            raise
        number = next(self._count)
        self._opened[path] = (number, self._opened[path][1])
        return number, found

    def overtaken(self, path: Path, number: int) -> bool:
        """Whether somebody here has opened `path` since."""
        return self._opened.get(path, (number, 0))[0] != number

    def closed(self, path: Path) -> None:
        """Nothing more comes of a handshake."""
        number, users = self._opened.get(path, (0, 1))
        if users > 1:
            self._opened[path] = (number, users - 1)
        else:
            self._opened.pop(path, None)
