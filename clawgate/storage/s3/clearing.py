"""The part of a bucket that was a space, removed for good: objects, what is kept of them, uploads that never ended."""

from __future__ import annotations

from ...errors import StorageUnavailable
from .former import delete, is_versioned, pages
from .ground import Ground

ROUNDS = 100
"""So often all versions are listed, at most."""


async def clear(ground: Ground, prefix: str) -> None:
    """Remove all whose key begins with `prefix`, a page at a time: what is interrupted goes on with the next call. Raises
    `StorageUnavailable`, `Forbidden`."""
    control = ground.control
    for upload in await control.uploads(prefix):
        # SeaweedFS tells of uploads of the whole bucket.
        if upload["Key"].startswith(prefix):
            await control.abort(upload["Key"], upload["UploadId"])
    before: list[str] = []
    while keys := [one.key for one in (await control.page(prefix, deep=True)).objects]:
        if keys == before:
            raise StorageUnavailable("objects are still there though the storage says that they were deleted")
        before = keys
        # What holds others goes last, where folders are more than a part of keys.
        await control.delete(sorted(keys, key=lambda key: (-key.count("/"), key.endswith("/"))))
    if await is_versioned(ground):
        for _ in range(ROUNDS):
            # A listing during which something is deleted need not be whole.
            found = False
            async for kept in pages(ground, prefix):
                found = found or bool(kept)
                await delete(ground, kept)
            if not found:
                return
        raise StorageUnavailable("versions are still there though the storage says that they were deleted")
