"""A job that never leaves its files alone: replaces, rewrites in place, appends, truncates, as quickly as it can.

Every byte tells which version of the file it belongs to and where in the file it stands, so a reader can judge what it was given.

    python rewriter.py FOLDER WORK NAME...        until its input ends

`FOLDER` holds the files, `WORK`, on the same file system, versions that are not complete yet.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import attrs

CELL = 4096
TIME_NS = 1_600_000_000_000_000_000


@attrs.frozen
class File:
    """What happens to one file, and what its versions look like."""

    name: str
    how: str
    """replaced: by renaming; twins: by renaming, all versions with one size and one time; rewritten: in place; appended: to, and
    emptied now and then; cut: to any length, and filled up again."""
    base: int
    spread: int

    @property
    def whole(self) -> bool:
        """Whether nobody ever sees a part of a version."""
        return self.how in ("replaced", "twins")

    @property
    def torn(self) -> bool:
        """Whether its versions differ in more than their length."""
        return self.how in ("replaced", "twins", "rewritten")

    def size(self, version: int) -> int:
        return self.base + version * 7919 % (self.spread + 1)

    def content(self, version: int) -> bytes:
        return content(version, self.size(version))


SMALL, LARGE = 40_000, 3_000_000
FILES = {
    file.name: file
    for file in (
        File("replaced small", "replaced", SMALL, 50_000),
        File("replaced large", "replaced", LARGE, 1_000_000),
        File("twins small", "twins", SMALL, 0),
        File("twins large", "twins", 300_000, 0),
        File("rewritten small", "rewritten", SMALL, 50_000),
        File("rewritten large", "rewritten", LARGE, 1_000_000),
        File("appended", "appended", 0, LARGE),
        File("cut", "cut", LARGE, 0),
    )
}


def content(version: int, size: int) -> bytes:
    """`size` bytes of one version."""
    filler = bytes([version % 251]) * (CELL - 34)
    cells = (b"%016d %016d " % (version, index) + filler for index in range(-(-size // CELL)))
    return b"".join(cells)[:size]


def version_of(part: bytes, start: int) -> int:
    """Which version `part`, whose first byte stands at `start`, begins with; at least two cells of it."""
    return int(part[-start % CELL :][:16])


def steps(file: File, folder: Path, work: Path) -> Iterator[None]:
    """Change `file` for ever, once at each step; it is there after the first."""
    path = folder / file.name
    if file.whole:
        for version in count():
            new = work / file.name
            new.write_bytes(file.content(version))
            if file.how == "twins":
                os.utime(new, ns=(TIME_NS, TIME_NS))
            new.rename(path)
            yield
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    # What stands where never changes in files that are appended to or cut.
    everything = content(0, file.base + file.spread)
    size = 0
    for version in count():
        if file.how == "rewritten":
            os.pwrite(fd, file.content(version), 0)
            os.ftruncate(fd, file.size(version))
        elif file.how == "appended":
            more = 1 + version * 7919 % 300_000
            if size + more > len(everything):
                os.ftruncate(fd, size := 0)
                yield
            size += os.pwrite(fd, everything[size : size + more], size)
        else:
            size = version * 1_000_003 % len(everything)
            os.ftruncate(fd, size)
            yield
            os.pwrite(fd, everything[size:], size)
        yield


def main() -> None:
    folder, work, *names = sys.argv[1:]
    jobs = [steps(FILES[name], Path(folder), Path(work)) for name in names]
    for job in jobs:
        next(job)
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for job in jobs:
            next(job)


if __name__ == "__main__":
    main()
