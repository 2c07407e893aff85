"""One write to an upload."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from ...errors import ChecksumMismatch
from ...model.content import Checksum
from ..checksums import Digests
from .draft import flush, write_all
from .failures import guarded
from .ground import Ground
from .part_file import OpenPart, open_part
from .running import Following, Runnings

LAST = 2**63 - 1
"""The kernel's largest offset."""


class Writing(OpenPart):
    """Bytes that are written one after the other. All methods block; after an error the file is closed."""

    def __init__(
        self,
        ground: Ground,
        runnings: Runnings,
        handle: str,
        offset: int,
        *,
        alone: bool,
        compute: Sequence[str],
        checksums: Sequence[Checksum],
    ) -> None:
        """As `Parts.write_at`. Nothing is opened yet. Raises `UploadGone`, `InvalidRequest` for an unknown algorithm."""
        super().__init__(ground, handle)
        self._runnings = runnings
        self._offset = self._start = offset
        self._alone = alone
        Digests(compute)
        self._compute = compute
        self._checksums = checksums
        self._digests = Digests(checksum.algorithm for checksum in checksums)
        self._following: Following | None = None

    def write(self, chunks: list[bytes]) -> None:
        """Write the next bytes; the first ones open the file. Raises `UploadGone`, `Locked`, `QuotaExceeded`."""
        with self._lock, guarded(""):
            try:
                self._write(chunks)
            except BaseException:
                self._adopt()
                self._close()
                raise

    def end(self, chunks: list[bytes]) -> int:
        """Write the last bytes, bring all to the disk, verify, and close the file. Returns how many there were in all.

        Raises `ChecksumMismatch` besides what `write` raises.
        """
        with self._lock, guarded(""):
            try:
                self._write(chunks)
                try:
                    self._digests.verify(self._checksums)
                except ChecksumMismatch:
                    # What comes instead will begin where this did.
                    self._following = None
                    raise
                if self._offset > self._start:
                    flush(self._fd, self._ground.options.durability)
                return self._offset - self._start
            finally:
                self._adopt()
                self._close()

    def leave(self, chunks: list[bytes]) -> None:
        """Write what has come before the rest failed to, and close the file."""
        with self._lock, guarded(""):
            if self._over:
                return
            try:
                if chunks:
                    self._write(chunks)
            finally:
                self._adopt()
                self._close()

    def _write(self, chunks: list[bytes]) -> None:
        self._check()
        if self._fd < 0:
            self._open()
        length = sum(map(len, chunks))
        if not length:
            return
        if self._offset + length > LAST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        following = self._following
        if following is not None:
            following.before(self._fd, chunks, self._offset)
        write_all(self._fd, chunks, self._offset)
        if following is not None:
            following.after(chunks, self._offset)
        if self._digests:
            for chunk in chunks:
                self._digests.update(chunk)
        self._offset += length

    def _open(self) -> None:
        self._fd = open_part(self._ground.root(), self._handle.name, os.O_RDWR, alone=self._alone)
        handle = str(self._handle)
        if self._runnings.trusts(handle, self._fd, alone=self._alone):
            self._following = self._runnings.follow(handle, self._start, self._compute)

    def _adopt(self) -> None:
        if self._following is not None:
            self._following.adopt()
