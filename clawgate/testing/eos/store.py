"""The bytes of files: one file each below a directory, named by fid."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

from .checksum import hasher

BLOCK = 1 << 20


class Store:
    """What the FST keeps on its disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, fid: int) -> Path:
        """Where the bytes of a file are."""
        return self.folder / f"{fid:08x}"

    def create(self, fid: int) -> BinaryIO:
        """Open for writing, empty."""
        return self.path(fid).open("wb")

    def update(self, fid: int) -> BinaryIO:
        """Open for writing, with what is there."""
        path = self.path(fid)
        path.touch()
        return path.open("r+b")

    def read(self, fid: int) -> BinaryIO:
        """Open for reading; FileNotFoundError."""
        return self.path(fid).open("rb")

    def write(self, fid: int, content: bytes) -> None:
        """All of a file at once."""
        self.path(fid).write_bytes(content)

    def content(self, fid: int) -> bytes:
        """All of a file; nothing of one that was never written."""
        return self.path(fid).read_bytes() if self.path(fid).exists() else b""

    def copy(self, source: int, target: int) -> None:
        """The bytes of one file for another."""
        if self.path(source).exists():
            shutil.copyfile(self.path(source), self.path(target))

    def remove(self, fid: int) -> None:
        """No bytes any more."""
        self.path(fid).unlink(missing_ok=True)

    def checksum(self, fid: int, kind: str) -> str:
        """The checksum of a file as it lies there."""
        one = hasher(kind)
        if self.path(fid).exists():
            with self.read(fid) as file:
                while some := file.read(BLOCK):
                    one.update(some)
        return str(one.hexdigest())
