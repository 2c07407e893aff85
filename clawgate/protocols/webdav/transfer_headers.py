"""The headers around content: what an upload promises, and what is said of a file (clients.md 3.1, 4.1)."""

from __future__ import annotations

import re
from urllib.parse import quote

from ...errors import InvalidRequest, LengthMismatch, TooLarge
from ...model.content import Checksum, Intent, Written
from ...model.node import Node
from ...model.permissions import Permissions
from ...web.request import Request
from ...web.response import Response
from .dates import http_date, parse
from .letters import letters
from .media import content_type

_LENGTHS = {"SHA1": 40, "MD5": 32, "ADLER32": 8, "SHA256": 64, "CRC32C": 8}
_HEX = re.compile(r"[0-9a-f]+\Z")
_DIGITS = 19
"""Of the greatest number of bytes that any file can have."""

Headers = list[tuple[bytes, bytes]]


def mtime_of(request: Request) -> int | None:
    """``X-OC-Mtime`` in nanoseconds; a fraction of a second is kept, what is no number is ignored."""
    value = request.header("x-oc-mtime")
    return None if value is None else parse(value)


def checksums_of(value: str | None) -> tuple[Checksum, ...]:
    """The checksums of an ``OC-Checksum`` header, one or several with blanks between. Unknown algorithms are ignored.

    Raises `InvalidRequest` for a known one whose value cannot be a checksum.
    """
    found: dict[str, Checksum] = {}
    for part in (value or "").split():
        algorithm, colon, text = part.partition(":")
        algorithm = algorithm.upper().replace("SHA-", "SHA")
        length = _LENGTHS.get(algorithm)
        if not colon or length is None:
            continue
        text = text.lower()
        if algorithm == "ADLER32":
            text = text.rjust(8, "0")
        if len(text) != length or not _HEX.match(text):
            raise InvalidRequest(f"the {algorithm} checksum is malformed")
        found[algorithm] = Checksum(algorithm, text)
    return tuple(found.values())


def refuse_part(request: Request) -> None:
    """Raise `InvalidRequest` for a PUT of a part of something: taken for the whole, it would destroy the rest."""
    if request.header("content-range") is not None:
        raise InvalidRequest("a PUT with Content-Range would change only a part of the file; send it whole (RFC 9110 14.5)")


def overwrite_of(request: Request) -> bool:
    """Whether what stands at the destination may be replaced (RFC 4918 10.6). Raises `InvalidRequest`."""
    value = (request.header("overwrite") or "T").strip().upper()
    if value not in ("T", "F"):
        raise InvalidRequest("Overwrite must be T or F")
    return value == "T"


def total_length_of(request: Request) -> int | None:
    """``OC-Total-Length`` in bytes; what is no number is ignored. Raises `TooLarge` for a number beyond all files."""
    value = (request.header("oc-total-length") or "").strip()
    if not (value.isascii() and value.isdigit()):
        return None
    if len(value) > _DIGITS:
        raise TooLarge("no storage holds files of this size")
    return int(value)


def intent_of(request: Request, supported: tuple[str, ...]) -> Intent:
    """What a PUT promises of its body; only checksums with `supported` algorithms are kept. Raises `InvalidRequest`."""
    total, length = total_length_of(request), request.body.length
    if total is not None and length is not None and total != length:
        raise LengthMismatch(f"{total} bytes were announced, but the body has {length}")
    return promises_of(request, supported, length if total is None else total)


def promises_of(request: Request, supported: tuple[str, ...], size: int | None) -> Intent:
    """What a request promises of content of `size` bytes that need not be its body. Raises `InvalidRequest`."""
    checksums = tuple(c for c in checksums_of(request.header("oc-checksum")) if c.algorithm in supported)
    return Intent(size=size, checksums=checksums, mtime_ns=mtime_of(request))


def identity_of(node: Node) -> Headers:
    """``ETag``, ``OC-ETag`` and ``OC-FileId``."""
    etag = f'"{node.etag}"'.encode()
    return [(b"ETag", etag), (b"OC-ETag", etag), (b"OC-FileId", node.id.encode())]


def written(done: Written, permissions: Permissions, *, mtime_accepted: bool) -> Response:
    """The answer to a finished upload: 201 for a new file, 204 for a replaced one."""
    headers = identity_of(done.node)
    headers.append((b"OC-Perm", letters(permissions, done.node.is_folder).encode()))
    if mtime_accepted:
        headers.append((b"X-OC-MTime", b"accepted"))
    return Response(204 if done.replaced else 201, headers)


def file_headers(node: Node) -> Headers:
    """Everything that GET and HEAD say of a file, whichever part of it is sent."""
    headers = [
        *identity_of(node),
        (b"Last-Modified", http_date(node.mtime_ns // 1_000_000_000).encode()),
        (b"Accept-Ranges", b"bytes"),
        (b"Cache-Control", b"private, no-cache"),
        # Somebody's HTML must not run in this origin.
        (b"Content-Disposition", b"attachment; filename*=UTF-8''" + quote(node.name, safe="!#$&+-.^_`|~").encode()),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Content-Security-Policy", b"default-src 'none'; sandbox"),
    ]
    if told := _told(node):
        headers.append((b"OC-Checksum", told.encode()))
    return headers


def _told(node: Node) -> str:
    """Checksums as ownCloud's and Nextcloud's clients verify them; a download with one that they do not know fails there.

    They write ``Adler32`` so and without leading zeros, and know none of an empty file (owncloudcmd 2.11, nextcloudcmd 3.7).
    """
    told = []
    for one in node.checksums.split():
        algorithm, _, value = one.partition(":")
        if algorithm == "ADLER32":
            told += [f"Adler32:{value.lstrip('0') or '0'}"] if node.size else []
        elif algorithm != "CRC32C":
            told.append(one)
    return " ".join(told)


def type_of(node: Node) -> bytes:
    """The Content-Type of a file."""
    return content_type(node.name).encode()
