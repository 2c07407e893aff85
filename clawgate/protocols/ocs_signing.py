"""``/cloud/user/signing-key``: the key by which somebody's browser signs addresses of downloads (clients.md 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ..errors import ClawgateError, Disconnected, NotFound, Unauthenticated
from ..model.people import Actor
from ..web import failures
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response
from .ocs_render import Code, code_of, render

PREFIXES = tuple(f"{front}/ocs/{root}/cloud/user/signing-key" for front in ("", "/index.php") for root in ("v1.php", "v2.php"))
"""Where the handler belongs."""


class OcsSigning:
    """The one call."""

    def __init__(self, key: Callable[[Actor], Awaitable[str]], login: Login) -> None:
        """`key` gives somebody's key; raises `Forbidden`."""
        self._key = key
        self._login = login

    async def __call__(self, request: Request) -> Response:
        """The answer in OCS' words, XML unless JSON is asked for. Raises `Disconnected` and what nobody foresaw."""
        headers: list[tuple[bytes, bytes]] = [(b"Cache-Control", b"no-store")]
        data: Any = []
        code, message = Code.OK, ""
        try:
            if request.verb != "GET" or not request.raw_path.endswith(b"/signing-key"):
                raise NotFound("there is nothing under this address")
            if request.header("authorization") is None:
                # Not by an address that was signed with the same key before.
                raise Unauthenticated("log in first")
            actor = await self._login.authenticate(request)
            data = {"user": actor.id, "signing-key": await self._key(actor)}
        except Disconnected:
            raise
        except ClawgateError as error:
            code, message = code_of(error), str(error)
            headers += failures.headers_of(error)
            if isinstance(error, Unauthenticated):
                headers += self._login.challenges(request)
        as_json = parse_qs(request.query.decode("latin-1")).get("format", [""])[0].lower() == "json"
        number = 2 if b"/ocs/v2.php" in request.raw_path else 1
        rendered = render(code, data, version=number, as_json=as_json, message=message)
        return Response(rendered.status, [(b"Content-Type", rendered.content_type), *headers], rendered.body)
