"""What is said of an upload, and of what went wrong with it."""

from __future__ import annotations

from ...errors import ClawgateError, OffsetMismatch
from ...gateway.tree import Tree
from ...model.content import Written
from ...model.space import Place
from ...model.upload import Upload
from ...web.dates import render as http_date
from ...web.request import Request
from ...web.response import Response
from ..webdav.address import Address
from ..webdav.errors import render
from ..webdav.transfer_headers import Headers, written
from .fields import UnknownVersion
from .note import Note
from .offer import BASE, RESUMABLE, SUPPORTED


def location(request: Request, upload: Upload) -> tuple[bytes, bytes]:
    """Where the upload is, as an absolute URL: ownCloud's desktop 2.11 does not resolve relative ones."""
    return b"Location", f"{request.base_url}{BASE}/{upload.key}".encode("latin-1")


def standing(upload: Upload) -> Headers:
    """How far it is, and until when it can be continued (Expiration, Headers)."""
    found = [RESUMABLE, (b"Upload-Offset", b"%d" % upload.offset)]
    if not upload.finished:
        found.append((b"Upload-Expires", http_date(int(upload.expires))))
    return found


async def outcome(tree: Tree, done: Written | None, place: Place, *, mtime_accepted: bool) -> Headers:
    """What clients want to know of the file that an upload has become (clients.md 3.1); nothing if it has not yet."""
    if done is None:
        return []
    return written(done, await tree.shown(place), mtime_accepted=mtime_accepted).headers


def description(upload: Upload) -> Headers:
    """Everything that is known of it (Core Protocol, HEAD; Creation, POST; Concatenation)."""
    note = Note.of(upload)
    found = [*standing(upload), (b"Cache-Control", b"no-store")]
    if upload.size is None:
        found.append((b"Upload-Defer-Length", b"1"))
    else:
        found.append((b"Upload-Length", b"%d" % upload.size))
    if note.metadata:
        found.append((b"Upload-Metadata", note.metadata.encode("latin-1")))
    if note.concat:
        found.append((b"Upload-Concat", note.concat.encode("latin-1")))
    return found


def failed(error: ClawgateError, address: Address | None = None) -> Response:
    """The answer to a failed request: the body as WebDAV has it, because clients show its message."""
    response = render(error, address)
    response.headers.append(RESUMABLE)
    if isinstance(error, UnknownVersion):
        response.headers.append(SUPPORTED)
    if isinstance(error, OffsetMismatch):
        response.headers.append((b"Upload-Offset", b"%d" % error.offset))
    return response
