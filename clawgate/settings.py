"""Every setting: its name, meaning, unit, default and bounds. How files and environment become values is in `configuration`."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs


@attrs.frozen
class Rules:
    """What a setting's value must be besides having the right type; for lists every item is meant."""

    help: str
    choices: Sequence[str] = ()
    low: float | None = None
    """The least value."""
    high: float | None = None
    """The greatest value."""
    size: bool = False
    """Bytes: ``10 GiB`` may be written for the number."""
    secret: bool = False
    """The value may be ``file:/path``, and is never printed."""
    check: Callable[[str], None] | None = None
    """Raises `ValueError` with what is expected."""


def setting(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    size: bool = False,
    secret: bool = False,
    check: Callable[[str], None] | None = None,
) -> Any:
    """An attribute with the one line that ``conf/clawgate.toml`` says about it, and its `Rules`. Mutable defaults are copied.

    A number without `low` must not be negative.
    """
    factory = attrs.Factory(lambda: type(default)(default)) if isinstance(default, (list, dict)) else default
    if low is None and isinstance(default, (int, float)) and not isinstance(default, bool):
        low = 0
    return attrs.field(default=factory, metadata={"rules": Rules(help, choices, low, high, size, secret, check)})


def _network(value: str) -> None:
    try:
        if value != "unix":
            ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("expected an address, a network such as '10.0.0.0/8', or 'unix' for local sockets") from None


def _origin(value: str) -> None:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment):
        raise ValueError("expected 'https://HOST' or 'https://HOST:PORT', without a path")


CHECKSUMS = ("SHA1", "MD5", "ADLER32", "SHA256", "CRC32C")
"""The algorithms that uploads can be verified with."""


@attrs.frozen
class Http:
    """[http]"""

    listen: list[str] = setting(["tcp:9280:interface=127.0.0.1:backlog=1024"], "Twisted server endpoint strings")
    public_url: str = setting(
        "", "the address clients use, e.g. https://cloud.example.org; empty: from each request", check=_origin
    )
    trusted_proxies: list[str] = setting(
        [], "networks, or unix for local sockets, whose Forwarded and X-Forwarded-* headers are believed", check=_network
    )
    header_bytes: int = setting(65536, "request line and headers together, bytes; above: 431", low=1024, size=True)
    header_count: int = setting(200, "header lines of one request", low=1)
    small_body_bytes: int = setting(1048576, "largest body that is read whole: XML, forms; above: 413", low=1024, size=True)
    window_bytes: int = setting(1048576, "bytes of one body held between socket and storage", low=4096, size=True)
    windows_total_bytes: int = setting(
        16777216, "bytes of all bodies held together; shared out between running transfers", low=65536, size=True
    )
    max_body_bytes: int = setting(0, "largest upload, bytes; 0: no limit but the storage's", size=True)
    connections: int = setting(10000, "open connections; further ones wait in the listen queue", low=1)
    ranges: int = setting(16, "byte ranges that one GET may ask for; more: the whole file is sent")
    idle_timeout: float = setting(60.0, "seconds a connection may be silent", low=1)
    min_rate: int = setting(
        1000, "bytes a second an upload or download must average after its first minute; 0: no limit", size=True
    )
    discard_bytes: int = setting(
        1048576, "bytes of an unwanted body that are read and thrown away before the connection is closed", size=True
    )
    stop_timeout: float = setting(30.0, "seconds running requests may take to end when the gateway stops")
    sendfile: bool = setting(True, "send files from the kernel where the connection allows")


@attrs.frozen
class Admin:
    """[admin]: metrics and health, on a listener of their own"""

    listen: list[str] = setting(["tcp:9281:interface=127.0.0.1"], "endpoints for /metrics, /health and /ready; empty: none")


@attrs.frozen
class Log:
    """[log]"""

    format: str = setting("text", "text or json", choices=("text", "json"))
    level: str = setting("info", "error, warn, info or debug", choices=("error", "warn", "info", "debug"))
    access: bool = setting(True, "one line a request")


@attrs.frozen
class State:
    """[state]: what cannot be found again in the storage"""

    url: str = setting("", "SQLAlchemy URL; empty: SQLite in DATA/state.db", secret=True)
    threads: int = setting(2, "threads for the database", low=1)
    queue: int = setting(1000, "calls that may wait for them")


