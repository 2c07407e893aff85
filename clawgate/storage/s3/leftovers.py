"""Multipart uploads that nobody will complete."""

from __future__ import annotations

import json
import time
from typing import Any

from ...errors import NotFound
from ...log import make_logger
from .facts import nanoseconds
from .ground import Ground
from .owners import me

log = make_logger()


async def sweep_multiparts(ground: Ground, older_than: float) -> int:
    """Abort multipart uploads that were noted down `older_than` seconds ago and whose process is gone; returns how many notes
    there were.

    Only uploads to a key for which there is a note: other people's uploads into the same bucket are none of our business.
    """
    swept = 0
    for note in await ground.all_below(ground.keys.hidden("multiparts", "")):
        age = time.time() - nanoseconds(note.modified) / 1e9
        if note.key in ground.working or age < older_than:
            continue
        text = await content(ground, note.key)
        if text is None:
            continue
        noted = read_note(text)
        if noted is None:
            log.warn("{key}: is no note of an upload, and is removed", key=note.key)
            await ground.control.delete([note.key])
            continue
        if not me().left(noted.get("owner", ""), age):
            continue
        if await _aborted(ground, noted["key"], older_than):
            await ground.control.delete([note.key])
            swept += 1
    return swept


async def content(ground: Ground, key: str) -> bytes | None:
    """What a small hidden object holds; None: it went after it was listed, by a late call of somebody who is gone or by another
    start."""
    try:
        answer = await ground.control.call("get_object", Key=key)
    except NotFound:
        return None
    text: bytes = await ground.control.run(answer["Body"].read)
    return text


def read_note(text: bytes) -> dict[str, Any] | None:
    """What was noted down; None if it cannot be read: a space must open all the same."""
    try:
        noted = json.loads(text)
    except ValueError:
        return None
    return noted if isinstance(noted, dict) else None


async def _aborted(ground: Ground, key: str, older_than: float) -> bool:
    """Whether nothing is left of what was sent to `key`, as far as it is old enough."""
    done = True
    for upload in await ground.control.uploads(key):
        if upload["Key"] == key and time.time() - nanoseconds(upload["Initiated"]) / 1e9 >= older_than:
            done = await ground.control.abort(key, upload["UploadId"]) and done
    return done
