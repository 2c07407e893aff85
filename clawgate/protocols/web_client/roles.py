"""``/api/v0/settings``: what oCIS knows of people's roles and settings. There are none here, but no login ends without an answer
(ownCloud Web 7 to 12, OpenCloud Web 1 to 4: packages/web-runtime/src/services/auth/userManager.ts)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ...errors import ClawgateError, Disconnected, NotFound, Unauthenticated
from ...model.people import Actor
from ...web import failures
from ...web.login import Login
from ...web.request import Request
from ...web.response import Response

PREFIX = "/api/v0/settings"
MAKES_SPACES = "Drives.Create.all"
"""The permission with which clients offer to make spaces."""
_PERMISSIONS = "permissions-list"
_LISTS = {
    "assignments-list": "assignments",
    "bundles-list": "bundles",
    "roles-list": "bundles",
    "values-list": "values",
    _PERMISSIONS: "permissions",
}


class Roles:
    """Empty lists, but for what somebody may do."""

    def __init__(self, permissions: Callable[[Actor], Sequence[str]], login: Login) -> None:
        """`permissions` are somebody's, by oCIS' names."""
        self._permissions = permissions
        self._login = login

    async def __call__(self, request: Request) -> Response:
        """Answer `request`, whose body does not matter. Raises `Disconnected` and what nobody foresaw."""
        try:
            actor = await self._login.authenticate(request)
            wanted = request.raw_path.decode("latin-1").removeprefix(f"{PREFIX}/")
            if wanted not in _LISTS or request.verb != "POST":
                raise NotFound("there are no settings of people here")
            found = self._permissions(actor) if wanted == _PERMISSIONS else ()
        except Disconnected:
            raise
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response
        headers = [(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store")]
        return Response(200, headers, json.dumps({_LISTS[wanted]: list(found)}).encode())
