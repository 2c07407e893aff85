"""Private links, ``/f/ID``: to the place where the file or folder with an id (``oc:fileid``) is now, for those who may know."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from ..errors import ClawgateError, Disconnected, Forbidden, NotFound, Unauthenticated
from ..gateway.namespace import Namespace
from ..gateway.tree import Tree
from ..model.path import ROOT
from ..model.people import Actor
from ..web import failures
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response

PREFIXES = ("/f", "/index.php/f")
"""Where the handler belongs."""
_SAFE = "/!$'()*+,;=:@"


class PrivateLinks:
    """Redirects to WebDAV addresses."""

    def __init__(self, tree: Tree, namespace: Namespace, login: Login) -> None:
        self._tree = tree
        self._namespace = namespace
        self._login = login

    async def __call__(self, request: Request) -> Response:
        """302; 404 for what does not exist and for what the actor may not know of, which look the same."""
        if request.verb not in ("GET", "HEAD"):
            text = b"this can only be read\n"
            return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], text)
        try:
            actor = await self._login.authenticate(request)
            target = await self._find(actor, _id(request.raw_path))
        except Disconnected:
            raise
        except Forbidden:
            return failures.plain(_unknown(), request.id)
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response
        return Response(302, [(b"Location", f"{request.base_url}{target}".encode("latin-1"))])

    async def _find(self, actor: Actor, id: str) -> str:
        """The path of the URL for `id`. Raises `NotFound`, `Forbidden`."""
        space, mark, _ = id.partition("!")
        try:
            place = await self._namespace.in_space(actor, space, ROOT)
            if mark:
                place = await self._tree.find(place, id)
            node = await self._tree.stat(place)
        except NotFound:
            raise _unknown() from None
        slash = "/" if place.path and node.is_folder else ""
        return f"/remote.php/dav/spaces/{quote(place.space.id, _SAFE)}/{quote(place.path, _SAFE)}{slash}"


def _unknown() -> NotFound:
    return NotFound("there is nothing at this address")


def _id(raw_path: bytes) -> str:
    """The id in a request path. Raises `NotFound` if there cannot be one."""
    written = raw_path.removeprefix(b"/index.php").removeprefix(b"/f/")
    try:
        return unquote_to_bytes(written).decode()
    except UnicodeDecodeError:
        raise _unknown() from None
