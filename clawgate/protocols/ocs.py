"""Open Collaboration Services: what clients ask before they sync. Capabilities, the own user, the server's configuration.

Under ``/ocs/v1.php`` and ``/ocs/v2.php``, each also below ``/index.php``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource

from ..errors import ClawgateError, NotFound, Unauthenticated
from ..interfaces import Room
from ..log import make_logger
from ..model.people import Actor
from ..web import failures
from ..web.login import Login
from ..web.request import Request
from .capabilities import Features, Version, capabilities, compatible, version
from .ocs_render import Code, Rendered, code_of, render

_FORMS = 100
"""Forms of the capabilities that are kept."""


class Ocs:
    """The OCS end points."""

    app = Klein()

    def __init__(self, features: Features, login: Login, room: Callable[[Actor], Awaitable[Room]]) -> None:
        """`room` says how full the personal space is."""
        self._login = login
        self._room = room
        self._features = features
        self._log = make_logger()
        self._capabilities: dict[tuple[int, bool, Version, str, bool], Rendered] = {}

    def resource(self) -> IResource:
        """The Klein resource; routes hold whole paths."""
        return cast(IResource, self.app.resource())

    @app.route("/ocs/<any('v1.php','v2.php'):root>/cloud/capabilities", methods=["GET"])
    @app.route("/index.php/ocs/<any('v1.php','v2.php'):root>/cloud/capabilities", methods=["GET"])
    def capabilities(self, request: Request, root: str) -> bytes:
        """Anybody may ask what there is."""
        (number, as_json), like = _form(request), compatible(self._features, request.header("user-agent") or "")
        base = request.base_url if self._features.push is not None else ""
        form = number, as_json, like, base, self._features.no_trash()
        rendered = self._capabilities.get(form)
        if rendered is None:
            data = {"version": version(self._features, like), "capabilities": capabilities(self._features, like, base)}
            rendered = render(Code.OK, data, version=number, as_json=as_json)
            if len(self._capabilities) >= _FORMS:
                # Clients say by which name they call us, and need not tell the truth.
                self._capabilities.clear()
            self._capabilities[form] = rendered
        return _send(request, rendered)

    @app.route("/ocs/<any('v1.php','v2.php'):root>/cloud/user", methods=["GET"])
    @app.route("/index.php/ocs/<any('v1.php','v2.php'):root>/cloud/user", methods=["GET"])
    async def own_user(self, request: Request, root: str) -> bytes:
        """Who is logged in."""
        actor = await self._login.authenticate(request)
        user = actor.user
        data: dict[str, Any] = {
            "id": user.id,
            "display-name": user.display_name,
            "displayname": user.display_name,
            "email": user.mail,
            "user-type": "member",
        }
        return _answer(request, data | await self._quota(actor))

    @app.route("/ocs/<any('v1.php','v2.php'):root>/cloud/users/<id>", methods=["GET"])
    @app.route("/index.php/ocs/<any('v1.php','v2.php'):root>/cloud/users/<id>", methods=["GET"])
    async def some_user(self, request: Request, root: str, id: str) -> bytes:
        """A user by name: people may ask about themselves."""
        actor = await self._login.authenticate(request)
        if id != actor.id:
            raise NotFound("The requested user could not be found")
        user = actor.user
        data = {"enabled": "true", "id": user.id, "displayname": user.display_name, "email": user.mail}
        return _answer(request, data | await self._quota(actor))

    @app.route("/ocs/<any('v1.php','v2.php'):root>/config", methods=["GET"])
    @app.route("/index.php/ocs/<any('v1.php','v2.php'):root>/config", methods=["GET"])
    def config(self, request: Request, root: str) -> bytes:
        """The server's address, as pyocclient asks for it."""
        ssl = "true" if request.base_url.startswith("https:") else "false"
        data = {"version": "1.7", "website": self._features.product, "host": request.host, "contact": "", "ssl": ssl}
        return _answer(request, data)

    @app.route("/", branch=True)
    async def unknown(self, request: Request) -> bytes:
        """Everything else is not there, and only people who are logged in learn so."""
        await self._login.authenticate(request)
        raise NotFound("there is nothing under this address")

    @app.handle_errors(ClawgateError)
    def failed(self, request: IRequest, failure: Failure) -> bytes:
        """A failure in OCS' words."""
        ours, error = cast(Request, request), cast(ClawgateError, failure.value)
        number, as_json = _form(ours)
        headers = failures.headers_of(error)
        if isinstance(error, Unauthenticated):
            headers = [*headers, *self._login.challenges(ours)]
        for name, value in headers:
            ours.responseHeaders.addRawHeader(name, value)
        return _send(ours, render(code_of(error), [], version=number, as_json=as_json, message=str(error)))

    async def _quota(self, actor: Actor) -> dict[str, Any]:
        """How full the personal space is; nothing where that has no limit or nobody knows."""
        try:
            room = await self._room(actor)
        except ClawgateError as error:
            self._log.warn("the quota of {user} is unknown: {error}", user=actor.id, error=str(error))
            return {}
        if room.used is None or room.available is None:
            return {}
        total = room.used + room.available
        relative = round(room.used / total * 100, 2) if total else 100.0
        return {
            "quota": {
                "free": room.available,
                "used": room.used,
                "total": total,
                "relative": relative,
                "quota": total,
                "definition": "default",
            }
        }


def _form(request: Request) -> tuple[int, bool]:
    """OCS version and whether JSON is wanted."""
    number = 2 if b"/ocs/v2.php" in request.raw_path else 1
    return number, (request.args or {}).get(b"format", [b""])[0].lower() == b"json"


def _answer(request: Request, data: Any) -> bytes:
    number, as_json = _form(request)
    return _send(request, render(Code.OK, data, version=number, as_json=as_json))


def _send(request: Request, rendered: Rendered) -> bytes:
    request.setResponseCode(rendered.status)
    request.responseHeaders.setRawHeaders(b"Content-Type", [rendered.content_type])
    request.responseHeaders.setRawHeaders(b"Cache-Control", [b"no-store"])
    return rendered.body
