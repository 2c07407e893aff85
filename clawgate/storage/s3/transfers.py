"""The steps of copies and moves of files and folders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import attrs

from ...errors import NotFound, PreconditionFailed
from ...model.node import Node
from ...model.path import Path
from .control import Found
from .copying import copy_object
from .facts import Facts, marker_id
from .ground import Ground
from .parallel import each, outside_in
from .plans import CLEARING, Plan

T = TypeVar("T")
U = TypeVar("U")

_CHANGES = 3
"""How often a file is copied again that is written to meanwhile."""


class Transfers:
    """What plans consist of."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    async def each(self, items: Sequence[T], act: Callable[[T], Awaitable[U]]) -> list[U]:
        """See `parallel.each`."""
        return await each(items, act, self.ground.options.parallel)

    async def outside_in(self, items: Sequence[T], act: Callable[[T], Awaitable[U]], key: Callable[[T], str]) -> list[U]:
        """See `parallel.outside_in`."""
        return await outside_in(items, act, self.ground.options.parallel, key)

    async def folder_id(self, prefix: str) -> str:
        """The id of a folder; one call."""
        return marker_id(prefix, await self.ground.control.head(prefix) or {})

    async def carry_out(self, plan: Plan, found: Sequence[Found], conflict: Node | None) -> None:
        """`found` is at the source; `conflict` is in the way of it and has to go before anything can be copied."""
        ground = self.ground
        keys = [one.key for one in found]
        if plan.source.endswith("/") and plan.source not in keys:
            keys.append(plan.source)
        made: dict[str, Facts | None] = {}
        parked: Facts | None = None
        try:
            if conflict is not None:
                # The file is safe before anything goes: the one that comes, or the one that was there.
                parked = await self._park(plan, plan.target if plan.source.endswith("/") else plan.source)
                await self.delete(list(plan.old), plan.target.rstrip("/") + "/" if conflict.is_folder else "")
            await self.outside_in(keys, lambda key: self._copy_noting(plan, key, made), str)
        except BaseException:
            if conflict is None and plan.old.keys().isdisjoint(plan.there(key) for key in keys):
                await self.take_back(plan, made)
                await plan.done(ground)
            elif parked is not None and plan.source.endswith("/"):
                # Nothing but the file that was there gave way.
                await self.take_back(plan, made)
                await copy_object(ground, parked, plan.target.rstrip("/"), parked.id, parked.own)
                await ground.control.delete([parked.key])
                await plan.done(ground)
            raise
        await self.clear(plan, keys, {key: facts.etag for key, facts in made.items() if facts is not None})
        if parked is not None:
            await ground.control.delete([parked.key])

    async def clear(self, plan: Plan, keys: Sequence[str], copied: dict[str, str]) -> None:
        """All is at the target: what stood there before goes, and then what was moved."""
        gone = set(plan.old) - {plan.there(key) for key in keys}
        if not self.ground.both:
            # What was of the other kind is gone already, and its key may now mean what has come.
            gone -= {plan.target.rstrip("/"), plan.target.rstrip("/") + "/"}
        await self.delete(sorted(gone))
        if plan.act != "move":
            return
        if plan.replaces and plan.source.endswith("/"):
            await attrs.evolve(plan, stage=CLEARING).note(self.ground)
        await self.ground.keep(Path(plan.above), keys)
        if not plan.source.endswith("/"):
            await self.delete(keys)
            return
        # Others may have written there meanwhile. What they did goes along.
        for _ in range(_CHANGES):
            changed = [
                one.key
                for one in await self.ground.all_below(plan.source)
                if not one.key.endswith("/") and copied.get(one.key) != one.etag
            ]
            if not changed:
                break
            made: dict[str, Facts | None] = {}
            await self.each(changed, lambda key, made=made: self._copy_noting(plan, key, made))  # type: ignore[misc]
            copied |= {key: facts.etag for key, facts in made.items() if facts is not None}
            keys = sorted({*keys, *changed})
        else:
            raise PreconditionFailed("the folder is changed all the time; it was copied, and what is new stays where it was")
        await self.delete(keys, plan.source)

    async def _copy_noting(self, plan: Plan, key: str, made: dict[str, Facts | None]) -> None:
        """`made`: the keys that were begun, and what was copied."""
        made[key] = None
        made[key] = await self.copy(plan, key)

    async def copy(self, plan: Plan, key: str) -> Facts | None:
        """What was copied; None: a folder."""
        ground, move = self.ground, plan.act == "move"
        if key.endswith("/"):
            await ground.mark(plan.there(key), await self.folder_id(key) if move else plan.mark())
            return None
        changes = 0
        while True:
            facts = await ground.file(key)
            if facts is None:
                raise NotFound("a file vanished while it was copied")
            id, own = (facts.id, facts.own) if move else (plan.mark(), plan.mark())
            try:
                await copy_object(ground, facts, plan.there(key), id, own)
            except PreconditionFailed:
                changes += 1
                if changes == _CHANGES:
                    raise
            else:
                return facts

    async def _park(self, plan: Plan, key: str) -> Facts:
        facts = await self.ground.file(key.rstrip("/"))
        if facts is None:
            raise NotFound("a file vanished while it was copied")
        return await copy_object(self.ground, facts, plan.parked(self.ground), facts.id, facts.own)

    async def take_back(self, plan: Plan, made: dict[str, Facts | None]) -> None:
        """Remove what was copied, where it is what was copied."""
        ground = self.ground
        gone = [plan.there(key) for key in made if key.endswith("/")]

        async def see(key: str) -> None:
            there = await ground.file(plan.there(key))
            facts = made[key] or (await ground.file(key) if plan.act == "move" else None)
            own = facts.own if facts is not None else ""
            if there is not None and (there.own == own if plan.act == "move" else there.own.startswith(plan.token)):
                gone.append(there.key)

        await self.each([key for key in made if not key.endswith("/")], see)
        # Folders without a marker were made along with what is in them.
        await self.delete(gone, plan.target if plan.target.endswith("/") and not plan.replaces else "")

    async def at(self, key: str) -> Sequence[Found | Facts]:
        """The object under `key`, or all that begin with it if it ends with a slash."""
        if key.endswith("/"):
            return await self.ground.all_below(key)
        facts = await self.ground.file(key)
        return [facts] if facts is not None else []

    async def delete(self, keys: Sequence[str], folder: str = "") -> None:
        """Delete objects; with `folder`, also what is left of this one when they are gone."""
        if folder and not self.ground.both and await self._is_no_file(folder, keys):
            # Where folders are more than a part of keys, they are there without a marker, too.
            keys = sorted({*keys, folder, *(key[: at + 1] for key in keys for at in _slashes(key, len(folder)))})
        # What holds others goes last: as long as something is left, its folder is.
        await self.ground.control.delete(sorted(keys, key=lambda key: (-key.count("/"), key.endswith("/"))))
        for key in keys:
            self.ground.memory.forget(key)

    async def _is_no_file(self, folder: str, keys: Sequence[str]) -> bool:
        """Whether `folder`, which may hold `keys`, may be deleted as one: SeaweedFS 4.48 may delete a file of this name."""
        return any(key.startswith(folder) for key in keys) or await self.ground.file(folder[:-1]) is None


def _slashes(key: str, start: int) -> list[int]:
    return [at for at in range(start, len(key)) if key[at] == "/"]
