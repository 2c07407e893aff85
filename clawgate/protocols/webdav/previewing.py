"""``?preview=1&x=36&y=36&a=1&c=ETAG&processor=fit&scalingup=0`` at the address of any file (clients.md 4)."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import parse_qs

from ...errors import InvalidRequest, NotFound, Overloaded
from ...gateway.previews import Previews
from ...interfaces import Reader
from ...model.preview import Wish
from ...web.conditions import Outcome, evaluate
from ...web.failures import headers_of
from ...web.request import Request
from ...web.response import Response
from .media import content_type

DEFAULT = 32
"""Pixels of a side that is not named, as in oCIS."""
_GREATEST = 65536
_NO = ("0", "false", "")
_WAYS = {"fit": "fit", "fill": "fill", "thumbnail": "fill", "resize": "resize", "cover": "cover"}
"""By the names of oCIS' processors."""
_DAY = b"private, max-age=86400"
_ASK = b"private, no-cache"
Fields = dict[str, list[str]]


def asked(request: Request) -> Fields | None:
    """The query, if it asks for a preview; who asks for one must never get the file."""
    if not request.query or b"preview=" not in request.query:
        return None
    fields = parse_qs(request.query.decode("latin-1"), keep_blank_values=True)
    return fields if first(fields, "preview", "0") not in _NO else None


def first(fields: Fields, name: str, default: str) -> str:
    """The value that counts of a field that may be there several times, or not at all."""
    return fields.get(name, [default])[0]


def wish_of(fields: Fields) -> Wish:
    """Which picture is wanted. Raises `InvalidRequest` for sides that are none, in the words of ownCloud 10."""
    x, y = _side(fields, "x", "width"), _side(fields, "y", "height")
    if x < 0 or y < 0:
        # Nextcloud's: as long as it gets beside the other one.
        x, y = (max(x, y),) * 2
        if x < 0:
            raise InvalidRequest("Cannot set width of 0 or smaller!")
    way = _WAYS.get(first(fields, "processor", "").lower(), "")
    if not way:
        whole = first(fields, "a", "0").lower() not in _NO
        way = ("cover" if first(fields, "mode", "fill") == "cover" else "fit") if whole else "fill"
    return Wish(x, y, way, first(fields, "scalingup", "0").lower() not in _NO)


def _side(fields: Fields, name: str, called: str) -> int:
    try:
        side = int(first(fields, name, str(DEFAULT)) or DEFAULT)
    except ValueError:
        raise InvalidRequest(f"the {called} is no number of pixels") from None
    if side == 0 or side < -1:
        raise InvalidRequest(f"Cannot set {called} of 0 or smaller!")
    return min(side, _GREATEST)


async def respond(previews: Previews | None, request: Request, fields: Fields, reader: Reader) -> Response:
    """The picture of an opened file, or 304; closes it. 404 if there is none, 429 while there are too many to make: then clients
    come again. Raises what reading raises."""
    try:
        return await _respond(previews, request, fields, reader)
    finally:
        await reader.close()


async def _respond(previews: Previews | None, request: Request, fields: Fields, reader: Reader) -> Response:
    if previews is None:
        raise NotFound("there is no preview")
    node, wish = reader.node, wish_of(fields)
    wish = previews.bounded(wish)
    etag = f"{node.etag}-{sha256(repr(wish).encode()).hexdigest()[:12]}"
    # With the file's etag in its address a picture never becomes another one.
    named = first(fields, "c", "").strip('"') == node.etag
    headers = [(b"ETag", f'"{etag}"'.encode()), (b"Cache-Control", _DAY if named else _ASK)]
    if evaluate(request.header, "GET", etag, None, True) is Outcome.NOT_MODIFIED:
        return Response(304, headers)
    try:
        picture = await previews.picture(reader, content_type(node.name), wish, lambda: not request.disconnected)
        release = previews.hold(len(picture.data))
    except Overloaded as error:
        return Response(429, [(b"Content-Type", b"text/plain; charset=utf-8"), *headers_of(error)], f"{error}\n".encode())
    headers += [(b"Content-Type", picture.type.encode()), (b"X-Content-Type-Options", b"nosniff")]

    async def close() -> None:
        release()

    return Response(200, headers, picture.data, close=close)
