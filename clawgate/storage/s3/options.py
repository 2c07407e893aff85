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
    """Content of known length up to this size is one PutObject, streamed, of which `part_bytes` are kept to repeat it; longer
    content is a multipart upload."""
    part_bytes: int = 5 << 20
    """Bytes of a part; longer where S3's limit of 10,000 parts asks for it."""
    window_bytes: int = 32 << 20
    """Bytes of one upload that are in memory at most: the part that is filled and those that are sent meanwhile. Of parts that
    are longer than this only the beginning is kept to repeat them; content of unknown length has none of those."""
    parallel: int = 8
    """Copies made at the same time for one request."""
    facts: int = 100_000
    """Objects whose metadata are remembered."""
    trust_seconds: float = 2.0
    """For so long a look at a name is not repeated on the way from the check of a request to the call that writes."""
    listing_seconds: float = 0.0
    """For so long a listing vouches for the folder, whoever else may write to it."""
    told_seconds: float = 0.0
    """The same while the service tells of changes."""
    marks: bool = True
    """Whether the marks of folders (`Node.seen`) move with our own changes; they differ in each process, so below an index, which
    knows better, they must not."""
    trash: bool = False
    """Whether what is removed goes into the trash; the bucket must keep versions."""
    versions: bool = False
    """Whether its versions are shown; the same."""