@attrs.frozen
class Index:
    """[index]: ids, etags, sizes, the journal; a cache that can be deleted"""

    url: str = setting("", "SQLAlchemy URL; empty: SQLite in DATA/index.db", secret=True)
    threads: int = setting(2, "threads for the database", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    nodes: int = setting(50000, "nodes of each open space kept in memory")
    journal_days: float = setting(30.0, "days a change stays in the journal")
    learn_seconds: float = setting(1.0, "seconds between steps of learning what nobody has listed yet", low=0.01)
    learn_folders: int = setting(20, "folders learned in one step; 0: none are learned before they are listed")
    tidy_seconds: float = setting(600.0, "seconds between rounds of clearing up: leftovers, expired locks and uploads", low=1)


@attrs.frozen
class Files:
    """[files]: threads that work on POSIX storage"""

    threads: int = setting(8, "threads for file work", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    block_bytes: int = setting(262144, "bytes read or written in one step", low=4096, size=True)


@attrs.frozen
class Dav:
    """[dav]"""

    depth_infinity: bool = setting(False, "answer PROPFIND with Depth: infinity")
    xml_bytes: int = setting(262144, "largest XML request body; above: 413", size=True)
    xml_depth: int = setting(32, "deepest nesting of XML elements", low=1)
    property_bytes: int = setting(65536, "largest value of one dead property", size=True)
    property_count: int = setting(200, "dead properties of one file or folder")
    property_cache_bytes: int = setting(8388608, "dead properties and favourites kept in memory", size=True)
    listing_cache_bytes: int = setting(33554432, "rendered listings kept in memory", size=True)
    lock_timeout: int = setting(86400, "longest life of a lock without refresh, seconds", low=1)
    locks_per_user: int = setting(1000, "locks one person may hold")
    upload_days: float = setting(2.0, "days an unfinished chunked upload is kept")


@attrs.frozen
class Users:
    """[users]: the file of users"""

    file: str = setting("", "path; empty: DATA/users.toml")
    cache_seconds: float = setting(300.0, "seconds a successful login is remembered")
    threads: int = setting(2, "threads for password hashing", low=1)
    queue: int = setting(100, "logins that may wait for them")
    realm: str = setting("clawgate", "realm shown in login prompts")


@attrs.frozen
class Mount:
    """[mounts.NAME]: one storage and who sees it"""

    driver: str = setting("posix", "posix or memory", choices=("posix", "memory"))
    root: str = setting("files/{user.id}", "directory; relative to DATA; {user.id}, {user.id[0]} are replaced")
    kind: str = setting(
        "personal", "personal: one space a user; project: one space for its members", choices=("personal", "project")
    )
    members: list[str] = setting([], "project: users, and groups as @group; empty: everybody")
    title: str = setting("", "name shown for the space; empty: the user's or the mount's")
    read_only: bool = setting(False, "refuse every change")
    create: bool = setting(True, "personal: make the directory at the first login")
    symlinks: str = setting("hide", "hide, follow (within the space only) or refuse", choices=("hide", "follow", "refuse"))
    durability: str = setting(
        "data",
        "none, data (fdatasync) or full (fsync of file and directory) before an upload is acknowledged",
        choices=("none", "data", "full"),
    )
    staleness_max: float = setting(60.0, "seconds an answer about one node may rest on what the index last saw")
    watch: bool = setting(True, "let the kernel vouch for listed folders (inotify, local file systems)")
    watches: int = setting(1000, "folders the kernel watches at once")
    quota: int = setting(0, "bytes of one space; 0: no limit but the file system's", size=True)
    checksums: list[str] = setting([], "computed for every upload besides what the client asks for, e.g. SHA1", choices=CHECKSUMS)


@attrs.frozen
class Settings:
    """The whole configuration."""

    data: str = setting("clawgate-data", "directory of the embedded default: files, state, index, users")
    http: Http = attrs.field(factory=Http)
    admin: Admin = attrs.field(factory=Admin)
    log: Log = attrs.field(factory=Log)
    state: State = attrs.field(factory=State)
    index: Index = attrs.field(factory=Index)
    files: Files = attrs.field(factory=Files)
    dav: Dav = attrs.field(factory=Dav)
    users: Users = attrs.field(factory=Users)
    mounts: dict[str, Mount] = attrs.field(factory=lambda: {"home": Mount()})
