"""Writing content: at once, as one stream, or in parts; visible only after all of it was verified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from ...errors import LengthMismatch, StorageUnavailable
from ...interfaces import Body
from ...model.content import Intent, Written
from ...model.path import Path
from .checked import Checked
from .ground import Ground
from .multipart import Multipart
from .options import MOST_PARTS
from .orders import order
from .publishing import Publisher, put

_SPARE = 100
"""Parts that are not planned for, so that rounding does no harm."""
_DOUBLE = 1500
"""After so many parts of unknown content they become twice as long."""


async def write(ground: Ground, path: Path, body: Body, intent: Intent) -> Written:
    """See `Storage.write`."""
    checked = Checked(body, intent)
    publisher = Publisher(ground, await order(ground, path, intent))
    options = ground.options
    if intent.size is None or intent.size <= options.small_bytes:
        first = await checked.block(options.small_bytes + 1)
        if len(first) <= options.small_bytes:
            return await put(publisher, first, checked.digests.text())
        return await _parts(publisher, checked, first)
    if intent.size <= options.put_bytes:
        return await _stream(publisher, checked)
    return await _parts(publisher, checked, b"")


async def _stream(publisher: Publisher, checked: Checked) -> Written:
    """Content of known length as one call: its last bytes are sent only when all was verified."""
    order, ground = publisher.order, publisher.ground
    length = order.intent.size or 0

    async with AsyncExitStack() as held:

        async def chunks() -> AsyncIterator[bytes]:
            last = b""
            while data := await checked.some(length):
                if last:
                    yield last
                last = data
            await held.enter_async_context(ground.locks.hold(order.key))
            await publisher.look()
            yield last

        fields = {
            "Content-Type": order.arguments("")["ContentType"],
            **{f"x-amz-meta-{name}": value for name, value in order.arguments(order.announced())["Metadata"].items()},
            **_headers(publisher.conditions()),
        }
        try:
            etag = (await ground.exchange.put(order.key, length, chunks(), fields)).etag
        except StorageUnavailable:
            # Sent as a whole, and no answer: it may be there.
            there = await publisher.ours() if checked.length == length else None
            if there is None:
                raise
            etag = there.etag
    return publisher.done(etag, length, checked.digests.text())


def _headers(conditions: dict[str, str]) -> dict[str, str]:
    names = {"IfNoneMatch": "If-None-Match", "IfMatch": "If-Match"}
    return {names[name]: value for name, value in conditions.items()}


async def _parts(publisher: Publisher, checked: Checked, first: bytes) -> Written:
    """Long content, or content whose length nobody knows."""
    order, ground = publisher.order, publisher.ground
    upload = Multipart(ground, order.key)
    complete = False
    try:
        await upload.begin(**order.arguments(order.announced()))
        if order.intent.size is not None:
            await _known(ground, upload, checked, order.intent.size)
        else:
            await _unknown(ground, upload, checked, first)
        async with ground.locks.hold(order.key):
            await publisher.look()
            etag = await publisher.call("complete_multipart_upload", **upload.whole())
        complete = True
    finally:
        await upload.end(complete=complete)
    return publisher.done(etag, checked.length, checked.digests.text())


async def _known(ground: Ground, upload: Multipart, checked: Checked, size: int) -> None:
    part = max(ground.options.put_bytes, -(-size // (MOST_PARTS - _SPARE)))
    for start in range(0, size, part):
        length = min(part, size - start)
        await upload.stream(length, checked.exactly(length))
    if await checked.some(1):
        raise LengthMismatch("the content is longer than announced")


async def _unknown(ground: Ground, upload: Multipart, checked: Checked, first: bytes) -> None:
    while True:
        most = ground.options.part_bytes << (len(upload.parts) // _DOUBLE)
        block = first + await checked.block(most - len(first))
        first = b""
        if block:
            await upload.send(block)
        if len(block) < most:
            return
