"""Settings of mounts with the driver eos."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from .rule import setting

_HOST = re.compile(r"[A-Za-z0-9*?._-]+(:\d{1,5})?|\[[0-9a-fA-F:*]+\](:\d{1,5})?")


def _manager(value: str) -> None:
    parts = urlsplit(value)
    plain = parts.path in ("", "/") and not parts.query and not parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValueError("expected 'https://HOST:PORT'")


def _grpc(value: str) -> None:
    parts = urlsplit(value)
    plain = parts.path in ("", "/") and not parts.query and not parts.username
    if parts.scheme not in ("grpc", "grpcs") or not parts.hostname or not parts.port or not plain:
        raise ValueError("expected 'grpcs://HOST:PORT'")


def _host(value: str) -> None:
    if not _HOST.fullmatch(value):
        raise ValueError("expected a host such as 'fst1.example.org', 'fst*.example.org' or 'fst1.example.org:8443'")


def _bin(value: str) -> None:
    if value and (not value.startswith("/") or not value.strip("/")):
        raise ValueError("expected a full path on EOS such as '/eos/INSTANCE/proc/recycle'")


@attrs.frozen
class Eos:
    """[mounts.NAME.eos]: how a mount with driver = \"eos\" reaches its instance (docs/storage-eos.md)"""

    urls: list[str] = setting([], "managers (MGM), in the order in which they are tried: https://HOST:PORT", check=_manager)
    door: str = setting(
        "xrdhttp",
        "what listens there: xrdhttp, or mhd (libmicrohttpd, only behind a firewall: whoever reaches it is anybody)",
        choices=("xrdhttp", "mhd"),
    )
    key: str = setting("", "the gateway's key (vid set map -https key:...), for xrdhttp; empty: the host is trusted", secret=True)
    proc_urls: list[str] = setting(
        [], "libmicrohttpd ports of the managers, for /proc before 5.3.21; empty: it is asked at urls", check=_manager
    )
    version: str = setting(
        "auto", "its release, as far as the gateway must know; auto: it is asked", choices=("auto", "5.1", "5.3", "5.4")
    )
    encoding: str = setting(
        "auto",
        "paths in queries: once (percent-encoded), encodepath (with eos.encodepath), auto: that for mhd, this for xrdhttp",
        choices=("auto", "once", "encodepath"),
    )
    redirect_hosts: list[str] = setting(
        [], "disk servers (FST) that content may go to: HOST or HOST:PORT, with * and ?; empty: the hosts of urls", check=_host
    )
    clear_redirects: bool = setting(False, "let content go over http though urls has https")
    ca_file: str = setting("", "PEM file of the authorities that its certificates may come from; empty: the system's")
    # metadata by gRPC (extra grpc)
    metadata: str = setting(
        "auto",
        "how metadata are asked for: http, grpc, or auto: grpc where there are grpc_urls and somebody there answers to the key",
        choices=("auto", "http", "grpc"),
    )
    grpc_urls: list[str] = setting(
        [],
        "gRPC ports of the managers, in the order in which they are tried: grpcs://HOST:PORT, or grpc:// in clear",
        check=_grpc,
    )
    grpc_key: str = setting("", "the gateway's key there (vid set map -grpc key:...)", secret=True)
    grpc_ca_file: str = setting("", "PEM file of the authorities for grpcs://; empty: ca_file, else those that come with gRPC")
    grpc_certificate: str = setting("", "PEM file of the gateway's own certificate, which EOS asks for unless told not to")
    grpc_certificate_key: str = setting("", "PEM file of its key")
    grpc_uids: bool = setting(
        False, "before 5.3.21, without proc_urls: believe the directory's uid and gid of people, as EOS cannot be asked for them"
    )
    # who people are there
    user: str = setting("{user.id}", "the name of a person there, a template")
    account_seconds: float = setting(300.0, "seconds for which it is believed who somebody is there")
    access_seconds: float = setting(60.0, "seconds for which it is believed that somebody may look into a folder")
    home_command: list[str] = setting(
        [], "program, with arguments, that makes a missing home; gets its path, the name there and the uid, if known, besides"
    )
    # what is shown
    recycle_bin: str = setting(
        "",
        "where what is removed goes, where the instance sees to that itself; empty: where sys.recycle of a space's root says",
        check=_bin,
    )
    stable_ids: bool = setting(True, "know a file by the id of its version folder, which outlives overwriting, as CERNBox does")
    cache_seconds: float = setting(1.0, "seconds for which an answer about a folder is used for further polls", high=60)
    # how it is asked
    connect_timeout: float = setting(10.0, "seconds until a connection must stand", low=0.1)
    timeout: float = setting(30.0, "seconds an answer of a manager may take; ten times that where it deletes or copies", low=0.1)
    idle: float = setting(60.0, "seconds in which nothing moves after which a transfer has failed", low=1)
    connections: int = setting(16, "connections kept open for each host", low=1)
    requests: int = setting(64, "requests to managers at the same time", low=1)
    queue: int = setting(1000, "requests that may wait for that; further ones: 503", low=1)
    attempts: int = setting(3, "how often what does no harm twice is tried", low=1)
    down_seconds: float = setting(10.0, "seconds for which a manager that failed is asked last")
    answer_bytes: int = setting(134217728, "longest listing, about 1.5 KB an entry", low=65536, size=True)
    receive_bytes: int = setting(
        524288,
        "of a download from a near disk server: bytes that may wait in the kernel to be read; 0: the system decides",
        size=True,
    )
    part_bytes: int = setting(8388608, "of an upload in pieces: held in memory and written at once", low=65536, size=True)
    threads: int = setting(2, "threads that read long answers", low=1)

    @property
    def by_grpc(self) -> bool:
        """Whether gRPC is used at all."""
        return self.metadata != "http" and bool(self.grpc_urls)
