"""What is known of an object, from its metadata or without."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

import attrs

from ...model.node import Identity, Kind, Node
from .keys import place

_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
"""Headers that a copy with new metadata has to repeat."""
_MTIME = "mtime"
"""Metadata of rclone and s3fs: seconds since 1970, with a fraction."""
_NODE = "clawgate-node"
"""Metadata: the place for which it holds, the id, and what tells this very version from others."""
_SUMS = "clawgate-checksums"
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

    @property
    def seen(self) -> str:
        """See `Node.seen`."""
        return seen(self.etag, self.size)

    def node(self, name: str) -> Node:
        """As a file of this name."""
        return Node(name, Kind.FILE, self.size, self.mtime_ns, self.seen, checksums=self.checksums)

    def identity(self) -> Identity:
        """See `interfaces.Ids`."""
        return Identity(self.id, self.own, self.checksums)

    def written_as(self, key: str, id: str, own: str) -> dict[str, Any]:
        """Arguments of a call that writes the same content under `key`."""
        foreign = self.headers.get("Metadata", {})
        kept = {name: value for name, value in self.headers.items() if name != "Metadata"}
        return {**kept, "Metadata": {**foreign, **metadata(key, id, own, self.mtime_ns, self.checksums)}}


def seen(etag: str, size: int) -> str:
    """The mark of a version. Without the time: S3 tells it to the second, and does not tell it to who wrote the version."""
    return f"{etag}.{size}"


def metadata(key: str, id: str, own: str, mtime_ns: int, checksums: str = "") -> dict[str, str]:
    """What clawgate writes with an object. The time is rclone's."""
    known = {
        _NODE: f"{place(key)} {quote(id, safe='')} {quote(own, safe='')}",
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
    id, own, checksums = foreign_id(key), f"e{etag}", ""
    at, found_id, found_own = _node(stored.pop(_NODE, ""))
    sums = stored.pop(_SUMS, "")
    # Metadata go along with copies that others make; then the id is that of somebody else.
    if at == place(key):
        id, own, checksums = found_id, found_own, sums
    mtime = time_in(stored.pop(_MTIME, ""))
    mtime_ns = nanoseconds(answer["LastModified"]) if mtime is None else mtime
    headers = {name: answer[name] for name in _KEPT if answer.get(name)}
    return Facts(key, etag, size, mtime_ns, id, own, checksums, {**headers, "Metadata": stored})


def marker_type(key: str, id: str) -> str:
    """The content type of a folder's marker. It bears the id, because there are services that keep no metadata of markers."""
    return f"{FOLDER_TYPE}; clawgate={place(key)}.{quote(id, safe='')}"


def marker_id(key: str, answer: Mapping[str, Any]) -> str:
    """The id of the folder with this marker."""
    at, _, id = str(answer.get("ContentType", "")).partition("clawgate=")[2].partition(".")
    return unquote(id) if at == place(key) and id else foreign_id(key)


def _node(text: str) -> tuple[str, str, str]:
    parts = text.split(" ")
    return (parts[0], unquote(parts[1]), unquote(parts[2])) if len(parts) == 3 else ("", "", "")


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


class Memory:
    """The facts of objects that were looked at or written, so that a listing shows them without asking for each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._facts: OrderedDict[str, Facts] = OrderedDict()

    def get(self, key: str, mark: str) -> Facts | None:
        """Of the version with this mark (`seen`)."""
        facts = self._facts.get(key)
        return facts if facts is not None and facts.seen == mark else None

    def put(self, facts: Facts) -> Facts:
        """Remember, and return the same."""
        self._facts[facts.key] = facts
        self._facts.move_to_end(facts.key)
        if len(self._facts) > self._most:
            self._facts.popitem(last=False)
        return facts

    def forget(self, key: str) -> None:
        """It is not there any more."""
        self._facts.pop(key, None)
