"""Request paths and Destination headers as addresses: parsed once, percent-decoded exactly once.

A path that cannot name anything (bad escapes, not UTF-8, empty segments, ``.``, ``..``, NUL, backslash, an encoded slash, names
over 255 bytes) is refused here; nothing below ever sees it.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit

import attrs

from ...errors import InvalidRequest, NotFound
from ...model.path import ROOT, Path, check_name, is_within, rebase

ITEM = "!"
"""Stands in the ids of files and folders behind the id of their space."""
LONGEST_KEPT = 1024
"""Bytes of the longest path that is remembered, so that the memory of the cache is bounded."""


class Realm(Enum):
    """Which kind of tree an address is in."""

    HOME = "home"
    """The actor's own files."""
    USER = "user"
    """The files of the user `Address.owner`."""
    SPACE = "space"
    """The space with the id `Address.owner`."""
    ABOVE = "above"
    """A collection above the trees, such as ``/`` and ``/remote.php/dav``; `Address.path` is the URL's."""


@attrs.frozen
class Address:
    """Where a request points to."""

    prefix: str
    """The front of every href in the answer, percent-encoded as the client wrote it, without trailing slash."""
    realm: Realm
    owner: str
    """User or space id, decoded; empty for `HOME` and `ABOVE`."""
    path: Path
    slash: bool
    """Whether it was written with a trailing slash."""
    base: Path = ROOT
    """What the prefix leads to: the root of the tree, or a file or folder of a space that is addressed by its id."""

    def href(self, path: Path, folder: bool) -> str:
        """The href of `path` in the same tree."""
        prefix = self.prefix
        if self.base:
            if is_within(path, self.base):
                path = rebase(path, self.base, ROOT)
            else:
                prefix = f"{prefix.rpartition('/')[0]}/{quote(self.owner)}"
        text = f"{prefix}/{quote(path)}" if path else prefix
        return text + "/" if folder or not text else text

    @property
    def item(self) -> str:
        """The id of the file or folder in a space by which it is addressed; empty: it is not."""
        return self.owner if self.realm is Realm.SPACE and ITEM in self.owner else ""

    def found(self, space: str, base: Path) -> Address:
        """The same with it known in which space the item is, and where."""
        whole = Path(f"{base}/{self.path}") if base and self.path else base or self.path
        return attrs.evolve(self, owner=space, path=whole, base=base)


_HOMES = (["webdav"], ["remote.php", "webdav"])
_TREES = (["dav"], ["remote.php", "dav"])
_REALMS = {"files": Realm.USER, "spaces": Realm.SPACE}
_ABOVE: tuple[list[str], ...] = ([], ["dav"], ["dav", "files"], ["dav", "spaces"])

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|[#?\x00-\x20\x7f]")
_UNSAFE = re.compile(r"[^A-Za-z0-9._~/!$'()*+,;=:@-]+")

_SAFE = bytes(byte for byte in range(128) if not _UNSAFE.match(chr(byte)))


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def quote(path: str) -> str:
    """`path` percent-encoded, slashes kept. Sub-delimiters stay as they are (RFC 3986 3.3), except ``&``, which XML would spell
    differently."""
    return _UNSAFE.sub(_encoded, path)


def quote_all(names: list[str]) -> list[str]:
    """`quote` for many names without slashes, several times as quick: unsafe bytes are found and replaced in all at once."""
    text = "/".join(names)
    if not text.isascii():
        return quote(text).split("/")
    unsafe = set(text.encode().translate(None, _SAFE))
    if b"%"[0] in unsafe:
        text = text.replace("%", "%25")
    for byte in unsafe - {b"%"[0]}:
        text = text.replace(chr(byte), f"%{byte:02X}")
    return text.split("/")


def parse(raw: bytes) -> Address:
    """The address of a request path as on the wire (without query). Raises `InvalidRequest`; `NotFound` outside all trees."""
    if len(raw) > LONGEST_KEPT:
        return _parse(raw)
    return _remembered(raw)


def _parse(raw: bytes) -> Address:
    if not raw.startswith(b"/"):
        raise InvalidRequest("the path must begin with '/'")
    written = raw[1:].split(b"/")
    slash = not written[-1]
    if slash:
        written.pop()
    names = [decode(segment) for segment in written]
    above = names[1:] if names[:1] == ["remote.php"] else names
    if above in _ABOVE:
        return Address("", Realm.ABOVE, "", Path("/".join(names)), slash)
    for front in _HOMES:
        if names[: len(front)] == front:
            return _address(written, names, len(front), Realm.HOME, slash)
    for front in _TREES:
        length = len(front)
        if names[:length] == front and len(names) > length + 1 and names[length] in _REALMS:
            return _address(written, names, length + 2, _REALMS[names[length]], slash)
    raise NotFound("no files are served under this path")


_remembered = lru_cache(maxsize=4096)(_parse)


def _address(written: list[bytes], names: list[str], front: int, realm: Realm, slash: bool) -> Address:
    # Bytes beyond ASCII are encoded: hrefs are URIs, and after decoding they are what the client wrote.
    prefix = "/" + quote_raw(b"/".join(written[:front]))
    owner = "" if realm is Realm.HOME else names[front - 1]
    return Address(prefix, realm, owner, Path("/".join(names[front:])) if names[front:] else ROOT, slash)


def quote_raw(raw: bytes) -> str:
    """A path as it was written, with what must not stand raw in a URI or XML text encoded."""
    return "".join(chr(b) if 0x20 < b < 0x7F and b not in b'<>"&' else f"%{b:02X}" for b in raw)


def decode(segment: bytes) -> str:
    """The name that a segment of a path stands for. Raises `InvalidRequest`."""
    if _BAD_ESCAPE.search(segment) is not None:
        raise InvalidRequest("the path is not correctly percent-encoded")
    try:
        name = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the path is not UTF-8") from None
    return check_name(name)


class ForeignAddress(InvalidRequest):
    """A URL that names another server."""


def parse_url(value: str, hosts: frozenset[str] | None) -> Address:
    """The address in a Destination or If header: an absolute path or a full URL.

    `hosts` are the authorities that mean this server; None: any (behind a proxy that rewrites them, only the path can be
    compared). Raises `ForeignAddress` for other hosts and paths outside all trees, `InvalidRequest`.
    """
    value = value.strip()
    if value.startswith("/"):
        raw = value
    else:
        try:
            parts = urlsplit(value)
            authority = _authority(parts.scheme, parts.netloc)
        except ValueError:
            raise InvalidRequest("the URL cannot be understood") from None
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidRequest("an absolute path or an http URL is needed")
        if hosts is not None and authority not in {_authority(parts.scheme, host) for host in hosts}:
            raise ForeignAddress("the URL names another server")
        if parts.query or parts.fragment:
            raise InvalidRequest("the URL must not have a query or fragment")
        raw = parts.path or "/"
    try:
        return parse(raw.encode("latin-1"))
    except UnicodeEncodeError:
        raise InvalidRequest("the URL is not correctly percent-encoded") from None
    except NotFound:
        raise ForeignAddress("the URL is outside of the files served here") from None


def _authority(scheme: str, netloc: str) -> str:
    host = netloc.rpartition("@")[2].lower()
    default = ":443" if scheme == "https" else ":80"
    return host.removesuffix(default)
