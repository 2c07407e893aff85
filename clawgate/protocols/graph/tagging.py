"""Tags as LibreGraph has them."""

from __future__ import annotations

from ...gateway import tagging
from ...model.people import Actor
from ...web.request import Request
from . import bodies


class Tagging:
    """Reads what is asked for; the rules are those of `gateway.tagging`."""

    def __init__(self, rules: tagging.Tagging) -> None:
        self._rules = rules

    async def all(self, actor: Actor) -> list[str]:
        """All tags in use in the actor's spaces, sorted."""
        return await self._rules.all(actor)

    async def assign(self, actor: Actor, request: Request) -> None:
        """Tag something. Raises as `gateway.tagging.Tagging.assign`."""
        await self._rules.assign(actor, *bodies.tags(bodies.read(request)))

    async def unassign(self, actor: Actor, request: Request) -> None:
        """Take tags from something. Raises as `assign`."""
        await self._rules.unassign(actor, *bodies.tags(bodies.read(request)))
