"""The end points, each below ``/graph/v1.0`` and ``/graph/v1beta1``: clients call the same thing under either."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource

from ...errors import ClawgateError, InvalidRequest, NotAFolder, NotFound, Unauthenticated
from ...gateway.making import Making
from ...gateway.spaces import Spaces
from ...model.node import Node
from ...model.people import Actor
from ...model.space import Place
from ...settings import Graph as Settings
from ...web import failures
from ...web.login import Login
from ...web.request import Request
from . import drives, errors, members, people, query
from .managing import Managing
from .roles import ROLES, definition
from .seams import Register
from .tagging import Tagging

ROOT = "/graph/<any('v1.0','v1beta1'):version>"


class Graph:
    """Spaces to look at, to make and to change, and people to find."""

    app = Klein()

    def __init__(
        self,
        spaces: Spaces,
        making: Making,
        tagging: Tagging,
        register: Register,
        settings: Settings,
        login: Login,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` tells the seconds since 1970."""
        self._spaces = spaces
        self._managing = Managing(spaces, making, register)
        self._tagging = tagging
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

    @app.route(f"{ROOT}/drives/<id>/items/<item>", methods=["DELETE"])
    async def remove(self, request: Request, version: str, id: str, item: str) -> bytes:
        """A file or folder put into the trash."""
        actor = await self._login.authenticate(request)
        await self._spaces.remove(actor, id, item)
        return _write(request, 204, b"")

    @app.route(f"{ROOT}/me/drive/root/children", methods=["GET"])
    async def my_children(self, request: Request, version: str) -> bytes:
        """What is in the personal space."""
        actor = await self._login.authenticate(request)
        return await self._children(request, await self._spaces.home(actor))

    @app.route(f"{ROOT}/drives/<id>/root/children", methods=["GET"])
    async def root_children(self, request: Request, version: str, id: str) -> bytes:
        """What is in a space."""
        actor = await self._login.authenticate(request)
        return await self._children(request, await self._spaces.item(actor, id, id))

    @app.route(f"{ROOT}/drives/<id>/items/<item>/children", methods=["GET"])
    async def item_children(self, request: Request, version: str, id: str, item: str) -> bytes:
        """What is in a folder."""
        actor = await self._login.authenticate(request)
        return await self._children(request, await self._spaces.item(actor, id, item))

    @app.route(f"{ROOT}/drives", methods=["POST"])
    async def create(self, request: Request, version: str) -> bytes:
        """A new space."""
        actor = await self._login.authenticate(request)
        return _send(request, drives.drive(await self._managing.create(actor, request), actor, request.base_url), 201)

    @app.route(f"{ROOT}/drives/<id>", methods=["PATCH"])
    async def update(self, request: Request, version: str, id: str) -> bytes:
        """A space with another name, description, quota, picture; or restored."""
        actor = await self._login.authenticate(request)
        return _send(request, drives.drive(await self._managing.update(actor, id, request), actor, request.base_url))

    @app.route(f"{ROOT}/drives/<id>", methods=["DELETE"])
    async def delete(self, request: Request, version: str, id: str) -> bytes:
        """A space disabled, or removed for good."""
        actor = await self._login.authenticate(request)
        await self._managing.delete(actor, id, request)
        return _write(request, 204, b"")

    @app.route(f"{ROOT}/drives/<id>/root/permissions", methods=["GET"])
    @app.route(f"{ROOT}/drives/<id>/items/<item>/permissions", methods=["GET"])
    async def permissions(self, request: Request, version: str, id: str, item: str = "") -> bytes:
        """The members of a space, and what members can be; a single file or folder has none of its own."""
        actor = await self._login.authenticate(request)
        if item in ("", id):
            found = members.collection(await self._managing.permissions(actor, id))
        else:
            await self._spaces.item(actor, id, item)
            found = members.collection([], ())
        return _send(request, members.selected(found, _option(request, "$select")))

    @app.route(f"{ROOT}/drives/<id>/root/invite", methods=["POST"])
    async def invite(self, request: Request, version: str, id: str) -> bytes:
        """New members."""
        actor = await self._login.authenticate(request)
        return _send(request, {"value": await self._managing.invite(actor, id, request)})

    @app.route(f"{ROOT}/drives/<id>/root/permissions/<permission>", methods=["GET"])
    @app.route(f"{ROOT}/drives/<id>/items/<item>/permissions/<permission>", methods=["GET"])
    async def permission(self, request: Request, version: str, id: str, permission: str, item: str = "") -> bytes:
        """A member; ownCloud Web's library asks for those of spaces in the second way."""
        actor = await self._login.authenticate(request)
        if item not in ("", id):
            raise NotFound("there is no such permission")
        return _send(request, await self._managing.permission(actor, id, permission))

    @app.route(f"{ROOT}/drives/<id>/root/permissions/<permission>", methods=["PATCH"])
    async def give(self, request: Request, version: str, id: str, permission: str) -> bytes:
        """Another role for a member."""
        actor = await self._login.authenticate(request)
        return _send(request, await self._managing.give(actor, id, permission, request))

    @app.route(f"{ROOT}/drives/<id>/root/permissions/<permission>", methods=["DELETE"])
    async def expel(self, request: Request, version: str, id: str, permission: str) -> bytes:
        """A member less."""
        actor = await self._login.authenticate(request)
        await self._managing.expel(actor, id, permission)
        return _write(request, 204, b"")

    @app.route(f"{ROOT}/extensions/org.libregraph/tags", methods=["GET"])
    async def tags(self, request: Request, version: str) -> bytes:
        """All tags in use."""
        actor = await self._login.authenticate(request)
        return _send(request, {"value": await self._tagging.all(actor)})

    @app.route(f"{ROOT}/extensions/org.libregraph/tags", methods=["PUT"])
    async def assign(self, request: Request, version: str) -> bytes:
        """Tags for something."""
        actor = await self._login.authenticate(request)
        await self._tagging.assign(actor, request)
        return _write(request, 200, b"")

    @app.route(f"{ROOT}/extensions/org.libregraph/tags", methods=["DELETE"])
    async def unassign(self, request: Request, version: str) -> bytes:
        """Tags taken from something."""
        actor = await self._login.authenticate(request)
        await self._tagging.unassign(actor, request)
        return _write(request, 200, b"")

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

    async def _children(self, request: Request, folder: tuple[Place, Node]) -> bytes:
        """One page; the name that it ends with is where the next one goes on."""
        place, _ = folder
        most = self._settings.children
        count = min(query.number(_option(request, "$top"), most), most)
        try:
            nodes, more = await self._spaces.children(place, _option(request, "$skiptoken"), count)
        except NotAFolder:
            raise InvalidRequest("only folders have children") from None
        found: dict[str, Any] = {"value": [drives.child(place, node, request.base_url) for node in nodes]}
        if more:
            rest = urlencode({"$top": count, "$skiptoken": nodes[-1].name})
            found["@odata.nextLink"] = f"{request.base_url}{request.raw_path.decode('ascii')}?{rest}"
        return _send(request, found)

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


def _send(request: Request, data: Any, status: int = 200) -> bytes:
    return _write(request, status, json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def _write(request: Request, status: int, body: bytes) -> bytes:
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders(b"Content-Type", [b"application/json; charset=utf-8"])
    request.responseHeaders.setRawHeaders(b"Cache-Control", [b"no-store"])
    return body
