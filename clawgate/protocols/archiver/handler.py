"""``GET /archiver?id=...&id=...&output-format=zip``, as ownCloud Web asks oCIS for it (clients.md 4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qsl, quote

from ...errors import ClawgateError, Disconnected, Forbidden, InvalidRequest, NotFound, Unauthenticated
from ...gateway.namespace import Namespace
from ...gateway.packing import Chosen, choose, pack
from ...gateway.tree import Tree
from ...model.node import Node
from ...model.path import ROOT, make
from ...model.people import Actor
from ...model.space import Place
from ...web import failures
from ...web.login import Login
from ...web.request import Request
from ...web.response import Response
from .spool import Spool
from .streams import tar_stream, zip_stream

PREFIX = "/archiver"
FORMATS = {"zip": b"application/zip", "tar": b"application/x-tar"}
VERSION = "2.0.0"
"""Of the interface: from 2 on files are named by their ids."""


class Archiver:
    """Sends archives."""

    def __init__(self, tree: Tree, namespace: Namespace, login: Login, spool: Callable[[], Spool]) -> None:
        """`spool` makes a new one for each archive."""
        self._tree = tree
        self._namespace = namespace
        self._login = login
        self._spool = spool

    async def __call__(self, request: Request) -> Response:
        """200 with the archive; 404 if anything that is asked for is not there, or not for this person."""
        if request.verb not in ("GET", "HEAD"):
            text = b"archives can only be read\n"
            return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], text)
        try:
            if request.raw_path.rstrip(b"/") != PREFIX.encode():
                raise NotFound("there is nothing at this address")
            actor = await self._login.authenticate(request)
            ids, paths, form = _asked(request.query)
            wanted = [await self._by_id(actor, id) for id in ids] + [await self._by_path(actor, path) for path in paths]
        except Disconnected:
            raise
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response
        chosen = choose(wanted)
        spool = self._spool()
        packed = pack(self._tree, chosen)
        stream = zip_stream(packed, spool) if form == "zip" else tar_stream(packed)

        async def close() -> None:
            await _end(stream)
            await _end(packed)
            await spool.close()

        headers = [(b"Content-Type", FORMATS[form]), (b"Content-Disposition", _disposition(chosen, form))]
        headers += [(b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff")]
        return Response(200, headers, stream, close=close)

    async def _by_id(self, actor: Actor, id: str) -> tuple[Place, Node]:
        space, mark, _ = id.partition("!")
        try:
            place = await self._namespace.in_space(actor, space, ROOT)
            if mark:
                place = await self._tree.find(place, id)
            return place, await self._tree.stat(place)
        except (NotFound, Forbidden):
            # Whether there is something that others may have is nobody's business.
            raise NotFound("there is nothing with this id") from None

    async def _by_path(self, actor: Actor, path: str) -> tuple[Place, Node]:
        names = [name for name in path.split("/") if name]
        place = await self._namespace.home(actor, make(*names) if names else ROOT)
        return place, await self._tree.stat(place)


def _asked(query: bytes) -> tuple[list[str], list[str], str]:
    """Ids, paths and the format. Raises `InvalidRequest`."""
    try:
        fields = parse_qsl(query.decode("ascii"), strict_parsing=False, errors="strict")
    except ValueError:
        raise InvalidRequest("the query is not correctly percent-encoded") from None
    ids = [value for name, value in fields if name == "id"]
    paths = [value for name, value in fields if name == "path"]
    if not ids and not paths:
        raise InvalidRequest("name files or folders by id or path")
    form = next((value for name, value in fields if name in ("output-format", "format")), "zip").lower()
    if form not in FORMATS:
        raise InvalidRequest(f"the format must be one of {', '.join(FORMATS)}")
    return ids, paths, form


def _disposition(chosen: list[Chosen], form: str) -> bytes:
    """RFC 6266: for old clients what ASCII there is, encoded as ownCloud Web decodes it."""
    name = f"{chosen[0].name if len(chosen) == 1 else 'download'}.{form}"
    plain = quote(name, safe="!#$&+-.^_`|~ ()@,;=")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}".encode("ascii")


async def _end(iterator: AsyncIterator[object]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
