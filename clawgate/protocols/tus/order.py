"""What the header of a creation asks for."""

from __future__ import annotations

import attrs

from ...errors import InvalidRequest, TooLarge
from ...web.request import Request
from .conditions import stated
from .fields import Concat, concat, size
from .metadata import Metadata, metadata
from .note import Note


@attrs.frozen
class Order:
    """What a client asks for."""

    concat: Concat
    size: int | None
    """Bytes; None: to be announced later, or the sum of its pieces."""
    metadata: Metadata
    note: Note

    @classmethod
    def of(cls, request: Request, largest: int) -> Order:
        """Raises `InvalidRequest`, `TooLarge`."""
        role = concat(request.header("upload-concat"))
        if not role.urls:
            total = size(request.header)
        elif request.header("upload-length") is not None or request.body.length != 0:
            raise InvalidRequest("a concatenation has the content and the length of its pieces")
        else:
            total = None
        if largest and (total or 0) > largest:
            raise TooLarge(f"files may have at most {largest} bytes here")
        text = ",".join(request.headers_all("upload-metadata"))
        said = metadata(text)
        if not said.path and not role.partial:
            raise InvalidRequest("Upload-Metadata must say the filename")
        dated = said.mtime_ns is not None
        note = Note(text, request.header("upload-concat") or "", {} if role.partial else stated(request), dated)
        return cls(role, total, said, note)
