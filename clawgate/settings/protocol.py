"""Settings of what clients speak."""

from __future__ import annotations

import attrs

from .rule import setting


@attrs.frozen
class Dav:
    """[dav]"""

    depth_infinity: bool = setting(False, "answer PROPFIND with Depth: infinity")
    xml_bytes: int = setting(262144, "largest XML request body; above: 413", size=True)
    xml_depth: int = setting(32, "deepest nesting of XML elements", low=1)
    searches: int = setting(4, "searches that run at the same time; further ones: 503", low=1)
    search_results: int = setting(1000, "most results of a search in one answer", low=1)
    search_window: int = setting(5000, "results from the first one on that can be had in an order", low=1)
    sync_lines: int = setting(10000, "changes looked at for one answer to sync-collection; the client asks for the rest", low=1)
    property_bytes: int = setting(65536, "largest value of one dead property", size=True)
    property_count: int = setting(200, "dead properties of one file or folder")
    property_cache_bytes: int = setting(8388608, "dead properties and favourites kept in memory", size=True)
    tag_count: int = setting(50, "tags of one file or folder")
    tag_cache_bytes: int = setting(2097152, "tags kept in memory", size=True)
    listing_cache_bytes: int = setting(33554432, "rendered listings kept in memory", size=True)
    lock_timeout: int = setting(86400, "longest life of a lock without refresh, seconds", low=1)
    locks_per_user: int = setting(1000, "locks one person may hold")


@attrs.frozen
class Uploads:
    """[uploads]: those that take several requests"""

    tus: bool = setting(True, "offer TUS; without it clients use chunking NG")
    tus_chunk_bytes: int = setting(
        10000019,
        "largest piece TUS clients send at once; 0: any. Half of no usual file size: the ownCloud client 2.11 loops there",
        size=True,
    )
    days: float = setting(2.0, "days an unfinished upload is kept after its last byte")
    finished_seconds: float = setting(3600.0, "seconds the outcome of a finished upload is remembered for clients that ask again")
    checkpoint_bytes: int = setting(
        67108864, "bytes of one request after which what has arrived is safe and noted", low=65536, size=True
    )
    lock_seconds: float = setting(3.0, "seconds of silence after which the request that writes gives way to another", low=0)
    parts: int = setting(10000, "chunks of one upload", low=1)
    per_user: int = setting(10000, "unfinished uploads one person may have", low=1)
    threads: int = setting(2, "threads that verify and join what did not come in order", low=1)
    queue: int = setting(100, "uploads that may wait for them")
