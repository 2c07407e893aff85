"""What all parts of the driver stand on: the bucket, what is known of it, and who is at work on a key."""

from __future__ import annotations

import itertools
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet.defer import DeferredLock

from ...errors import Forbidden, InvalidRequest, NotFound, ParentMissing
from ...model.content import Target
from ...model.node import Kind, Node
from ...model.path import Path, name, parent
from .control import Control, Found, Page
from .exchange import Exchange
from .facts import Facts, from_head, marker_type, metadata
from .keys import HIDDEN, Keys
from .memory import Looks, Memory
from .options import S3Options
from .vouching import Vouchers

_FOLDERS = 10_000


class Marks:
    """Tells folders that changed by our own doing from those that did not; S3 keeps nothing of the kind."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._count = itertools.count(1)
        self._last: OrderedDict[str, int] = OrderedDict()
        self._floor = 0

    def touch(self, prefix: str) -> None:
        """Something in this folder changed."""
        self._last[prefix] = next(self._count)
        self._last.move_to_end(prefix)
        if len(self._last) > _FOLDERS:
            # Whatever is not remembered looks changed once more, never the same.
            self._floor = max(self._floor, self._last.popitem(last=False)[1])

    def seen(self, prefix: str) -> str:
        """See `Node.seen`."""
        return f"{self._run}.{self._last.get(prefix, self._floor):x}"


class Locks:
    """One at a time for each key, within this process."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[DeferredLock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Wait for the key."""
        lock, users = self._locks.get(key, (DeferredLock(), 0))
        self._locks[key] = lock, users + 1
        try:
            await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = lock, users - 1


class Service:
    """What is the same for all parts of a bucket: what the service can do, and what is known of objects."""

    def __init__(self, options: S3Options) -> None:
        self.memory = Memory(options.facts)
        self.looks = Looks(options.trust_seconds)
        self.vouchers = Vouchers(options.listing_seconds, options.told_seconds)
        self.locks = Locks()
        """Also between somebody who uses a space and who clears up there meanwhile without having opened it."""
        self.probed = False
        self.both = True
        """Whether an object and a folder can have one name."""
        self.conditional = False
        """Whether the service refuses to write where something is already (``If-None-Match``); else we look before."""
        self.matching = False
        """Whether it refuses to replace anything but what was named (``If-Match`` with an ETag); else we look before."""
        self.verifying = False
        """Whether it compares content with a checksum that comes along (``x-amz-checksum-*``)."""
        self.versioned = False
        """Whether the bucket keeps versions, as far as somebody wanted to know."""
        self.over: set[str] = set()
        """Keys of plans for which nothing is to be done any more, and which are not known to be removed."""


