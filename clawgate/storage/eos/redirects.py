"""Where EOS sends content: reading the ``Location`` of a redirect. Pure.

It holds a capability, which is as good as a key for an hour: no text made here ever contains it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from ...errors import StorageBroken

_ILLEGAL = re.compile(rb"[^!-~]|[\"#<>\\^`{|}\[\]]")
_MARK = "?encURI="
_AUTHORITY = re.compile(r"[A-Za-z0-9._\[\]:-]+")
_PORTS = {"http": 80, "https": 443}


class NotThisManager(Exception):
    """The redirect leads to no disk server: this manager cannot do it."""


def target(location: str, path: bytes, hosts: Sequence[str], *, secure: bool) -> bytes:
    """The address to send the content of `path` (encoded) to or fetch it from.

    `hosts` are patterns, ``HOST`` or ``HOST:PORT``; `secure`: only ``https`` will do. The path in a redirect is not encoded
    before 5.4.0, and disk servers do not look at it: it is replaced by `path`. The query is kept byte for byte; only bytes that
    no request line may have are encoded. Raises `NotThisManager`, and `StorageBroken` for a host that is not allowed.
    """
    scheme, _, rest = location.partition("://")
    # A name may have a question mark in it; within the capability "=" is encoded.
    before, mark, opaque = rest.rpartition(_MARK)
    authority = before.partition("/")[0]
    if scheme not in _PORTS or not mark or "cap.msg" not in opaque or rest.startswith("root:"):
        raise NotThisManager
    host, port = _host(scheme, authority)
    if not any(_fits(pattern, host, port) for pattern in hosts):
        raise StorageBroken(f"the storage sends content to {host}:{port}, which is not allowed (redirect_hosts)")
    if secure and scheme != "https":
        raise StorageBroken("the storage wants content in the clear, which is not allowed (clear_redirects)")
    said = _ILLEGAL.sub(_encoded, opaque.encode("utf-8", "surrogateescape"))
    return b"".join((f"{scheme}://{authority}".encode(), path, _MARK.encode(), said))


def hosts_of(urls: Sequence[str]) -> tuple[str, ...]:
    """The patterns that allow the hosts of `urls`, at any port."""
    return tuple((urlsplit(url).hostname or "").lower() for url in urls)


def _host(scheme: str, authority: str) -> tuple[str, int]:
    if not _AUTHORITY.fullmatch(authority):
        raise NotThisManager
    try:
        parts = urlsplit(f"{scheme}://{authority}/")
        if not parts.hostname or "@" in authority:
            raise NotThisManager
        return parts.hostname.lower(), parts.port or _PORTS[scheme]
    except ValueError:
        raise NotThisManager from None


def _fits(pattern: str, host: str, port: int) -> bool:
    name, colon, number = pattern.lower().rpartition(":")
    if colon and number.isdigit() and not name.endswith(":"):
        return int(number) == port and fnmatchcase(host, name.strip("[]"))
    return fnmatchcase(host, pattern.lower().strip("[]"))


def _encoded(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]
