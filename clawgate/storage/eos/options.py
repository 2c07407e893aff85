"""How one instance of EOS is reached and used."""

from __future__ import annotations

import attrs


@attrs.frozen
class EosOptions:
    """Options of `Instance` and of the storages on it. Times are in seconds."""

    urls: tuple[str, ...]
    """Of the managers, in the order in which they are tried: ``https://HOST:PORT``."""
    door: str = "xrdhttp"
    """Which server listens there: ``xrdhttp``, or ``mhd`` (libmicrohttpd)."""
    key: str = attrs.field(default="", repr=False)
    """Of the gateway, for xrdhttp."""
    proc_urls: tuple[str, ...] = ()
    """Where ``/proc`` is asked, if not at `urls`: libmicrohttpd ports of the same managers."""
    version: str = "auto"
    """``auto``, or the release whose ways are to be expected."""
    encoding: str = "auto"
    """How paths are written in queries: ``auto``, ``once`` or ``encodepath``."""
    redirect_hosts: tuple[str, ...] = ()
    """Patterns of disk servers, ``HOST`` or ``HOST:PORT``; none: the hosts of `urls`."""
    clear_redirects: bool = False
    """Whether content may go over ``http`` though the manager is asked by ``https``."""
    recycle_bin: str = ""
    """Where what is removed goes, where the instance sees to that; empty: where ``sys.recycle`` of a space's root says."""
    deployment: str = ""
    """The same for all gateways that share their sessions: what others upload in pieces is none of our business for long."""
    stable_ids: bool = False
    """Whether a file is known by the id of its version folder."""
    ca_file: str = ""
    connect_timeout: float = 10.0
    timeout: float = 30.0
    """For an answer of a manager."""
    idle: float = 60.0
    """How long nothing may move in a transfer."""
    connections: int = 16
    """Kept open for each host."""
    requests: int = 64
    """To managers at the same time."""
    queue: int = 1000
    """Requests that may wait for that."""
    attempts: int = 3
    """How often what can be repeated is tried."""
    down_seconds: float = 10.0
    """How long a manager that failed is asked last."""
    answer_bytes: int = 128 << 20
    """Longest answer about metadata: a folder is listed in one, about 1.5 KB an entry."""
    access_seconds: float = 60.0
    """How long it is believed that somebody may read a folder."""
    account_seconds: float = 300.0
    """How long it is believed who somebody is on EOS."""
    receive_bytes: int = 512 << 10
    """Bytes of a download that may wait in the kernel to be read, from a disk server so near that this is no brake; 0: as many
    as the system thinks right."""
    part_bytes: int = 8 << 20
    """Bytes of an upload in pieces that are held in memory and written at once."""