class Ground:
    """The bucket below one prefix."""

    def __init__(self, control: Control, exchange: Exchange, options: S3Options, service: Service | None = None) -> None:
        self.control = control
        self.exchange = exchange
        self.options = options
        self.keys = Keys(options.prefix)
        self.service = service or Service(options)
        self.memory = self.service.memory
        self.looks = self.service.looks
        self.marks = Marks()
        self.locks = self.service.locks
        self.working: set[str] = set()
        """Keys of plans and notes that are being carried out here; the janitor leaves them."""

    @property
    def both(self) -> bool:
        """See `Service.both`."""
        return self.service.both

    @property
    def conditional(self) -> bool:
        """See `Service.conditional`."""
        return self.service.conditional

    def refuses(self, expected: Target | str) -> bool:
        """Whether the service itself refuses to write if what stands there is not what was expected (`Intent.expected`)."""
        return self.service.conditional if isinstance(expected, Target) else self.service.matching

    def place(self, path: Path) -> str:
        """The key of a file that may be written at `path`. Raises `Forbidden`, `InvalidRequest`."""
        if not path:
            raise Forbidden("the root cannot be replaced, moved or removed")
        key, beside = self.keys.key(path)
        if beside:
            raise InvalidRequest("a name must not end in U+201B and 2f")
        self.admit(path)
        return key

    def admit(self, path: Path) -> None:
        """Raise `Forbidden` for what is hidden."""
        if path.partition("/")[0] == HIDDEN:
            raise Forbidden("this name is used by the storage itself")

    async def file(self, key: str) -> Facts | None:
        """The object under `key`; one HeadObject."""
        answer = await self.control.head(key)
        if answer is None:
            self.memory.forget(key)
            return None
        self.looks.there(key)
        found = self.memory.pinned(from_head(key, answer))
        known = self.memory.get(key, found.seen)
        # Checksums that were not known when the content was sent are only remembered.
        if known is not None and known.own == found.own and known.checksums:
            return known
        return self.memory.put(found, looked=True)

    async def is_folder(self, prefix: str) -> bool:
        """Whether there is a marker, or anything below: one or two calls."""
        if prefix == self.options.prefix:
            return True
        found = await self.has_marker(prefix) or bool((await self.control.page(prefix, deep=True, most=1)).objects)
        (self.looks.there if found else self.looks.missing)(prefix)
        return found

    async def has_marker(self, prefix: str) -> bool:
        """Whether there is a marker, as far as a listing would not show it: one call or none."""
        # SeaweedFS answers for folders as long as something in them has versions, but does not list them.
        if self.service.versioned:
            return False
        return await self.control.head(prefix) is not None

    async def node(self, path: Path) -> Node:
        """The file or folder at `path`. A file costs one call. Raises `NotFound`."""
        if path.partition("/")[0] == HIDDEN:
            raise NotFound(f"{path}: there is no such file or folder")
        if path:
            key, beside = self.keys.key(path)
            facts = None if beside else await self.file(key)
            if facts is not None:
                return facts.node(name(path))
            if not beside:
                self.looks.missing(key)
        if not await self.is_folder(self.keys.folder(path)):
            raise NotFound(f"{path}: there is no such file or folder")
        return self.folder_node(path)

    def folder_node(self, path: Path) -> Node:
        """A folder; S3 knows no times of folders, and a listing could not tell those of markers."""
        return Node(name(path), Kind.FOLDER, 0, 0, self.marks.seen(self.keys.folder(path)) if self.options.marks else "")

    async def see_parent(self, path: Path) -> None:
        """Raise `ParentMissing` unless the folder that holds `path` is there."""
        prefix = self.keys.folder(parent(path))
        if not self.looks.was_there(prefix) and not await self.is_folder(prefix):
            raise ParentMissing(f"{parent(path)}: there is no such folder")

    async def mark(self, prefix: str, id: str, **conditions: Any) -> None:
        """Write the marker of a folder."""
        await self.control.call(
            "put_object",
            Key=prefix,
            Body=b"",
            ContentType=marker_type(prefix, id),
            Metadata=metadata(prefix, id, id, 0),
            **conditions,
        )
        self.memory.folder(prefix, id)
        self.looks.there(prefix)

    async def keep(self, path: Path, gone: Sequence[str]) -> None:
        """Write the marker of the folder `path` if nothing would be in it without the keys in `gone`: it must not vanish."""
        prefix = self.keys.folder(path)
        if prefix == self.options.prefix:
            return
        page = await self.control.page(prefix, deep=True, most=2)
        # Where there is a marker, it is the first of them.
        while {one.key for one in page.objects} <= set(gone):
            if not page.more:
                await self.mark(prefix, self.new_id())
                return
            page = await self.control.page(prefix, page.more, deep=True)

    async def below(self, prefix: str) -> AsyncIterator[Page]:
        """All objects whose keys begin with `prefix`, page by page, without what is hidden."""
        more, first = "", True
        hidden = self.keys.hidden("")
        while first or more:
            page = await self.control.page(prefix, more, deep=True)
            first, more = False, page.more
            if prefix == self.options.prefix:
                page = Page([one for one in page.objects if not one.key.startswith(hidden)], (), page.more)
            yield page

    async def all_below(self, prefix: str) -> list[Found]:
        """The same in one list."""
        return [one async for page in self.below(prefix) for one in page.objects]

    def changed(self, *paths: Path) -> None:
        """Something changed in the folders that hold `paths`."""
        for path in paths:
            self.marks.touch(self.keys.folder(parent(path)))
            if path:
                self.looks.forget(self.keys.key(path)[0])

    def unsettled(self, *paths: Path) -> None:
        """More may have changed at `paths`, and in the folders that hold them, than the index hears of."""
        for path in paths:
            self.service.vouchers.touch(self.keys.folder(path))

    def new_id(self) -> str:
        """One that nobody has."""
        return secrets.token_hex(12)
