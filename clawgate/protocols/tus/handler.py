"""The front end of ``/tus``: who asks, which method, and every failure in TUS' words."""

from __future__ import annotations

from ...errors import ClawgateError, Disconnected, NotFound, Unauthenticated
from ...gateway.uploads.sessions import Uploads
from ...model.people import Actor
from ...web.login import Login
from ...web.request import Request
from ...web.response import Response
from ..webdav.dav import Dav
from ..webdav.errors import Refused
from .answers import failed
from .conditions import HOME
from .content import Verifier
from .creation import Creation
from .fields import check_version
from .offer import BASE
from .resource import Resource

_ENDPOINT = "OPTIONS, POST"
_UPLOAD = "OPTIONS, HEAD, PATCH, DELETE"


class TusHandler:
    """Answers the plain endpoint ``/tus/``, which creates uploads in the personal space, and the uploads of all endpoints."""

    def __init__(self, dav: Dav, uploads: Uploads, verifier: Verifier, creation: Creation, login: Login) -> None:
        self._dav = dav
        self._creation = creation
        self._resource = Resource(dav, uploads, verifier, creation.offer)
        self._login = login

    async def __call__(self, request: Request) -> Response:
        """The answer to a request; raises only `Disconnected` and what nobody foresaw."""
        # Core Protocol, X-HTTP-Method-Override: the actual method is ignored.
        verb = request.header("x-http-method-override") or request.verb
        key = request.raw_path.decode("latin-1").removeprefix(BASE).removeprefix("/")
        if verb == "OPTIONS":
            allow = _UPLOAD if key else _ENDPOINT
            return Response(204, [(b"Allow", allow.encode()), *self._creation.offer.headers()])
        try:
            actor = await self._login.authenticate(request)
            check_version(request.header, verb)
            return await self._answer(verb, request, actor, key)
        except Disconnected:
            raise
        except ClawgateError as error:
            response = failed(error)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response

    async def _answer(self, verb: str, request: Request, actor: Actor, key: str) -> Response:
        if "/" in key:
            raise NotFound("there is nothing under this address")
        if not key:
            if verb != "POST":
                raise Refused(405, "uploads are created with POST", allow=_ENDPOINT)
            return await self._creation.create(self._dav, request, actor, HOME)
        if verb == "HEAD":
            return await self._resource.head(actor, key)
        if verb == "PATCH":
            return await self._resource.patch(request, actor, key)
        if verb == "DELETE":
            return await self._resource.delete(actor, key)
        raise Refused(405, f"{verb} is not possible with an upload", allow=_UPLOAD)
