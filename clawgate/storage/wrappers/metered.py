"""Tells an observer of every call to a storage: how often, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import attrs

from ...errors import QuotaExceeded, StorageUnavailable
from ...interfaces import Body, Copy, Ids, Janitor, Listing, Parts, Piece, Quota, Reader, Room, Storage, Times
from ...model.content import Checksum, Intent, Written
from ...model.node import Identity, Node
from ...model.path import Path
from .metered_history import MeteredTrash, MeteredVersions

T = TypeVar("T")

Observe = Callable[[str, float, bool], None]
"""Called after each call with the method's name, the seconds it took, and whether it succeeded."""

Told = Callable[[StorageUnavailable | None], None]
"""Called after each call with the failure of the storage itself; with None when the call succeeded."""


class _Meter:
    """Measures one call after the other."""

    def __init__(self, observe: Observe, clock: Callable[[], float], full: Callable[[], None], told: Told) -> None:
        self._observe = observe
        self._told = told
        self._full = full
        self._clock = clock

    async def __call__(self, method: str, call: Awaitable[T]) -> T:
        start = self._clock()
        good = False
        try:
            result = await call
            good = True
            self._told(None)
            return result
        except QuotaExceeded:
            self._full()
            raise
        except StorageUnavailable as error:
            self._told(error)
            raise
        finally:
            self._observe(method, self._clock() - start, good)


class Metered(Storage):
    """A storage under observation. The content of an opened file is not counted, opening it is."""

    def __init__(
        self,
        inner: Storage,
        observe: Observe,
        clock: Callable[[], float] = time.perf_counter,
        full: Callable[[], None] = lambda: None,
        told: Told = lambda error: None,
    ) -> None:
        """`full` is called when something does not fit, `told` with failures of the storage itself."""
        self._inner = inner
        self._meter = meter = _Meter(observe, clock, full, told)
        have = inner.abilities
        self.abilities = attrs.evolve(
            have,
            ids=have.ids and _MeteredIds(have.ids, meter),
            copy=have.copy and _MeteredCopy(have.copy, meter),
            quota=have.quota and _MeteredQuota(have.quota, meter),
            times=have.times and _MeteredTimes(have.times, meter),
            parts=have.parts and _MeteredParts(have.parts, meter),
            janitor=have.janitor and _MeteredJanitor(have.janitor, meter),
            trash=have.trash and MeteredTrash(have.trash, meter),
            versions=have.versions and MeteredVersions(have.versions, meter),
        )

    async def stat(self, path: Path) -> Node:
        """Counted as ``stat``."""
        return await self._meter("stat", self._inner.stat(path))

    async def list(self, path: Path) -> Listing:
        """Counted as ``list``."""
        return await self._meter("list", self._inner.list(path))

    async def read(self, path: Path) -> Reader:
        """Counted as ``read``."""
        return await self._meter("read", self._inner.read(path))

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """Counted as ``write``; the time includes waiting for `body`."""
        return await self._meter("write", self._inner.write(path, body, intent))

    async def make_folder(self, path: Path) -> Node:
        """Counted as ``make_folder``."""
        return await self._meter("make_folder", self._inner.make_folder(path))

    async def remove(self, path: Path) -> None:
        """Counted as ``remove``."""
        await self._meter("remove", self._inner.remove(path))

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """Counted as ``move``."""
        return await self._meter("move", self._inner.move(source, target, replace=replace))


class _MeteredIds(Ids):
    def __init__(self, inner: Ids, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def identify(self, folder: Path, names: Sequence[str]) -> Mapping[str, Identity]:
        return await self._meter("identify", self._inner.identify(folder, names))

    async def pin(self, path: Path, id: str) -> None:
        await self._meter("pin", self._inner.pin(path, id))

    async def names(self, path: Path) -> int:
        return await self._meter("names", self._inner.names(path))


class _MeteredCopy(Copy):
    def __init__(self, inner: Copy, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        return await self._meter("copy", self._inner.copy(source, target, replace=replace, deep=deep))


class _MeteredQuota(Quota):
    def __init__(self, inner: Quota, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def room(self) -> Room:
        return await self._meter("room", self._inner.room())


class _MeteredTimes(Times):
    def __init__(self, inner: Times, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        return await self._meter("touch", self._inner.touch(path, mtime_ns))


class _MeteredParts(Parts):
    def __init__(self, inner: Parts, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def begin(self, size: int | None) -> str:
        return await self._meter("begin", self._inner.begin(size))

    async def write_at(
        self,
        handle: str,
        offset: int,
        body: Body,
        *,
        alone: bool = False,
        compute: Sequence[str] = (),
        checksums: Sequence[Checksum] = (),
    ) -> int:
        call = self._inner.write_at(handle, offset, body, alone=alone, compute=compute, checksums=checksums)
        return await self._meter("write_at", call)

    async def assemble(self, pieces: Sequence[Piece]) -> str:
        return await self._meter("assemble", self._inner.assemble(pieces))

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        return await self._meter("finish", self._inner.finish(handle, path, intent))

    async def published(self, handle: str, path: Path) -> Written | None:
        return await self._meter("published", self._inner.published(handle, path))

    async def abort(self, handle: str) -> None:
        await self._meter("abort", self._inner.abort(handle))


class _MeteredJanitor(Janitor):
    def __init__(self, inner: Janitor, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        return await self._meter("sweep", self._inner.sweep(keep, older_than))
