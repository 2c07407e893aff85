"""The end points, each below ``/graph/v1.0`` and ``/graph/v1beta1``: clients call the same thing under either."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, cast

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource

from ...errors import ClawgateError, Forbidden, InvalidRequest, NotFound, Unauthenticated
from ...gateway.spaces import Spaces
from ...model.people import Actor
from ...settings import Graph as Settings
from ...web import failures
from ...web.login import Login
from ...web.request import Request
from . import drives, errors, people, query
from .roles import ROLES, definition
from .seams import Register

ROOT = "/graph/<any('v1.0','v1beta1'):version>"


class Graph:
    """Spaces to look at, and people to find. Spaces are made by the settings, so nothing here changes anything."""

    app = Klein()

    def __init__(
        self, spaces: Spaces, register: Register, settings: Settings, login: Login, now: Callable[[], float] = time.time
    ) -> None:
        """`now` tells the seconds since 1970."""
        self._spaces = spaces
        self._register = register
        self._settings = settings
        self._login = login
        self._now = now

    def resource(self) -> IResource:
        """The Klein resource; routes hold whole paths."""
        return cast(IResource, self.app.resource())

    @app.route(f"{ROOT}/me", methods=["GET"])
    async def me(self, request: Request, version: str) -> bytes:
        """Who is logged in."""
        actor = await self._login.authenticate(request)
        wanted = query.expanded(_option(request, "$expand"))
        found = people.user(actor.user, groups="memberOf" in wanted)
        if "drive" in wanted:
            found["drive"] = drives.drive(await self._spaces.personal(actor), actor, request.base_url)
        if "appRoleAssignments" in wanted:
            found["appRoleAssignments"] = []
        return _send(request, found)

    @app.route(f"{ROOT}/me/drive", methods=["GET"])
    async def my_drive(self, request: Request, version: str) -> bytes:
        """The personal space."""
        actor = await self._login.authenticate(request)
        return _send(request, drives.drive(await self._spaces.personal(actor), actor, request.base_url))

    @app.route(f"{ROOT}/me/drive/root", methods=["GET"])
    async def my_root(self, request: Request, version: str) -> bytes:
        """The root of the personal space."""
        actor = await self._login.authenticate(request)
        one = await self._spaces.personal(actor)
        return _send(request, drives.item(one.root, one.node, request.base_url))

    @app.route(f"{ROOT}/me/drives", methods=["GET"])
    @app.route(f"{ROOT}/drives", methods=["GET"])
    async def all_drives(self, request: Request, version: str) -> bytes:
        """The spaces of the person; nobody sees more, not under ``drives`` either."""
        actor = await self._login.authenticate(request)
        test = query.filtering(_option(request, "$filter"))
        found = [drives.drive(one, actor, request.base_url) for one in await self._spaces.all(actor)]
        return _send(request, {"value": query.ordered([one for one in found if test(one)], _option(request, "$orderby"))})

    @app.route(f"{ROOT}/drives/<id>", methods=["GET"])
    async def one_drive(self, request: Request, version: str, id: str) -> bytes:
        """One space."""
        actor = await self._login.authenticate(request)
        return _send(request, drives.drive(await self._spaces.one(actor, id), actor, request.base_url))

    @app.route(f"{ROOT}/drives/<id>/root", methods=["GET"])
    async def root(self, request: Request, version: str, id: str) -> bytes:
        """The root of a space."""
        return await self._item(request, id, id)

    @app.route(f"{ROOT}/drives/<id>/items/<item>", methods=["GET"])
    async def some_item(self, request: Request, version: str, id: str, item: str) -> bytes:
        """A file or folder by its id."""
        return await self._item(request, id, item)

    @app.route(f"{ROOT}/drives", methods=["POST"])
    @app.route(f"{ROOT}/drives/<id>", methods=["PATCH", "DELETE"])
    async def change(self, request: Request, version: str, id: str = "") -> bytes:
        """Spaces come and go with the settings."""
        await self._login.authenticate(request)
        raise Forbidden("spaces are made and changed by the administrator of this site")

    @app.route(f"{ROOT}/users", methods=["GET"])
    async def users(self, request: Request, version: str) -> bytes:
        """People whose name, id or mail address contains something."""
        actor = await self._login.authenticate(request)
        text = self._searched(request)
        if self._settings.search:
            found = [people.match(one) for one in await self._register.people(text, self._settings.search_results)]
        else:
            found = [people.user(actor.user)] if _is_called(actor, text) else []
        return _send(request, {"value": query.ordered(found, _option(request, "$orderby"))})

    @app.route(f"{ROOT}/users/<id>", methods=["GET"])
    async def one_user(self, request: Request, version: str, id: str) -> bytes:
        """A person by id; their groups are shown to themselves only."""
        actor = await self._login.authenticate(request)
        wanted = query.expanded(_option(request, "$expand"))
        if id == actor.id:
            return _send(request, people.user(actor.user, groups="memberOf" in wanted))
        person = await self._register.find(id) if self._settings.search else None
        if person is None:
            raise NotFound("there is no such person")
        return _send(request, people.user(person))

    @app.route(f"{ROOT}/groups", methods=["GET"])
    async def groups(self, request: Request, version: str) -> bytes:
        """Groups whose name contains something."""
        actor = await self._login.authenticate(request)
        text = self._searched(request)
        own = [name for name in actor.user.groups if text.casefold() in name.casefold()]
        most = self._settings.search_results
        others = await self._register.groups(text, most) if self._settings.search else ()
        found = [people.group(name) for name in sorted({*own, *others})[:most]]
        return _send(request, {"value": query.ordered(found, _option(request, "$orderby"))})

    @app.route(f"{ROOT}/roleManagement/permissions/roleDefinitions", methods=["GET"])
    async def roles(self, request: Request, version: str) -> bytes:
        """All roles; a bare list, as clients want it."""
        await self._login.authenticate(request)
        return _send(request, [definition(role) for role in ROLES])

    @app.route(f"{ROOT}/roleManagement/permissions/roleDefinitions/<id>", methods=["GET"])
    async def role(self, request: Request, version: str, id: str) -> bytes:
        """One role."""
        await self._login.authenticate(request)
        for role in ROLES:
            if role.id == id:
                return _send(request, definition(role))
        raise NotFound("there is no such role")

    @app.route("/", branch=True)
    async def unknown(self, request: Request) -> bytes:
        """Everything else is not there, and only people who are logged in learn so."""
        await self._login.authenticate(request)
        raise NotFound("there is nothing under this address")

    @app.handle_errors(ClawgateError)
    def failed(self, request: IRequest, failure: Failure) -> bytes:
        """A failure in the words of the specification."""
        ours, error = cast(Request, request), cast(ClawgateError, failure.value)
        status, body = errors.render(error, ours.id, self._now())
        headers = failures.headers_of(error)
        if isinstance(error, Unauthenticated):
            headers = [*headers, *self._login.challenges(ours)]
        for name, value in headers:
            ours.responseHeaders.addRawHeader(name, value)
        return _write(ours, status, body)

    async def _item(self, request: Request, space: str, id: str) -> bytes:
        actor = await self._login.authenticate(request)
        return _send(request, drives.item(*await self._spaces.item(actor, space, id), request.base_url))

    def _searched(self, request: Request) -> str:
        """What a search looks for. Raises `InvalidRequest` if that is less than the settings want."""
        text = query.searched(_option(request, "$search"))
        if len(text) < self._settings.search_letters:
            raise InvalidRequest(f"$search must have {self._settings.search_letters} letters at least")
        return text


def _is_called(actor: Actor, text: str) -> bool:
    return any(text.casefold() in value.casefold() for value in (actor.id, actor.user.display_name, actor.user.mail))


def _option(request: Request, name: str) -> str:
    """An option of the query. Raises `InvalidRequest` if it is not UTF-8 or too long."""
    value: bytes = (request.args or {}).get(name.encode(), [b""])[0]
    if len(value) > query.LONGEST:
        raise InvalidRequest(f"{name} is too long")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name} is not UTF-8") from None


def _send(request: Request, data: Any) -> bytes:
    return _write(request, 200, json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def _write(request: Request, status: int, body: bytes) -> bytes:
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders(b"Content-Type", [b"application/json; charset=utf-8"])
    request.responseHeaders.setRawHeaders(b"Cache-Control", [b"no-store"])
    return body
