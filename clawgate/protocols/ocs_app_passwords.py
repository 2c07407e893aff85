"""App passwords by Nextcloud's OCS calls: a login becomes one, it gets a new secret, it ends.

As Nextcloud answers them below ``/ocs/v2.php/core`` (its ``AppPasswordController``), except that a login by token works too.
"""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import parse_qs

from ..errors import ClawgateError, Disconnected, Forbidden, NotFound, PreconditionFailed, Unauthenticated
from ..model.app_password import AppPassword
from ..model.people import Actor, Password
from ..web import credentials, failures
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response
from .ocs_render import Code, code_of, render

PREFIXES = tuple(f"{front}/ocs/{root}/core" for front in ("", "/index.php") for root in ("v1.php", "v2.php"))
"""Where the handler belongs."""


class Keeper(Protocol):
    """Makes and ends app passwords."""

    async def make_for(self, actor: Actor, name: str, *, login: str = "") -> tuple[AppPassword, str]:
        """A new one and its secret. Raises `Forbidden` for those who are logged in by one, or have too many."""

    async def revoke(self, user: str, id: str) -> None:
        """End one. Raises `NotFound`."""

    async def rotate(self, id: str) -> str:
        """A new secret. Raises `NotFound`."""


class OcsAppPasswords:
    """The three calls."""

    def __init__(self, keeper: Keeper, login: Login) -> None:
        self._keeper = keeper
        self._login = login
        self._calls = {
            ("GET", b"getapppassword"): self._make,
            ("DELETE", b"apppassword"): self._revoke,
            ("POST", b"apppassword/rotate"): self._rotate,
        }

    async def __call__(self, request: Request) -> Response:
        """The answer in OCS' words. Raises `Disconnected` and what nobody foresaw."""
        try:
            actor = await self._login.authenticate(request)
            call = self._calls.get((request.verb, request.raw_path.partition(b"/core/")[2]))
            if call is None:
                raise NotFound("there is nothing under this address")
            if (request.header("ocs-apirequest") or "").lower() != "true":
                # A browser sends along what it knows of the person; this header only if a program of ours asks it to.
                raise PreconditionFailed("the header OCS-APIRequest: true is needed")
            return _answer(request, Code.OK, await call(request, actor))
        except Disconnected:
            raise
        except ClawgateError as error:
            response = _answer(request, code_of(error), [], str(error))
            response.headers += failures.headers_of(error)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response

    async def _make(self, request: Request, actor: Actor) -> dict[str, str]:
        given = credentials.parse(request.header("authorization"))
        login = given.user if isinstance(given, Password) else ""
        agent = (request.header("user-agent") or "").encode("latin-1").decode("utf-8", "replace")
        _, secret = await self._keeper.make_for(actor, agent, login=login)
        return {"apppassword": secret}

    async def _revoke(self, request: Request, actor: Actor) -> list[Any]:
        await self._keeper.revoke(actor.id, _used(actor))
        return []

    async def _rotate(self, request: Request, actor: Actor) -> dict[str, str]:
        return {"apppassword": await self._keeper.rotate(_used(actor))}


def _used(actor: Actor) -> str:
    """The id of the app password that `actor` is logged in by. Raises `Forbidden`."""
    if not actor.app_password:
        raise Forbidden("you are not logged in by an app password")
    return actor.app_password


def _answer(request: Request, code: Code, data: Any, message: str = "") -> Response:
    version = 2 if b"/ocs/v2.php" in request.raw_path else 1
    as_json = parse_qs(request.query.decode("latin-1")).get("format", [""])[0].lower() == "json"
    rendered = render(code, data, version=version, as_json=as_json, message=message)
    return Response(rendered.status, [(b"Content-Type", rendered.content_type), (b"Cache-Control", b"no-store")], rendered.body)
