"""Settings of listeners, logs and databases."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import attrs

from .rule import setting


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
    tcp_keepalive: int = setting(60, "seconds of silence after which the kernel asks whether a client is still there; 0: never")
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

    url: str = setting("", "postgresql://USER:PASSWORD@HOST/DATABASE; empty: SQLite in DATA/state.db", secret=True)
    threads: int = setting(2, "threads for the database", low=1)
    queue: int = setting(1000, "calls that may wait for them")


@attrs.frozen
class Index:
    """[index]: ids, etags, sizes, the journal; a cache that can be deleted"""

    url: str = setting("", "postgresql://USER:PASSWORD@HOST/DATABASE; empty: SQLite in DATA/index.db", secret=True)
    threads: int = setting(2, "threads for the database", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    nodes: int = setting(50000, "nodes of each open space kept in memory")
    journal_days: float = setting(30.0, "days a change stays in the journal")
    learn_seconds: float = setting(1.0, "seconds between looks for folders that nobody has listed yet, to learn them", low=0.01)
    learn_folders: int = setting(50, "folders learned at once; 0: none are learned before they are listed")
    learn_entries: int = setting(2000, "files and folders learned at once; fewer if others would wait too long meanwhile", low=10)
    gone_seconds: float = setting(3600.0, "seconds in which what vanished keeps its id if it turns up at another place")
    tidy_seconds: float = setting(600.0, "seconds between rounds of clearing up: leftovers, expired locks and uploads", low=1)
