"""What is known of an object, from its metadata or without."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

import attrs

from ...model.node import ALIKE, Identity, Kind, Node
from .keys import place

_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
"""Headers that a copy with new metadata has to repeat."""
_MTIME = "mtime"
"""Metadata of rclone and s3fs: seconds since 1970, with a fraction."""
_NODE = "clawgate-node"
"""Metadata: the place for which it holds, the id, what tells this very version from others, and the etag that it had before it
was moved to this place."""
_SUMS = "clawgate-checksums"
_VERIFIED = ("SHA1", "SHA256", "CRC32C")
"""What S3 calls ``ChecksumSHA1`` and so on, and clients of WebDAV know."""
FOLDER_TYPE = "application/x-directory"


@attrs.frozen
class Facts:
    """One version of an object."""

    key: str
    etag: str
    """Without quotes."""
    size: int
    mtime_ns: int
    id: str
    own: str
    checksums: str = ""
    headers: Mapping[str, Any] = attrs.field(factory=dict)
    """What `_KEPT` names, and other people's metadata as ``Metadata``."""
    kept_etag: str = ""
    """The etag of a file that was moved; services give some copies another ETag."""
    version: str = ""
    """S3's version id, of a version that is not the present one."""

    @property
    def wire_etag(self) -> str:
        """See `Node.etag`."""
        return self.kept_etag or wire_etag(self.etag, self.size)

    @property
    def seen(self) -> str:
        """See `Node.seen`."""
        return seen(self.etag, self.size)

    def node(self, name: str) -> Node:
        """As a file of this name."""
        return Node(name, Kind.FILE, self.size, self.mtime_ns, self.seen, etag=self.wire_etag, checksums=self.checksums)

    def identity(self) -> Identity:
        """See `interfaces.Ids`."""
        if self.own.startswith(ALIKE):
            return Identity(self.id, self.own, self.checksums)
        # By the content, too: metadata that others copy along are not looked at when the copy is listed.
        return Identity(self.id, foreign_own(self.etag, self.size, self.key) if self.size else self.own, self.checksums, True)

    def written_as(self, key: str, id: str, own: str) -> dict[str, Any]:
        """Arguments of a call that writes the same content under `key`."""
        foreign = self.headers.get("Metadata", {})
        kept = {name: value for name, value in self.headers.items() if name != "Metadata"}
        etag = self.wire_etag if own == self.own else ""
        return {**kept, "Metadata": {**foreign, **metadata(key, id, own, self.mtime_ns, self.checksums, etag)}}

    def copied(self, key: str, etag: str, id: str, own: str) -> Facts:
        """The copy that such a call has made; its ETag is `etag`. What keeps its `own` was moved, and keeps its etag."""
        kept = self.wire_etag if own == self.own else ""
        return attrs.evolve(self, key=key, etag=etag, id=id, own=own, kept_etag=kept, version="")


def seen(etag: str, size: int) -> str:
    """The mark of a version. Without the time: S3 tells it to the second, and does not tell it to who wrote the version."""
    return f"{etag}.{size}"


def wire_etag(etag: str, size: int) -> str:
    """The etag that clients see: of what every listing tells, so that it needs neither the index nor a look at the object."""
    return blake2b(f"{etag}.{size}".encode(), digest_size=10).hexdigest()


def foreign_own(etag: str, size: int, key: str) -> str:
    """`Identity.own` of what clawgate did not write. Equal content has the same one wherever it is, so that what others rename is
    recognised; of empty objects there are too many that are equal."""
    return f"{ALIKE}{etag}.{size:x}" if size else f"{ALIKE}{place(key)}"


def metadata(key: str, id: str, own: str, mtime_ns: int, checksums: str = "", etag: str = "") -> dict[str, str]:
    """What clawgate writes with an object. The time is rclone's."""
    known = {
        _NODE: " ".join((place(key), quote(id, safe=""), quote(own, safe=""), *([etag] if etag else ()))),
        _MTIME: f"{mtime_ns // 10**9}.{mtime_ns % 10**9:09d}",
    }
    return {**known, _SUMS: checksums} if checksums else known


def foreign_id(key: str) -> str:
    """The id of what clawgate did not write: another one for each key."""
    return f"k{place(key)}"


def from_head(key: str, answer: Mapping[str, Any]) -> Facts:
    """Of a HeadObject or GetObject."""
    etag, size = answer["ETag"].strip('"'), int(answer["ContentLength"])
    stored = dict(answer.get("Metadata", {}))
    id, own, kept, checksums = foreign_id(key), foreign_own(etag, size, key), "", ""
    at, found_id, found_own, found_etag = _node(stored.pop(_NODE, ""))
    sums = stored.pop(_SUMS, "")
    # Metadata go along with copies that others make; then the id is that of somebody else.
    if at == place(key):
        id, own, kept, checksums = found_id, found_own, found_etag, sums
    checksums = checksums or service_checksums(answer)
    mtime = time_in(stored.pop(_MTIME, ""))
    mtime_ns = nanoseconds(answer["LastModified"]) if mtime is None else mtime
    headers = {name: answer[name] for name in _KEPT if answer.get(name)}
    return Facts(key, etag, size, mtime_ns, id, own, checksums, {**headers, "Metadata": stored}, kept)


def service_checksums(answer: Mapping[str, Any]) -> str:
    """The checksums of all of the content that the service was given by who wrote it; those of parts (``COMPOSITE``, with a
    number at the end) tell nothing."""
    found = []
    for algorithm in _VERIFIED if answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" else ():
        try:
            value = b64decode(answer.get(f"Checksum{algorithm}") or "", validate=True)
        except ValueError:
            continue
        if value:
            found.append(f"{algorithm}:{value.hex()}")
    return " ".join(found)


def marker_type(key: str, id: str) -> str:
    """The content type of a folder's marker. It bears the id, because there are services that keep no metadata of markers."""
    return f"{FOLDER_TYPE}; clawgate={place(key)}.{quote(id, safe='')}"


def marker_id(key: str, answer: Mapping[str, Any]) -> str:
    """The id of the folder with this marker."""
    at, _, id = str(answer.get("ContentType", "")).partition("clawgate=")[2].partition(".")
    return unquote(id) if at == place(key) and id else foreign_id(key)


def _node(text: str) -> tuple[str, str, str, str]:
    place, id, own, etag, *_ = (*text.split(" "), "", "", "", "")
    return (place, unquote(id), unquote(own), etag) if own else ("", "", "", "")


def time_in(text: str) -> int | None:
    """Nanoseconds of a time in metadata; None if it is none."""
    whole, _, fraction = text.partition(".")
    if (
        not whole.isascii()
        or not whole.isdigit()
        or len(whole) > 12
        or (fraction and not (fraction.isascii() and fraction.isdigit()))
    ):
        return None
    return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))


def nanoseconds(time: datetime) -> int:
    """Of a time that a service tells, to the second: some calls tell more than others."""
    return int(time.timestamp()) * 10**9
