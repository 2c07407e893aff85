"""Bytes of segments, read or put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from .ground import Ground
from .multipart import Multipart
from .options import MOST_PARTS, SMALLEST_PART
from .segments import Run


async def read(ground: Ground, run: Run) -> bytes:
    """The bytes of `run`."""
    if not run.key:
        return bytes(run.length)
    answer = await ground.control.call("get_object", Key=run.key, Range=f"bytes={run.start}-{run.start + run.length - 1}")
    content: bytes = await ground.control.run(answer["Body"].read)
    return content


async def blocks(ground: Ground, made: Sequence[Run], most: int) -> AsyncIterator[bytes]:
    """The bytes of `made`, up to `most` at a time."""
    for run in made:
        for start in range(0, run.length, most):
            yield await read(ground, run._replace(start=run.start + start, length=min(most, run.length - start)))


def least_part(made: Sequence[Run]) -> int:
    """How long parts have to be so that there are not too many: what S3 asks for, if each run is a part of its own."""
    parts = sum(1 if run.key else -(-run.length // SMALLEST_PART) for run in made)
    return SMALLEST_PART if parts < MOST_PARTS else max(SMALLEST_PART, -(-sum(run.length for run in made) // (MOST_PARTS // 2)))


async def join(ground: Ground, upload: Multipart, made: Sequence[Run]) -> None:
    """Long runs are copied by the service, and the last one however short it is; other short ones are gathered until they are
    long enough for a part."""
    gathered = bytearray()
    least = least_part(made)
    for run in made:
        left = run
        if run is made[-1] and run.whole and not gathered:
            await upload.copy_whole(run.key)
            return
        if gathered:
            missing = min(least - len(gathered), left.length)
            gathered += await read(ground, left._replace(length=missing))
            left = left._replace(start=left.start + missing, length=left.length - missing)
            if len(gathered) >= least:
                await upload.send([bytes(gathered)])
                gathered.clear()
        while left.length:
            if left.key and left.length >= least:
                if left == run and run.whole:
                    # S3 takes no ranges of objects up to 5 MiB.
                    await upload.copy_whole(left.key)
                else:
                    await upload.copy(left.key, left.start, left.start + left.length)
                break
            taken = min(least, left.length)
            gathered += await read(ground, left._replace(length=taken))
            left = left._replace(start=left.start + taken, length=left.length - taken)
            if len(gathered) >= least:
                await upload.send([bytes(gathered)])
                gathered.clear()
    if gathered:
        await upload.send([bytes(gathered)])
