"""``POST /page/address``: an address by which the browser downloads something, because it can send no header then."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

from ...errors import ClawgateError, Disconnected, InvalidRequest, Unauthenticated
from ...model.people import Actor
from ...web import failures
from ...web.login import Login
from ...web.request import Request
from ...web.response import Response

ADDRESS = "/page/address"
SECONDS = 1200
"""How long it is good, at most; as long as ownCloud Web wants."""
_PATH = re.compile(r"/(?:dav|remote\.php|archiver)[/?][!$%&'()*+,./:;=?@\w~-]*", re.ASCII)


class PageAddresses:
    """Signs addresses of content for who is logged in."""

    def __init__(self, sign: Callable[[Actor, str, int], Awaitable[str]], seconds: float, login: Login, limit: int) -> None:
        """`sign` makes a URL one that is good for some seconds; raises `Forbidden`. `seconds`: how long one may be good; `limit`:
        bytes of the largest question."""
        self._sign = sign
        self._seconds = int(min(seconds, SECONDS))
        self._login = login
        self._limit = limit

    async def __call__(self, request: Request) -> Response:
        """JSON with ``address``, for JSON with ``path``. Raises `Disconnected` and what nobody foresaw."""
        headers = [(b"Cache-Control", b"no-store")]
        try:
            if request.verb != "POST" or request.raw_path != ADDRESS.encode():
                text = b"addresses are asked for with POST\n"
                return Response(405, [(b"Allow", b"POST"), (b"Content-Type", b"text/plain; charset=utf-8")], text)
            actor = await self._login.authenticate(request)
            path = _path(await request.body.read_all(self._limit))
            address = await self._sign(actor, request.base_url + path, self._seconds)
        except Disconnected:
            raise
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response
        body = json.dumps({"address": address.removeprefix(request.base_url)}).encode()
        return Response(200, [*headers, (b"Content-Type", b"application/json")], body)


def _path(body: bytes) -> str:
    """Raises `InvalidRequest`."""
    try:
        value = json.loads(body)["path"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidRequest("expected JSON with a path") from None
    if not isinstance(value, str) or not _PATH.fullmatch(value) or "OC-" in value.partition("?")[2]:
        raise InvalidRequest("this is no address of content")
    return value
