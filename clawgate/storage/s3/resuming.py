"""Plans that were left behind by a kill."""

from __future__ import annotations

from ...model.path import Path
from .control import Found
from .copying import copy_object
from .facts import Facts
from .ground import Ground
from .plans import COPYING, Plan
from .transfers import Transfers


class Resumption:
    """Goes on where a plan was left. Nothing is overwritten or removed but what the plan names, or what was copied for it."""

    def __init__(self, ground: Ground, transfers: Transfers) -> None:
        self._ground = ground
        self._transfers = transfers

    async def resume(self, plan: Plan) -> None:
        """Carry out a plan that was left behind, or take it back if that is all that can be done."""
        ground = self._ground
        if plan.act == "remove":
            left = [one for one in await ground.all_below(plan.source) if plan.old.get(one.key) == one.etag]
            await ground.keep(Path(plan.above), [one.key for one in left])
            await self._transfers.delete([one.key for one in left], plan.source)
            return
        found = await self._transfers.at(plan.source)
        if plan.act == "copy" and not plan.replaces:
            made: dict[str, Facts | None] = {
                plan.source + one.key[len(plan.target) :]: None
                for one in await self._transfers.at(plan.target)
                if not one.key.endswith("/") or (await self._transfers.folder_id(one.key)).startswith(plan.token)
            }
            await self._transfers.take_back(plan, made)
            return
        if plan.replaces and not ground.both and plan.stage == COPYING:
            await self._make_room(plan)
        there_now = await self._transfers.outside_in(found, lambda one: self._settle(plan, one), lambda one: one.key)
        settled = [one for one, gone in zip(found, there_now, strict=True) if gone]
        if plan.replaces and plan.stage == COPYING:
            # A file that was moved may be all that is left of its source, and be equal to what it replaced.
            taken = {plan.target, *(plan.there(one.key) for one in found)}
            base = plan.target.rstrip("/")
            there = [*await self._transfers.at(base + "/"), *await self._transfers.at(base)]
            await self._transfers.delete([one.key for one in there if plan.old.get(one.key) == one.etag and one.key not in taken])
        if plan.act == "move" and settled:
            await ground.keep(Path(plan.above), [one.key for one in settled])
            await self._transfers.delete(
                [one.key for one in settled], plan.source if plan.source.endswith("/") and len(settled) == len(found) else ""
            )
        parked = await ground.file(plan.parked(ground))
        if parked is not None:
            key = plan.target.rstrip("/")
            if await ground.file(key) is None and not await ground.is_folder(key + "/"):
                await copy_object(ground, parked, key, parked.id, parked.own)
            await ground.control.delete([parked.key])

    async def _make_room(self, plan: Plan) -> None:
        """Where a file and a folder cannot have one name, what is of the other kind goes before anything can be copied."""
        if plan.source.endswith("/"):
            other = await self._transfers.at(plan.target.rstrip("/"))
        else:
            other = await self._ground.all_below(plan.target + "/")
        await self._transfers.delete(
            [one.key for one in other if plan.old.get(one.key) == one.etag],
            "" if plan.source.endswith("/") else plan.target + "/",
        )

    async def _settle(self, plan: Plan, one: Found | Facts) -> bool:
        """See that one object of the source is at the target; whether it is. What came there meanwhile is not overwritten."""
        ground = self._ground
        key = plan.there(one.key)
        if one.key.endswith("/"):
            if await ground.control.head(key) is None:
                await self._transfers.copy(plan, one.key)
            return True
        there, here = await ground.file(key), await ground.file(one.key)
        if here is None:
            return False
        if there is not None and there.size == here.size:
            if plan.act == "move" and there.own == here.own:
                return True
            if plan.act == "copy" and there.own.startswith(plan.token):
                return True
        if there is not None and (plan.stage != COPYING or plan.old.get(key) != there.etag):
            return False
        await self._transfers.copy(plan, one.key)
        return True
