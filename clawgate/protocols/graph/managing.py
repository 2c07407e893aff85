"""Spaces that people make, and their members."""

from __future__ import annotations

from typing import Any

from ...errors import Forbidden, InvalidRequest, NotFound, PreconditionFailed
from ...gateway.making import Change, Making
from ...gateway.spaces import Overview, Spaces
from ...model.people import Actor
from ...web.request import Request
from . import bodies, members
from .seams import Register

FOR_OPERATORS = "this space is made and changed by the administrator of this site"
NAMED = 100
"""Members whose names are asked for in one answer; of others the id is shown."""


class Managing:
    """What managers do. Errors are those of `Making`."""

    def __init__(self, spaces: Spaces, making: Making, register: Register) -> None:
        self._spaces = spaces
        self._making = making
        self._register = register

    async def create(self, actor: Actor, request: Request) -> Overview:
        """A new space."""
        mount = self._making.mount_for(actor)
        body = bodies.read(request)
        if body.get("driveType", "project") != "project":
            raise InvalidRequest("only project spaces can be made")
        wanted = bodies.change(body)
        if wanted.name is None:
            raise InvalidRequest("a space needs a name")
        made = await self._making.create(mount, Change(wanted.name, wanted.description, wanted.quota), actor.id)
        return await self._spaces.one(actor, made.id)

    async def update(self, actor: Actor, id: str, request: Request) -> Overview:
        """A space changed, or restored (``Restore: T``)."""
        await self._ours(actor, id, request)
        wanted = bodies.change(bodies.read(request, optional=_is_set(request, "restore")))
        for file in filter(None, (wanted.image, wanted.readme)):
            _, node = await self._spaces.item(actor, id, file)
            if node.is_folder:
                raise InvalidRequest("a folder can neither be picture nor description of a space")
        if _is_set(request, "restore"):
            await self._making.restore(actor, id)
        if wanted != Change():
            await self._making.change(actor, id, wanted)
        return await self._spaces.one(actor, id)

    async def delete(self, actor: Actor, id: str, request: Request) -> None:
        """A space disabled, or with ``Purge: T`` removed for good."""
        await self._ours(actor, id, request)
        if _is_set(request, "purge"):
            self._making.unmaking.begin(await self._making.remove(actor, id))
        else:
            await self._making.disable(actor, id)

    async def permissions(self, actor: Actor, id: str) -> list[dict[str, Any]]:
        """The members of any space, as far as the actor may know of them."""
        overview = await self._spaces.one(actor, id)
        names: dict[str, str] = {}
        people = [one for one in overview.made.members if not one.startswith("@")] if overview.made is not None else []
        for one in sorted(people)[:NAMED]:
            if (person := await self._register.find(one)) is not None:
                names[one] = person.display_name
        return members.shown(overview, actor, names)

    async def permission(self, actor: Actor, id: str, permission: str) -> dict[str, Any]:
        """One of these. Raises `NotFound`."""
        for one in await self.permissions(actor, id):
            if one["id"] == permission:
                return one
        raise NotFound("there is no such permission")

    async def invite(self, actor: Actor, id: str, request: Request) -> list[dict[str, Any]]:
        """New members; who is one already gets the new role."""
        await self._ours(actor, id)
        who, role, until = members.invited(bodies.read(request))
        for one in who:
            await self._know(actor, one)
        await self._making.grant(actor, id, who, role, new=True, until=until)
        wanted = {_id(one) for one in who}
        return [one for one in await self.permissions(actor, id) if one["id"] in wanted]

    async def give(self, actor: Actor, id: str, permission: str, request: Request) -> dict[str, Any]:
        """Another role for a member, or another end."""
        await self._ours(actor, id)
        await self._making.alter(actor, id, members.member_of(permission), members.altered(bodies.read(request)))
        return await self.permission(actor, id, permission)

    async def expel(self, actor: Actor, id: str, permission: str) -> None:
        """A member less."""
        await self._ours(actor, id)
        await self._making.grant(actor, id, [members.member_of(permission)], None)

    async def _ours(self, actor: Actor, id: str, request: Request | None = None) -> None:
        """Raises `NotFound` for a space that the actor may not know of, `Forbidden` for one of the settings, and
        `PreconditionFailed` if it is not any more what the client has seen."""
        overview = await self._spaces.one(actor, id)
        if overview.made is None:
            raise Forbidden(FOR_OPERATORS)
        seen = (request.header("if-match") or "*") if request is not None else "*"
        if seen != "*" and overview.node.etag not in [one.strip().strip('"') for one in seen.split(",")]:
            raise PreconditionFailed("the space has changed")

    async def _know(self, actor: Actor, member: str) -> None:
        """Raises `InvalidRequest` for somebody or a group that nobody knows."""
        if not member.startswith("@"):
            known = member == actor.id or await self._register.find(member) is not None
        else:
            group = member[1:]
            known = group in actor.user.groups or group in await self._register.groups(group, NAMED)
        if not known:
            raise InvalidRequest(f"nobody is called {_id(member)[2:]} here")


def _id(member: str) -> str:
    return members.GROUP + member[1:] if member.startswith("@") else members.USER + member


def _is_set(request: Request, header: str) -> bool:
    """``T`` or ``true``."""
    return (request.header(header) or "").strip().lower() in ("t", "true", "1")
