"""Addresses of uploads in chunks: ``/remote.php/dav/uploads/USER/UPLOAD/CHUNK``."""

from __future__ import annotations

import attrs

from ...errors import Forbidden, InvalidRequest
from ...model.people import Actor
from ...web.request import Request
from .address import decode, quote_raw

PREFIXES = ("/remote.php/dav/uploads", "/dav/uploads")


@attrs.frozen
class UploadTarget:
    """What a request is about."""

    href: str
    """The folder of the upload as the client wrote it, without trailing slash."""
    key: str
    """The client's name for the upload; empty for the folder that holds all of them."""
    name: str
    """Of the chunk; empty for the upload itself."""


def target_of(request: Request, actor: Actor) -> UploadTarget:
    """The target of a request below `PREFIXES`. Raises `Forbidden` for uploads of others, `InvalidRequest`."""
    front = next(prefix for prefix in PREFIXES if request.raw_path.startswith(prefix.encode()))
    written = request.raw_path[len(front) :].removesuffix(b"/").split(b"/")[1:]
    names = [decode(segment) for segment in written]
    if len(names) > 3:
        raise InvalidRequest("the path must be USER/UPLOAD/CHUNK")
    if names and names[0] != actor.id:
        raise Forbidden(f"these are not {actor.id}'s uploads")
    href = "/".join([front, *map(quote_raw, written[:2])])
    names += [""] * (3 - len(names))
    return UploadTarget(href, names[1], names[2])
