"""Archives as streams: no more is read than the client takes."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import AsyncIterator

from ...errors import StorageBroken
from ...gateway.packing import Packed
from ...interfaces import Reader
from . import zip_format
from .spool import Spool

PIECE = 262144
"""Bytes whose checksum is computed in one go, in the reactor's thread: a fifth of a millisecond."""
_BLOCK = 512


async def zip_stream(packed: AsyncIterator[Packed], spool: Spool) -> AsyncIterator[bytes]:
    """A ZIP archive; `spool` keeps its directory until the end. Raises `StorageBroken` if a file is not as long as announced."""
    at = count = 0
    async for name, node, reader in packed:
        entry = zip_format.entry(name, node.mtime_ns, node.size, node.is_folder)
        header, start, crc = zip_format.header(entry), at, 0
        try:
            yield header
            if reader is not None:
                async for data in _content(reader):
                    crc = zlib.crc32(data, crc)
                    yield data
        finally:
            if reader is not None:
                await reader.close()
        at += len(header)
        if reader is not None:
            footer = zip_format.footer(entry, crc)
            yield footer
            at += node.size + len(footer)
        await spool.write(zip_format.listed(entry, crc, start))
        count += 1
    async for data in spool.read():
        yield data
    yield zip_format.end(count, at, spool.length)


async def tar_stream(packed: AsyncIterator[Packed]) -> AsyncIterator[bytes]:
    """A tar archive with headers of POSIX.1-2001 (pax) where those of ustar do not do. Errors as `zip_stream`."""
    async for name, node, reader in packed:
        member = tarfile.TarInfo(name)
        member.mtime = node.mtime_ns // 1_000_000_000
        member.type, member.mode = (tarfile.DIRTYPE, 0o755) if reader is None else (tarfile.REGTYPE, 0o644)
        member.size = node.size if reader is not None else 0
        try:
            yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
            if reader is not None:
                async for data in _content(reader):
                    yield data
        finally:
            if reader is not None:
                await reader.close()
        if member.size % _BLOCK:
            yield bytes(_BLOCK - member.size % _BLOCK)
    yield bytes(tarfile.RECORDSIZE)


async def _content(reader: Reader) -> AsyncIterator[bytes]:
    """All of a file, in pieces of `PIECE` at most."""
    size = 0
    stream = reader.stream() if reader.node.size else None
    try:
        if stream is not None:
            async for data in stream:
                size += len(data)
                if size > reader.node.size:
                    break
                for start in range(0, len(data), PIECE):
                    yield data if len(data) <= PIECE else data[start : start + PIECE]
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    if size != reader.node.size:
        raise StorageBroken(f"{reader.node.name} is not as long as it was")
