"""Content that arrives in pieces, in any order: one sparse file in the staging folder.

A piece is written where it will stay, so that the end is a rename. Checksums of the whole are worked out while pieces come in
order (`running`); for what did not, the file is read at the end.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from ...errors import QuotaExceeded, UploadGone
from ...interfaces import Body, Parts, Piece
from ...model.content import Checksum, Intent, Written
from ...model.path import Path
from ...workers import Workers
from .draft import check_room
from .failures import guarded
from .ground import Ground, sync_folder
from .options import Durability
from .part_file import Handle, OpenPart, create_part
from .part_finishing import Finishing, published
from .part_joining import Joining
from .part_writing import LAST, Writing
from .running import Runnings
from .staging import open_staging


class PosixParts(Parts):
    """The handle names the file and its inode (`part_file`)."""

    def __init__(self, ground: Ground, workers: Workers, cpu: Workers) -> None:
        """`cpu` reads and copies whole files."""
        self._ground = ground
        self._cpu = cpu
        self._workers = workers
        self._runnings = Runnings()
        self._open: dict[str, set[OpenPart]] = {}

    async def begin(self, size: int | None) -> str:
        """See `Parts.begin`. Raises `QuotaExceeded` if `size` does not fit now; nothing is set aside for it."""
        return await self._workers.run(self._begin, size)

    async def write_at(
        self,
        handle: str,
        offset: int,
        body: Body,
        *,
        alone: bool = False,
        compute: Sequence[str] = (),
        checksums: Sequence[Checksum] = (),
    ) -> int:
        """See `Parts.write_at`. What `body` gave before it failed is written.

        A call to a worker for each block; what is in the way is noticed with the first one. Raises `Overloaded` only then, and
        `Disconnected` if it is cut off by `finish`.
        """
        writing = Writing(self._ground, self._runnings, handle, offset, alone=alone, compute=compute, checksums=checksums)
        with self._at_work(handle, writing):
            block = self._ground.options.block_bytes
            chunks: list[bytes] = []
            held = 0
            run = self._workers.run
            try:
                async for chunk in body:
                    if held >= block:
                        some, chunks, held = chunks, [], 0
                        await run(writing.write, some)
                        run = self._workers.run_always
                    chunks.append(chunk)
                    held += len(chunk)
            except GeneratorExit:
                # Nobody resumes this coroutine any more.
                writing.close()
                raise
            except BaseException:
                await self._workers.run_always(writing.leave, chunks)
                raise
            return await run(writing.end, chunks)

    async def assemble(self, pieces: Sequence[Piece]) -> str:
        """See `Parts.assemble`. Copied by the kernel, shared where the file system can; holes become zeros."""
        joining = Joining(self._ground, pieces)
        try:
            return await self._cpu.run(joining.run)
        finally:
            joining.stop()

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """See `Parts.finish`. Reads only what no running checksum covers, and what one attempt has read the next one need not.

        Whoever still writes to the handle in this process is cut off; raises `Locked` if another process does. Where `path` lies
        on another file system, the content is copied there.
        """
        finishing = Finishing(self._ground, self._runnings, handle, path, intent)
        others = list(self._open.get(handle, ()))
        with self._at_work(handle, finishing):
            try:
                written = await self._workers.run(finishing.begin, others)
                if written is None:
                    run = self._cpu.run
                    while await run(finishing.step):
                        run = self._cpu.run_always
                    written = await self._workers.run_always(finishing.publish)
                return written
            except GeneratorExit:
                finishing.close()
                raise
            except BaseException:
                finishing.stop()
                await self._workers.run_always(finishing.close)
                raise

    async def published(self, handle: str, path: Path) -> Written | None:
        """See `Parts.published`. Always None where publishing had to copy to another file system: that file is another one.

        Where the file system has no file handles (`identity`), a file that was made anew at `path` may have the inode number of
        one that was lost.
        """
        return await self._workers.run(_published, self._ground, handle, path)

    async def abort(self, handle: str) -> None:
        """See `Parts.abort`."""
        self._runnings.drop(handle)
        await self._workers.run(self._abort, handle)

    @contextlib.contextmanager
    def _at_work(self, handle: str, part: OpenPart) -> Iterator[None]:
        parts = self._open.setdefault(handle, set())
        parts.add(part)
        try:
            yield
        finally:
            parts.discard(part)
            if not parts:
                self._open.pop(handle, None)

    def _begin(self, size: int | None) -> str:
        with guarded(""):
            root = self._ground.root()
            staging = open_staging(root)
            try:
                check_room(staging, size)
                if size is not None and size > LAST:
                    raise QuotaExceeded("no storage holds files of this size")
                handle, fd = create_part(root, staging)
                try:
                    # Without a mark there will be no running checksums, that is all.
                    with contextlib.suppress(OSError):
                        self._runnings.mark(fd)
                    if self._ground.options.durability is Durability.FULL:
                        sync_folder(staging)
                finally:
                    os.close(fd)
            finally:
                os.close(staging)
            return str(handle)

    def _abort(self, handle: str) -> None:
        with guarded(""), contextlib.suppress(UploadGone, FileNotFoundError):
            name = Handle.parse(handle).name
            staging = open_staging(self._ground.root(), create=False)
            try:
                os.unlink(name, dir_fd=staging)
            finally:
                os.close(staging)


def _published(ground: Ground, handle: str, path: Path) -> Written | None:
    try:
        return published(ground, handle, path)
    except UploadGone:
        return None
