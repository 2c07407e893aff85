"""One object copied within the service."""

from __future__ import annotations

from typing import Any

from ...errors import UploadGone
from .facts import Facts
from .ground import Ground
from .multipart import Multipart, source
from .options import LARGEST_COPY


async def copy_object(ground: Ground, facts: Facts, key: str, id: str, own: str) -> Facts:
    """Copy an object within the service, or onto itself, with another id; returns what is there now. Raises
    `PreconditionFailed` if it is not what `facts` say any more, `NotFound`."""
    arguments = facts.written_as(key, id, own)
    if facts.size > LARGEST_COPY:
        etag = await _copy_parts(ground, facts, key, own, arguments)
    else:
        answer = await ground.control.call(
            "copy_object",
            Key=key,
            CopySource=source(ground.control.bucket, facts.key, facts.version),
            CopySourceIfMatch=f'"{facts.etag}"',
            MetadataDirective="REPLACE",
            **arguments,
        )
        etag = str(answer["CopyObjectResult"]["ETag"]).strip('"')
    return ground.memory.put(facts.copied(key, etag, id, own))


async def _copy_parts(ground: Ground, facts: Facts, key: str, own: str, arguments: dict[str, Any]) -> str:
    upload = Multipart(ground, key, ground.options.parallel)
    complete = False
    try:
        await upload.begin(**arguments)
        for start in range(0, facts.size, LARGEST_COPY):
            stop = min(start + LARGEST_COPY, facts.size)
            await upload.copy(facts.key, start, stop, facts.etag, facts.version)
        whole = await upload.whole()
        try:
            etag = str((await ground.control.call("complete_multipart_upload", Key=key, **whole))["ETag"]).strip('"')
        except UploadGone:
            # The answer may have been lost, and the call repeated.
            there = await ground.file(key)
            if there is None or (there.own, there.size) != (own, facts.size):
                raise
            etag = there.etag
        complete = True
    finally:
        await upload.end(complete=complete)
    return etag
