"""What PROPFIND says of an upload in chunks and of its chunks: clients resume by it (clients.md 3.4). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...model.upload import Part
from .elements import DAV, Name, element, empty
from .multistatus import MISSING, OK, body, propstat, response
from .requests import Mode, PropertySet

_FOLDER: Mapping[Name, str] = {(DAV, "resourcetype"): "<d:collection/>"}
# What differs between chunks: neither can stand in XML.
_NAME, _BYTES = "\x00", "\x01"
_CHUNK: Mapping[Name, str] = {
    (DAV, "resourcetype"): "",
    (DAV, "getcontentlength"): _BYTES,
    (DAV, "getcontenttype"): "application/octet-stream",
}


def chunk_list(wanted: PropertySet, href: str, parts: Sequence[Part], *, folder: bool) -> bytes:
    """The multistatus of `parts`, which are all below `href`, with the `folder` itself in front if it is asked for.

    Only the folder's href has a slash at the end: without it, the number that it is called by would be taken for a chunk.
    """
    responses = [_response(f"{href}/", wanted, _FOLDER)] if folder else []
    chunk = _response(f"{href}/{_NAME}", wanted, _CHUNK)
    responses += [chunk.replace(_NAME, part.name).replace(_BYTES, str(part.stop - part.start)) for part in parts]
    return body(responses)


def _response(href: str, wanted: PropertySet, known: Mapping[Name, str]) -> str:
    asked = wanted.names if wanted.mode is Mode.SOME else tuple(dict.fromkeys((*known, *wanted.names)))
    found = [empty(name) if wanted.mode is Mode.NAMES else element(name, known[name]) for name in asked if name in known]
    missing = [empty(name) for name in asked if name not in known]
    stats = [propstat(found, OK)] if found or not missing else []
    return response(href, [*stats, propstat(missing, MISSING)] if missing else stats)
