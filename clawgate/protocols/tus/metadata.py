"""Upload-Metadata: where the file goes, and what is said of it (Creation, Headers; clients.md 3.5)."""

from __future__ import annotations

import binascii
from collections.abc import Mapping

import attrs

from ...errors import InvalidRequest
from ...model.content import Checksum
from ...model.path import Path, make
from ..webdav.dates import parse as parse_date
from ..webdav.transfer_headers import checksums_of

LONGEST = 16384
"""Characters of the whole field: room for the longest path and what web clients say beside it."""
MOST = 64
"""Pairs."""


@attrs.frozen
class Metadata:
    """What matters of them here; other keys are the client's own affair."""

    path: Path
    """Relative to the collection; empty: not said."""
    mtime_ns: int | None
    checksums: tuple[Checksum, ...]
    """Of the whole content."""


def metadata(text: str) -> Metadata:
    """The meaning of an Upload-Metadata field. Raises `InvalidRequest`; times that are none are ignored."""
    values = pairs(text)
    mtime = _text(values, "mtime")
    # ownCloud's clients separate the name from the value by a blank; the desktop 2.11 sends nothing for "not computed".
    algorithm, _, value = _text(values, "checksum").strip().partition(" ")
    return Metadata(
        path=_path(_text(values, "filename") or _text(values, "name")),
        mtime_ns=parse_date(mtime) if mtime else None,
        checksums=checksums_of(f"{algorithm}:{value}" if value else algorithm),
    )


def pairs(text: str) -> dict[str, bytes]:
    """The field taken apart: keys, and values decoded."""
    found: dict[str, bytes] = {}
    if len(text) > LONGEST:
        raise InvalidRequest(f"Upload-Metadata may have at most {LONGEST} characters")
    elements = text.split(",") if text.strip(" \t") else []
    if len(elements) > MOST:
        raise InvalidRequest(f"Upload-Metadata may have at most {MOST} pairs")
    for element in elements:
        key, _, value = element.strip(" \t").partition(" ")
        if not key:
            raise InvalidRequest("Upload-Metadata has a pair without a key")
        if key in found:
            raise InvalidRequest(f"Upload-Metadata has the key {key} twice")
        try:
            found[key] = binascii.a2b_base64(value, strict_mode=True)
        except ValueError:
            raise InvalidRequest(f"the value of {key} in Upload-Metadata is not Base64") from None
    return found


def _text(values: Mapping[str, bytes], key: str) -> str:
    try:
        return values.get(key, b"").decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"the value of {key} in Upload-Metadata is not UTF-8") from None


def _path(text: str) -> Path:
    """A path as clients write it: ``name``, ``folder/name`` or ``/folder/name``."""
    return make(*text.removeprefix("/").split("/")) if text else Path("")
