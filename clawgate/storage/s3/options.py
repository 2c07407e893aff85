"""How a part of a bucket is served."""

from __future__ import annotations

import attrs

SMALLEST_PART = 5 << 20
"""Bytes that S3 asks of every part of a multipart upload but the last."""
MOST_PARTS = 10_000
LARGEST_OBJECT = 5 << 40
LARGEST_COPY = 5 << 30
"""Bytes that one CopyObject or UploadPartCopy takes."""
LARGEST_PUT = 5 << 30
KEY_MAX = 1024
"""Longest key in bytes."""


@attrs.frozen
class S3Options:
    """Options of `S3Storage`."""

    bucket: str
    prefix: str = ""
    """What every key begins with; empty or ending with a slash."""
    small_bytes: int = 1 << 20
    """Content up to this size is held as a whole until it was verified, and sent in one call that can be repeated."""
    put_bytes: int = 64 << 20
    """Content of known length up to this size is one PutObject, streamed; longer content is a multipart upload."""
    part_bytes: int = 8 << 20
    """Bytes of a part whose length nobody announced; it is held in memory, because S3 wants to know the length first."""
    parallel: int = 8
    """Copies made at the same time for one request."""
    facts: int = 100_000
    """Objects whose metadata are remembered."""
    attempts: int = 4
    """How often reading goes on after the connection broke or the service was busy."""
