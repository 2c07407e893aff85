"""GET and HEAD (RFC 9110 9.3.1, 14, 13; clients.md 4)."""

from __future__ import annotations

from uuid import uuid4

from ....errors import IsAFolder, NotFound, PreconditionFailed
from ....interfaces import Reader
from ....model.node import Node
from ....model.people import Actor
from ....web.conditions import Outcome, evaluate, if_range_holds
from ....web.ranges import Multipart, content_range, parse
from ....web.request import Request
from ....web.response import FileBody, Response
from ..address import Address
from ..dav import Dav
from ..errors import Refused
from ..media import FOLDER
from ..previewing import Fields, asked, respond
from ..terms import terms
from ..transfer_headers import file_headers, identity_of, type_of


async def get(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """The file or ranges of it, or a preview. Folders: 501, as ownCloud 10 answers."""
    if (fields := asked(request)) is not None:
        return await _preview(dav, request, fields, actor, address)
    place = await dav.place(actor, address)
    judge = (await terms(dav, request, actor, address, place)).judge if request.header("if") is not None else None
    try:
        reader = await dav.tree.open(place)
    except IsAFolder:
        raise Refused(501, "this is the WebDAV interface; folders can only be listed, with PROPFIND") from None
    try:
        if judge is not None:
            judge(reader.node)
        seconds = dav.redirected(place.space.mount, request.header("user-agent") or "")
        response = await elsewhere(request, reader, seconds) if seconds else None
        response = response or answer(request, reader, dav.now())
    except BaseException:
        await reader.close()
        raise
    response.close = reader.close
    return response


async def head(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """As GET, without opening anything; of a folder it says that it is there, as sabre/dav does."""
    if (fields := asked(request)) is not None:
        return await _preview(dav, request, fields, actor, address)
    place = await dav.place(actor, address)
    node = await dav.tree.stat(place)
    (await terms(dav, request, actor, address, place)).judge(node)
    if node.is_folder:
        return Response(200, [*identity_of(node), (b"Content-Type", FOLDER.encode())])
    headers = file_headers(node)
    if _is_unchanged(request, node):
        return Response(304, headers)
    return Response(200, [*headers, (b"Content-Type", type_of(node))], length=node.size)


def answer(request: Request, reader: Reader, now: float) -> Response:
    """The content of an opened file or ranges of it, as the headers of the request ask; the caller sees to closing it."""
    node = reader.node
    headers = file_headers(node)
    if _is_unchanged(request, node):
        return Response(304, headers)
    ranges = None
    value = request.header("range")
    if value is not None and if_range_holds(request.header, node.etag, node.mtime_ns // 1_000_000_000, now):
        ranges = parse(value, node.size, request.range_limit)
    if ranges is None:
        return Response(200, [*headers, (b"Content-Type", type_of(node))], FileBody(reader, 0, node.size), node.size)
    if len(ranges) == 1:
        start, stop = ranges[0]
        headers += ((b"Content-Type", type_of(node)), (b"Content-Range", content_range(start, stop, node.size)))
        return Response(206, headers, FileBody(reader, start, stop), stop - start)
    parts = Multipart(ranges, node.size, type_of(node), uuid4().hex.encode())
    return Response(206, [*headers, (b"Content-Type", parts.content_type)], parts.stream(reader), parts.length)


async def elsewhere(request: Request, reader: Reader, seconds: int) -> Response | None:
    """The way to the content for a client that gets it from the storage itself: 302 (RFC 9110 15.4.3). None: that cannot be had,
    or nothing has changed and there is nothing to get."""
    if _is_unchanged(request, reader.node):
        return None
    said = {name.decode(): value.decode("latin-1") for name, value in file_headers(reader.node) if name == b"Content-Disposition"}
    where = await reader.link(seconds, {"Content-Type": type_of(reader.node).decode(), **said})
    return None if where is None else Response(302, [(b"Location", where.encode()), (b"Cache-Control", b"no-store")])


def _is_unchanged(request: Request, node: Node) -> bool:
    outcome = evaluate(request.header, request.verb, node.etag, node.mtime_ns // 1_000_000_000, True)
    if outcome is Outcome.FAILED:
        raise PreconditionFailed("the file has been changed in the meantime")
    return outcome is Outcome.NOT_MODIFIED


async def _preview(dav: Dav, request: Request, fields: Fields, actor: Actor, address: Address) -> Response:
    try:
        reader = await dav.tree.open(await dav.place(actor, address))
    except IsAFolder:
        raise NotFound("there are no previews of folders") from None
    return await respond(dav.previews, request, fields, reader)
