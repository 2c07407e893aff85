"""The header fields of TUS requests, other than metadata. Pure; what cannot be understood raises `InvalidRequest`."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import attrs

from ...errors import InvalidRequest, TooLarge
from ...model.content import Checksum
from ..webdav.errors import Refused
from ..webdav.transfer_headers import checksums_of
from .offer import BASE, VERSION

CONTENT_TYPE = "application/offset+octet-stream"

Header = Callable[[str], str | None]
"""The first value of a header, by its name in lower case."""

_DIGITS = re.compile(r"[0-9]+\Z")
_UPLOAD = re.compile(rf"{BASE}/([A-Za-z0-9_-]+)\Z")


class UnknownVersion(Refused):
    """The client speaks another version of the protocol, or does not say which (Core Protocol, Tus-Resumable)."""

    def __init__(self) -> None:
        super().__init__(412, f"Tus-Resumable must be {VERSION}")


def check_version(header: Header, verb: str) -> None:
    """Raise `UnknownVersion` unless the client speaks ours. The HEAD with which ownCloud's desktop resumes does not say."""
    if verb == "OPTIONS":
        return
    said = header("tus-resumable")
    if said != VERSION and (said is not None or verb not in ("HEAD", "GET")):
        raise UnknownVersion


def check_content_type(header: Header) -> None:
    """Raise `Refused` (415) unless the body is what TUS says it must be."""
    if (header("content-type") or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Refused(415, f"the Content-Type must be {CONTENT_TYPE}")


def number(header: Header, name: str) -> int | None:
    """A field that is a number of bytes; None if it is not there. Raises `TooLarge` for what no file system could hold."""
    text = header(name.lower())
    if text is None:
        return None
    if not _DIGITS.match(text):
        raise InvalidRequest(f"{name} must be a number of bytes")
    if len(text.lstrip("0")) > 19:
        raise TooLarge("no storage holds files of this size")
    return int(text)


def size(header: Header) -> int | None:
    """The size that a creation announces; None if it is to be announced later. One of the two must be said (Creation, POST)."""
    deferred = header("upload-defer-length")
    if deferred is not None and deferred != "1":
        raise InvalidRequest("Upload-Defer-Length can only be 1")
    found = number(header, "Upload-Length")
    if (found is None) == (deferred is None):
        raise InvalidRequest("either Upload-Length or Upload-Defer-Length must be given")
    return found


def checksum(text: str, known: tuple[str, ...]) -> Checksum:
    """An Upload-Checksum: the name of an algorithm, one of `known`, and the Base64 of the checksum (Checksum, Headers)."""
    algorithm, _, encoded = text.strip().partition(" ")
    if algorithm.upper() not in known:
        names = ", ".join(known).lower()
        raise InvalidRequest(f"the algorithm of Upload-Checksum is not one of {names}")
    try:
        value = binascii.a2b_base64(encoded, strict_mode=True).hex()
    except ValueError:
        raise InvalidRequest("the checksum of Upload-Checksum is not Base64") from None
    (found,) = checksums_of(f"{algorithm}:{value}")
    return found


def checksum_follows(header: Header) -> bool:
    """Whether an Upload-Checksum is announced as a trailer."""
    return "upload-checksum" in [name.strip().lower() for name in (header("trailer") or "").split(",")]


@attrs.frozen
class Concat:
    """What part an upload plays in a concatenation; by default none."""

    partial: bool = False
    """Its content is only to be a piece of another upload's."""
    urls: tuple[str, ...] = ()
    """It is the final one, put together from these."""

    def keys(self, base: str) -> list[str]:
        """The ids of the partial uploads; `base` is the URL of the request. Hosts do not count: proxies rename them."""
        found = []
        for url in self.urls:
            try:
                match = _UPLOAD.match(urlsplit(urljoin(base, url)).path)
            except ValueError:
                match = None
            if match is None:
                raise InvalidRequest("Upload-Concat names a URL that is not one of an upload")
            found.append(match[1])
        return found


def concat(text: str | None) -> Concat:
    """An Upload-Concat (Concatenation, Headers)."""
    if text is None:
        return Concat()
    if text == "partial":
        return Concat(partial=True)
    kind, semicolon, rest = text.partition(";")
    urls = tuple(rest.split())
    if kind != "final" or not semicolon or not urls:
        raise InvalidRequest("Upload-Concat must be 'partial', or 'final;' with the URLs of partial uploads")
    return Concat(urls=urls)
