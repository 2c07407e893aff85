"""Whether a chunk is one that has arrived before, in an upload that is finished: by its bytes."""

from __future__ import annotations

from hashlib import blake2b

from ...gateway.tree import Tree
from ...gateway.uploads.layout import Chunk
from ...interfaces import Body
from ...model.space import Place


async def is_resent(tree: Tree, place: Place, chunk: Chunk, body: Body) -> bool:
    """Read `body` to its end; whether the file at `place` has the same bytes where `chunk` belongs.

    All chunks but the last are taken to have the same length. Raises what `Tree.open` and `body` raise.
    """
    digest, length = blake2b(), 0
    async for block in body:
        digest.update(block)
        length += len(block)
    reader = await tree.open(place)
    try:
        start = reader.node.size - length if chunk.last else chunk.index * length
        if not 0 <= start <= reader.node.size - length:
            return False
        there = blake2b()
        async for block in reader.stream(start, start + length):
            there.update(block)
        return there.digest() == digest.digest()
    finally:
        await reader.close()
