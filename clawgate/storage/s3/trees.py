"""Files and folders copied, moved and removed within the service.

S3 has no step for that, so a plan is written down first. A kill leaves old and new side by side, never neither, and the janitor
goes on where the plan was left.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from ...errors import AlreadyExists, Forbidden, InvalidRequest, NotFound
from ...model.node import Node
from ...model.path import Path, is_within, parent
from .control import Found
from .facts import Facts, marker_id, nanoseconds
from .ground import Ground
from .multipart import Multipart
from .options import LARGEST_COPY

T = TypeVar("T")
U = TypeVar("U")


@attrs.frozen
class _Way:
    """One object and where it goes."""

    source: str
    target: str


class Trees:
    """See the module."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`. One call a thousand keys; a folder is not gone in one step."""
        if not path:
            raise Forbidden("the root cannot be removed")
        node = await self._ground.node(path)
        keys = await self._keys(path, node)
        await self._ground.keep(parent(path), keys)
        await self._delete(keys, self._ground.keys.folder(path) if node.is_folder else "")
        self._ground.changed(path)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`."""
        node = await self._ground.node(source)
        if source == target:
            return node
        for path in (source, target):
            self._ground.place(path)
        there = await self._check(source, target, replace)
        return await self._transfer(source, target, node, there, move=True)

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool) -> Node:
        """See `Copy.copy`."""
        node = await self._ground.node(source)
        there = await self._check(source, target, replace)
        self._ground.place(target)
        return await self._transfer(source, target, node, there, move=False, deep=deep)

    async def sweep(self, older_than: float) -> int:
        """Go on with moves that were interrupted."""
        done = 0
        for plan in await self._ground.all_below(self._ground.keys.hidden("plans", "")):
            if plan.key in self._ground.working or time.time() - nanoseconds(plan.modified) / 1e9 < older_than:
                continue
            answer = await self._ground.control.call("get_object", Key=plan.key)
            text = await self._ground.control.run(answer["Body"].read)
            await self._resume(json.loads(text))
            await self._ground.control.delete([plan.key])
            done += 1
        return done

    async def _check(self, source: Path, target: Path, replace: bool) -> Node | None:
        if is_within(target, source) or is_within(source, target):
            raise InvalidRequest("a folder cannot go into itself or onto a folder that holds it")
        try:
            there = await self._ground.node(target)
        except NotFound:
            await self._ground.see_parent(target)
            return None
        if not replace:
            raise AlreadyExists(f"{target}: the name is taken")
        return there

    async def _transfer(
        self, source: Path, target: Path, node: Node, there: Node | None, *, move: bool, deep: bool = True
    ) -> Node:
        ground = self._ground
        old = await self._keys(target, there) if there is not None else []
        keys = await self._keys(source, node) if deep or not node.is_folder else [ground.keys.folder(source)]
        from_, to = (
            (ground.keys.folder(source), ground.keys.folder(target))
            if node.is_folder
            else (ground.keys.key(source)[0], ground.keys.key(target)[0])
        )
        if node.is_folder and from_ not in keys:
            keys.append(from_)
        ways = [_Way(key, to + key[len(from_) :]) for key in keys]
        plan = ground.keys.hidden("plans", secrets.token_hex(16))
        self._ground.working.add(plan)
        try:
            if move:
                text = json.dumps({"source": from_, "target": to, "keep": parent(source)})
                await ground.control.call("put_object", Key=plan, Body=text.encode())
            if there is not None and there.kind != node.kind and not ground.both:
                # Nothing can be copied there yet; what is to be copied is still where it was.
                await self._delete(old, ground.keys.folder(target) if there.is_folder else "")
            await self._copy_all(ways, move, [] if there is not None else [plan])
            await self._delete(sorted(set(old) - {way.target for way in ways}))
            if move:
                await ground.keep(parent(source), keys)
                await self._delete(keys, from_ if node.is_folder else "")
                await ground.control.delete([plan])
        finally:
            self._ground.working.discard(plan)
        ground.changed(source, target)
        if node.is_folder:
            ground.marks.touch(to)
        return await ground.node(target)

    async def _copy_all(self, ways: Sequence[_Way], move: bool, plan: Sequence[str]) -> None:
        """Copy; if one fails and nothing was there before (`plan` is given), take back what was copied."""
        made: list[str] = []

        async def copy(way: _Way) -> None:
            made.append(way.target)
            await self._copy(way, move)

        try:
            await self.each(ways, copy)
        except BaseException:
            if plan:
                await self._delete([*made, *plan])
            raise

    async def _copy(self, way: _Way, move: bool) -> None:
        ground = self._ground
        if way.source.endswith("/"):
            await ground.mark(way.target, await self.folder_id(way.source) if move else ground.new_id())
            return
        facts = await ground.file(way.source)
        if facts is None:
            raise NotFound("a file vanished while it was copied")
        id, own = (facts.id, facts.own) if move else (ground.new_id(), secrets.token_hex(8))
        await copy_object(ground, facts, way.target, id, own)

    async def folder_id(self, prefix: str) -> str:
        """The id of a folder; one call."""
        return marker_id(prefix, await self._ground.control.head(prefix) or {})

    async def each(self, items: Sequence[T], act: Callable[[T], Awaitable[U]]) -> list[U]:
        """Do something with all, several at the same time; returns the results in their order, raises the first error, but only
        when nothing goes on any more."""
        turn = DeferredSemaphore(self._ground.options.parallel)
        failed: list[Exception] = []
        results: dict[int, U] = {}

        async def one(index: int) -> None:
            async with turn:
                if failed:
                    return
                try:
                    results[index] = await act(items[index])
                except Exception as error:
                    failed.append(error)

        await gatherResults([Deferred.fromCoroutine(one(index)) for index in range(len(items))])
        if failed:
            raise failed[0]
        return [results[index] for index in range(len(items))]

    async def _keys(self, path: Path, node: Node) -> list[str]:
        """All keys that are this file or folder."""
        if not node.is_folder:
            return [self._ground.keys.key(path)[0]]
        return [one.key for one in await self._ground.all_below(self._ground.keys.folder(path))]

    async def _delete(self, keys: Sequence[str], folder: str = "") -> None:
        if folder and not self._ground.both:
            # Where folders are more than a part of keys, they are there without a marker, too.
            keys = sorted({*keys, folder, *(key[: at + 1] for key in keys for at in _slashes(key, len(folder)))})
        # What holds others goes last: as long as something is left, its folder is.
        await self._ground.control.delete(sorted(keys, key=lambda key: (-key.count("/"), key.endswith("/"))))
        for key in keys:
            self._ground.memory.forget(key)

    async def _resume(self, plan: dict[str, Any]) -> None:
        """What is at the target already is only removed from the source if it is the same; nothing is overwritten."""
        source, target = plan["source"], plan["target"]
        found: Sequence[Found | Facts]
        if source.endswith("/"):
            found = await self._ground.all_below(source)
        else:
            facts = await self._ground.file(source)
            found = [facts] if facts is not None else []
        gone: list[str] = []
        for one in found:
            key = target + one.key[len(source) :]
            if one.key.endswith("/"):
                if await self._ground.control.head(key) is None:
                    await self._copy(_Way(one.key, key), True)
                gone.append(one.key)
                continue
            there = await self._ground.file(key)
            if there is None:
                await self._copy(_Way(one.key, key), True)
            elif there.size != one.size or there.own != getattr(await self._ground.file(one.key), "own", ""):
                continue
            gone.append(one.key)
        if gone:
            await self._ground.keep(Path(plan["keep"]), gone)
            await self._delete(gone)


def _slashes(key: str, start: int) -> list[int]:
    return [at for at in range(start, len(key)) if key[at] == "/"]


async def copy_object(ground: Ground, facts: Facts, key: str, id: str, own: str) -> Facts:
    """Copy an object within the service, or onto itself, with another id; returns what is there now."""
    arguments = facts.written_as(key, id, own)
    if facts.size > LARGEST_COPY:
        etag = await _copy_parts(ground, facts, key, arguments)
    else:
        answer = await ground.control.call(
            "copy_object",
            Key=key,
            CopySource={"Bucket": ground.control.bucket, "Key": facts.key},
            CopySourceIfMatch=f'"{facts.etag}"',
            MetadataDirective="REPLACE",
            **arguments,
        )
        etag = str(answer["CopyObjectResult"]["ETag"]).strip('"')
    return ground.memory.put(attrs.evolve(facts, key=key, etag=etag, id=id, own=own))


async def _copy_parts(ground: Ground, facts: Facts, key: str, arguments: dict[str, Any]) -> str:
    upload = Multipart(ground, key)
    complete = False
    try:
        await upload.begin(**arguments)
        for start in range(0, facts.size, LARGEST_COPY):
            stop = min(start + LARGEST_COPY, facts.size)
            await upload.copy(facts.key, start, stop, CopySourceIfMatch=f'"{facts.etag}"')
        answer = await ground.control.call("complete_multipart_upload", Key=key, **upload.whole())
        complete = True
    finally:
        await upload.end(complete=complete)
    return str(answer["ETag"]).strip('"')
