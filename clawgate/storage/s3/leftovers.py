"""Multipart uploads that nobody will complete."""

from __future__ import annotations

import json
import time

from .facts import nanoseconds
from .ground import Ground


async def sweep_multiparts(ground: Ground, older_than: float) -> int:
    """Abort multipart uploads that were noted down `older_than` seconds ago; returns how many notes there were.

    Only uploads to a key for which there is a note: other people's uploads into the same bucket are none of our business.
    """
    swept = 0
    for note in await ground.all_below(ground.keys.hidden("multiparts", "")):
        begun = nanoseconds(note.modified) / 1e9
        if note.key in ground.working or time.time() - begun < older_than:
            continue
        answer = await ground.control.call("get_object", Key=note.key)
        key = json.loads(await ground.control.run(answer["Body"].read))["key"]
        for upload in await ground.control.uploads(key):
            if upload["Key"] == key and time.time() - nanoseconds(upload["Initiated"]) / 1e9 >= older_than:
                await ground.control.abort(key, upload["UploadId"])
        await ground.control.delete([note.key])
        swept += 1
    return swept
