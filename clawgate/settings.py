"""Every setting: its name, meaning, unit and default. How files and the environment become these values is in `configuration`."""

from __future__ import annotations

from typing import Any

import attrs


def setting(default: Any, help: str) -> Any:
    """An attribute with the one line that ``conf/clawgate.toml`` says about it. Mutable defaults are copied."""
    factory = attrs.Factory(lambda: type(default)(default)) if isinstance(default, (list, dict)) else default
    return attrs.field(default=factory, metadata={"help": help})


@attrs.frozen
class Http:
    """[http]"""

    listen: list[str] = setting(["tcp:9280:interface=127.0.0.1"], "Twisted server endpoint strings")
    public_url: str = setting("", "the address clients use, e.g. https://cloud.example.org; empty: from each request")
    trusted_proxies: list[str] = setting([], "networks whose Forwarded and X-Forwarded-* headers are believed")
    header_bytes: int = setting(65536, "request line and headers together, bytes; above: 431")
    header_count: int = setting(200, "header lines of one request")
    small_body_bytes: int = setting(1048576, "largest body that is read whole: XML, forms; above: 413")
    window_bytes: int = setting(1048576, "bytes of one body held between socket and storage")
    windows_total_bytes: int = setting(33554432, "bytes of all bodies held together; shared out between running transfers")
    max_body_bytes: int = setting(0, "largest upload, bytes; 0: no limit but the storage's")
    connections: int = setting(10000, "open connections; further ones wait in the listen queue")
    idle_timeout: float = setting(60.0, "seconds a connection may be silent")
    min_rate: int = setting(1000, "bytes a second an upload or download must average after its first minute; 0: no limit")
    discard_bytes: int = setting(
        1048576, "bytes of an unwanted body that are read and thrown away before the connection is closed"
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

    format: str = setting("text", "text or json")
    level: str = setting("info", "error, warn, info or debug")
    access: bool = setting(True, "one line a request")


@attrs.frozen
class State:
    """[state]: what cannot be found again in the storage"""

    url: str = setting("", "SQLAlchemy URL; empty: SQLite in DATA/state.db")
    threads: int = setting(2, "threads for the database")
    queue: int = setting(1000, "calls that may wait for them")


@attrs.frozen
class Index:
    """[index]: ids, etags, sizes, the journal; a cache that can be deleted"""

    url: str = setting("", "SQLAlchemy URL; empty: SQLite in DATA/index.db")
    threads: int = setting(2, "threads for the database")
    queue: int = setting(1000, "calls that may wait for them")
    nodes: int = setting(50000, "nodes kept in memory")
    journal_days: float = setting(30.0, "days a change stays in the journal")


@attrs.frozen
class Files:
    """[files]: threads that work on POSIX storage"""

    threads: int = setting(8, "threads for file work")
    queue: int = setting(1000, "calls that may wait for them")
    block_bytes: int = setting(1048576, "bytes read or written in one step")


@attrs.frozen
class Dav:
    """[dav]"""

    depth_infinity: bool = setting(False, "answer PROPFIND with Depth: infinity")
    xml_bytes: int = setting(262144, "largest XML request body; above: 413")
    xml_depth: int = setting(32, "deepest nesting of XML elements")
    property_bytes: int = setting(65536, "largest value of one dead property")
    listing_cache_bytes: int = setting(33554432, "rendered listings kept in memory")
    lock_timeout: int = setting(86400, "longest life of a lock without refresh, seconds")
    locks_per_user: int = setting(1000, "locks one person may hold")
    upload_days: float = setting(2.0, "days an unfinished chunked upload is kept")


@attrs.frozen
class Users:
    """[users]: the file of users"""

    file: str = setting("", "path; empty: DATA/users.toml")
    cache_seconds: float = setting(300.0, "seconds a successful login is remembered")
    threads: int = setting(2, "threads for password hashing")
    queue: int = setting(100, "logins that may wait for them")
    realm: str = setting("clawgate", "realm shown in login prompts")


@attrs.frozen
class Mount:
    """[mounts.NAME]: one storage and who sees it"""

    driver: str = setting("posix", "posix or memory")
    root: str = setting("files/{user.id}", "directory; relative to DATA; {user.id}, {user.id[0]} are replaced")
    kind: str = setting("personal", "personal: one space a user; project: one space for its members")
    members: list[str] = setting([], "project: users, and groups as @group; empty: everybody")
    title: str = setting("", "name shown for the space; empty: the user's or the mount's")
    read_only: bool = setting(False, "refuse every change")
    create: bool = setting(True, "personal: make the directory at the first login")
    symlinks: str = setting("hide", "hide, follow (within the space only) or refuse")
    durability: str = setting(
        "data", "none, data (fdatasync) or full (fsync of file and directory) before an upload is acknowledged"
    )
    staleness_max: float = setting(60.0, "seconds an answer about one node may rest on what the index last saw")
    watch: bool = setting(True, "let the kernel vouch for listed folders (inotify, local file systems)")
    watches: int = setting(1000, "folders the kernel watches at once")
    quota: int = setting(0, "bytes of one space; 0: no limit but the file system's")
    checksums: list[str] = setting([], "computed for every upload besides what the client asks for, e.g. SHA1")


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
