"""Files and folders copied, moved and removed within the service.

S3 has no step for that, so a plan is noted down first (`plans`). A kill leaves old and new side by side, never neither; the
janitor then goes on with the plan, or takes back a copy that nobody was told of.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import AlreadyExists, Forbidden, InvalidRequest, NotFound
from ...model.node import Node
from ...model.path import Path, is_within, parent
from .control import Found
from .ground import Ground
from .plans import Plan, left_behind
from .resuming import Resumption
from .transfers import Transfers


class Trees:
    """See the module."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._transfers = Transfers(ground)
        self._resumption = Resumption(ground, self._transfers)

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`. One call a thousand keys; a folder of more is not gone in one step."""
        if not path:
            raise Forbidden("the root cannot be removed")
        node = await self._ground.node(path)
        await self.clear(path, node, await self._found(path, node))

    async def clear(self, path: Path, node: Node, found: Sequence[Found]) -> None:
        """Remove what was `found` there."""
        ground = self._ground
        keys = [one.key for one in found]
        await ground.keep(parent(path), keys)
        folder = ground.keys.folder(path) if node.is_folder else ""
        if len(found) <= ground.control.keys:
            await self._transfers.delete(keys, folder)
        else:
            plan = Plan("remove", folder, above=parent(path), old={one.key: one.etag for one in found})
            async with _Working(ground, plan):
                await plan.begin(ground)
                await self._transfers.delete(keys, folder)
                await plan.done(ground)
        ground.changed(path)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`."""
        node = await self._ground.node(source)
        if source == target:
            return node
        for path in (source, target):
            self._ground.place(path)
        there = await self._check(source, target, replace)
        return await self._transfer("move", source, target, node, there)

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool) -> Node:
        """See `Copy.copy`."""
        node = await self._ground.node(source)
        there = await self._check(source, target, replace)
        self._ground.place(target)
        return await self._transfer("copy", source, target, node, there, deep=deep)

    async def sweep(self, older_than: float) -> int:
        """Carry out what was interrupted, or take it back; returns how many plans there were."""
        done = 0
        async for plan in left_behind(self._ground, older_than):
            async with _Working(self._ground, plan):
                try:
                    await self._resumption.resume(plan)
                finally:
                    self._ground.service.vouchers.clear()
                await plan.done(self._ground)
            done += 1
        return done

    async def folder_id(self, prefix: str) -> str:
        """The id of a folder; one call."""
        return await self._transfers.folder_id(prefix)

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

    async def _transfer(self, act: str, source: Path, target: Path, node: Node, there: Node | None, *, deep: bool = True) -> Node:
        ground = self._ground
        from_, to = ground.keys.key(source)[0], ground.keys.key(target)[0]
        if node.is_folder:
            from_, to = ground.keys.folder(source), ground.keys.folder(target)
        old = await self._found(target, there) if there is not None else []
        plan = Plan(act, from_, to, parent(source), {one.key: one.etag for one in old}, there is not None)
        found = await self._found(source, node) if deep or not node.is_folder else []
        async with _Working(ground, plan):
            await plan.begin(ground)
            conflict = there is not None and there.kind != node.kind and not ground.both
            await self._transfers.carry_out(plan, found, there if conflict else None)
            await plan.done(ground)
        ground.changed(source, target)
        if node.is_folder:
            ground.marks.touch(to)
        return await ground.node(target)

    async def _found(self, path: Path, node: Node) -> list[Found]:
        """All objects that are this file or folder."""
        ground = self._ground
        if node.is_folder:
            return await ground.all_below(ground.keys.folder(path))
        key = ground.keys.key(path)[0]
        return [Found(key, node.seen.rpartition(".")[0], node.size, None)]


class _Working:
    """While a plan is carried out here, the janitor leaves it."""

    def __init__(self, ground: Ground, plan: Plan) -> None:
        self._working = ground.working
        self._key = plan.key(ground)

    async def __aenter__(self) -> None:
        self._working.add(self._key)

    async def __aexit__(self, *_: object) -> None:
        self._working.discard(self._key)
