"""A new upload out of pieces of others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby

from ...errors import Disconnected, LengthMismatch
from ...interfaces import Piece
from .draft import check_room, flush
from .failures import guarded
from .ground import Descriptor, Ground, sync_folder
from .options import Durability
from .part_file import Handle, create_part, open_part
from .staging import open_staging
from .transfer import transfer_range


class Joining:
    """Pieces copied by the kernel, one after the other."""

    def __init__(self, ground: Ground, pieces: Sequence[Piece]) -> None:
        """Nothing is opened yet. Raises `UploadGone`."""
        self._ground = ground
        self._runs = [(Handle.parse(handle), list(run)) for handle, run in groupby(pieces, lambda piece: piece.handle)]
        self._size = sum(piece.stop - piece.start for piece in pieces)
        self._stopped = False

    def stop(self) -> None:
        """Give up soon; may be called from another thread."""
        self._stopped = True

    def run(self) -> str:
        """As `Parts.assemble`; blocks. Raises `Locked` besides while somebody writes alone to one of the handles."""
        with guarded(""):
            root = self._ground.root()
            staging = open_staging(root)
            try:
                check_room(staging, self._size)
                handle, fd = create_part(root, staging)
                try:
                    self._fill(root, fd)
                    durability = self._ground.options.durability
                    flush(fd, durability)
                    if durability is Durability.FULL:
                        sync_folder(staging)
                    if self._stopped:
                        raise Disconnected("the upload was given up")
                except BaseException:
                    os.unlink(handle.name, dir_fd=staging)
                    raise
                finally:
                    os.close(fd)
            finally:
                os.close(staging)
            return str(handle)

    def _fill(self, root: Descriptor, target: int) -> None:
        at = 0
        for handle, pieces in self._runs:
            source = open_part(root, handle.name, os.O_RDONLY, alone=False)
            try:
                size = os.fstat(source).st_size
                for _, start, stop in pieces:
                    if not 0 <= start <= stop <= size:
                        raise LengthMismatch(f"{size} bytes came, and the piece reaches from {start} to {stop}")
                    at += transfer_range(source, start, stop, target, at, lambda: self._stopped)
            finally:
                os.close(source)
        if at != self._size:
            raise LengthMismatch(f"{at} bytes were copied of {self._size}")
