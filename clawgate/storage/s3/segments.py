"""What is behind a handle: segments, each an object whose name says where it lies; a newer one covers older ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Segment(NamedTuple):
    """One object."""

    number: int
    """Newer ones have larger numbers."""
    offset: int
    length: int
    key: str

    @property
    def stop(self) -> int:
        """Behind its last byte."""
        return self.offset + self.length


class Run(NamedTuple):
    """Bytes of one segment, or zeros (no key)."""

    key: str
    start: int
    """Within the object."""
    length: int
    whole: bool = False
    """Whether that is all of the object."""


def named(number: int, offset: int, length: int) -> str:
    """The last part of a segment's key."""
    return f"{number:016x}-{offset:x}-{length:x}"


def parse(key: str) -> Segment | None:
    """The segment with this key; None: it is none."""
    parts = key.rpartition("/")[2].split("-")
    if len(parts) != 3:
        return None
    return Segment(int(parts[0], 16), int(parts[1], 16), int(parts[2], 16), key)


def end(segments: Sequence[Segment]) -> int:
    """How many bytes there are."""
    return max((segment.stop for segment in segments), default=0)


def runs(segments: Sequence[Segment], start: int, stop: int) -> list[Run]:
    """What makes up the bytes from `start` to `stop`, in order; holes are zeros."""
    cuts = sorted({start, stop, *(cut for one in segments for cut in (one.offset, one.stop) if start < cut < stop)})
    found: list[Run] = []
    opening = sorted(segments, key=lambda one: one.offset)
    live: list[Segment] = []
    index = 0
    for first, last in pairwise(cuts):
        while index < len(opening) and opening[index].offset <= first:
            live.append(opening[index])
            index += 1
        live = [one for one in live if one.stop > first]
        top = max(live, default=None)
        key = top.key if top is not None else ""
        within = first - top.offset if top is not None else 0
        before = found[-1] if found else None
        if before is not None and before.key == key and (not key or before.start + before.length == within):
            found[-1] = before._replace(length=before.length + last - first)
        else:
            found.append(Run(key, within, last - first))
    lengths = {one.key: one.length for one in segments}
    return [run._replace(whole=run.start == 0 and lengths.get(run.key) == run.length) for run in found]
