"""OPTIONS: what can be done here. Needs no credentials: cadaver and davfs2 ask before they log in."""

from __future__ import annotations

from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav

CLASSES = (b"DAV", b"1, 2, 3")
FILES = "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, MOVE, COPY, PROPFIND, PROPPATCH, LOCK, UNLOCK, REPORT"


async def options(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """200 with the DAV classes; ``MS-Author-Via`` is for the Windows redirector and Office."""
    return answer()


def answer() -> Response:
    """The same for all resources."""
    return Response(200, [CLASSES, (b"Allow", FILES.encode()), (b"MS-Author-Via", b"DAV"), (b"Accept-Ranges", b"bytes")])
