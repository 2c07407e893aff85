"""What differs between versions of EOS, each fact a field, so that a test can also set one by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs

ALIASES = {"5.1": "5.1.30", "5.3": "5.3.21", "5.4": "5.4.11", "5.5": "5.5.0"}


@attrs.frozen
class Profile:
    """How one version behaves; "section" means one of the reference on EOS' wire facts.

    What was seen on 5.1.30 and not said to have changed since is kept for all versions.
    """

    version: str
    xrootd: str = "v5.5.3"
    utf8: bool = True
    """Section 0: any name is accepted; before 5.3.0 only with `EOS_UTF8`, else few letters are."""
    gateway_query: bool = True
    """Section 0: the XrdHttp port keeps the query of requests in gateway mode (from 5.3.21)."""
    encoded_location: bool = True
    """Section 0: the path in `Location` is percent-encoded (from 5.4.0)."""
    errors: Literal["none", "html", "line"] = "line"
    """Section 2 and 0: bodies of errors; 5.1.30 had none, up to 5.3.10 a page of HTML, then one escaped line."""
    busy: int = 500
    """Section 8: the status of EBUSY; 403 was seen on 5.1.30, by source 409 up to 5.3.10."""
    again: int = 409
    """Section 8: the status of EAGAIN; 500 up to 5.3.10."""
    chunked_reads: bool = False
    """Section 3.3: a full GET from an FST is chunked, its last chunk also sent after a read error (5.5.0)."""
    framed_ranges: bool = False
    """Section 3.3: a 206 with Content-Length has chunk framing in its body. Inferred for 5.5.0, so never the default."""
    version_header: bool = False
    """Section 0: `X-Eos-Mgm-Version` on answers (5.5.0)."""
    tree_counts: bool = True
    """Section 4.5: `treefiles` and `treecontainers` in fileinfo; absent in 5.1.30."""
    console_fields: Literal["old", "new"] = "new"
    """Section 4.8 and `Recycle.proto` of EOS's grpc-proto: how fields of commands in protobuf are numbered."""
    console: bool = True
    """Section 4.8: whether commands in protobuf are answered at all."""
    raw_proc_query: bool = True
    """Section 2.2, by source: on the XrdHttp port `/proc` sees the query as sent; `eos.encodepath` decodes `mgm.path` only."""
    one_shot_bodies: bool = True
    """By source, of all versions: the XrdHttp port waits once for the body of a PROPFIND and takes what is there then; what comes
    later is the next request. A body in chunks is not seen at all."""
    new_inodes: bool = False
    """Section 7.1: inodes of files are `fid | 1 << 63` instead of `fid << 28`."""
    checksum: str = "adler"
    """Section 7.4: the type of a directory without `sys.forced.checksum`."""
    replicas: int = 2
    """Section 7.9: bytes that quota counts for each logical one."""
    data_port: Literal["xrdhttp", "mhd"] = "xrdhttp"
    """Section 2: the port of the FST that redirects lead to."""
    redirect_to_https: bool = True
    """Section 2: who came by TLS is redirected to TLS. With False, bytes travel in clear."""
    open_proc: bool = True
    """Section 4.3: False answers 403 to all of `/proc`, as an external authorisation library does."""
    reusable_capabilities: bool = True
    """Section 3.1 item 7: a capability opens a file again. With False the second use is refused, to find who relies on it."""
    capability_life: float = 3600.0
    """Section 3.1 item 7, seconds."""
    minimum_quota: int = 5 << 30
    """Section 7.9: the least volume that can be set over the wire, in bytes."""


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def profile_of(version: str, **flags: Any) -> Profile:
    """The behaviour of `version` ("5.1.30", "5.3.21", "5.4.11", "5.5.0", or short "5.1" and so on), with `flags` set by hand.

    Raises ValueError for what is no version, TypeError for what is no flag.
    """
    version = ALIASES.get(version, version)
    number = _number(version)
    since: Callable[[str], bool] = lambda other: number >= _number(other)  # noqa: E731
    seen = not since("5.2")
    # 5.5.0 is a branch of its own: only its own number has what it changed.
    own: dict[str, Any] = {
        "xrootd": "v5.9.1" if since("5.4") else "v5.5.3" if seen else "v5.8.4",
        "gateway_query": since("5.3.21"),
        "encoded_location": since("5.4.0"),
        "errors": "line" if since("5.3.11") else "none" if seen else "html",
        "busy": 500 if since("5.3.11") else 403 if seen else 409,
        "again": 409 if since("5.3.11") else 500,
        "chunked_reads": since("5.5.0"),
        "version_header": since("5.5.0"),
        "tree_counts": since("5.3.0"),
        "console_fields": "new" if since("5.4.0") else "old",
    }
    return Profile(version=version, **{**own, **flags})
