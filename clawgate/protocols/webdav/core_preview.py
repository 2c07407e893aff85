"""Previews at the addresses of ownCloud 10 and Nextcloud: by the id of a file, or by its path in the personal space.

``/index.php/core/preview?fileId=ID&x=64&y=64&a=1``, ``/index.php/core/preview.png?file=PATH&x=64&y=64``,
``/index.php/apps/files/api/v1/thumbnail/64/64/PATH``. What these servers offer where there is no picture, icons
(``forceIcon``, ``mimeFallback``), is not here: 404.
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote_to_bytes

from ...errors import ClawgateError, Disconnected, Forbidden, InvalidRequest, IsAFolder, NotFound, Unauthenticated
from ...gateway.namespace import Namespace
from ...gateway.previews import Previews
from ...gateway.tree import Tree
from ...model.path import ROOT, make
from ...model.people import Actor
from ...model.space import Place
from ...web import failures
from ...web.login import Login
from ...web.request import Request
from ...web.response import Response
from .previewing import Fields, first, respond

_CORE = ("/core/preview", "/core/preview.png")
_THUMBNAIL = "/apps/files/api/v1/thumbnail"
PREFIXES = tuple(front + path for front in ("", "/index.php") for path in (*_CORE, _THUMBNAIL))
"""Where the handler belongs."""


class CorePreview:
    """Sends pictures."""

    def __init__(self, previews: Previews | None, tree: Tree, namespace: Namespace, login: Login) -> None:
        """Without `previews` there is none of any file."""
        self._previews = previews
        self._tree = tree
        self._namespace = namespace
        self._login = login

    async def __call__(self, request: Request) -> Response:
        """As `respond`; 404 also for files that the actor may not know of."""
        if request.verb not in ("GET", "HEAD"):
            text = b"this can only be read\n"
            return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], text)
        try:
            actor = await self._login.authenticate(request)
            fields = _asked(request)
            reader = await self._tree.open(await self._find(actor, fields))
            return await respond(self._previews, request, fields, reader)
        except Disconnected:
            raise
        except (Forbidden, IsAFolder):
            return failures.plain(NotFound("there is no preview"), request.id)
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response

    async def _find(self, actor: Actor, fields: Fields) -> Place:
        id = first(fields, "fileId", "")
        if id:
            space, mark, _ = id.partition("!")
            if not mark:
                raise NotFound("there is nothing with this id")
            return await self._tree.find(await self._namespace.in_space(actor, space, ROOT), id)
        names = [name for name in first(fields, "file", "").split("/") if name]
        if not names:
            raise InvalidRequest("name a file, by fileId or file")
        return await self._namespace.home(actor, make(*names))


def _asked(request: Request) -> Fields:
    """The query, or what stands for it in the path. Raises `InvalidRequest`."""
    _, mark, rest = request.raw_path.partition(_THUMBNAIL.encode() + b"/")
    try:
        if mark:
            x, y, path = rest.split(b"/", 2)
            return {"x": [x.decode()], "y": [y.decode()], "file": [unquote_to_bytes(path).decode()]}
        return parse_qs(request.query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidRequest("no file can be named like this") from None
