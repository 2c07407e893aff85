"""Writing content: at once, as one stream, or in parts; visible only after all of it was verified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

from ...errors import LengthMismatch, TooLarge
from ...interfaces import Body
from ...model.content import Intent, Written
from ...model.path import Path
from ..checked import Checked
from .ground import Ground
from .multipart import Multipart
from .options import MOST_PARTS, S3Options
from .orders import order
from .publishing import Publisher, put

_SPARE = 100
"""Parts that are not planned for, so that rounding does no harm."""
_DOUBLE = 1500
"""After so many parts of unknown content they become twice as long, as far as the window allows."""


async def write(ground: Ground, path: Path, body: Body, intent: Intent) -> Written:
    """See `Storage.write`."""
    checked = Checked(body, intent)
    publisher = Publisher(ground, await order(ground, path, intent))
    options = ground.options
    if intent.size is None or intent.size <= options.small_bytes:
        first = await checked.chunks(options.small_bytes + 1)
        if sum(map(len, first)) <= options.small_bytes:
            return await put(publisher, first, checked.digests.text())
        return await _parts(publisher, checked, first)
    if intent.size <= options.put_bytes:
        return await _stream(publisher, checked)
    return await _parts(publisher, checked, [])


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

        etag = await publisher.send(
            lambda fields: ground.exchange.stream(order.key, length, chunks(), fields, keep=ground.options.part_bytes),
            order.announced(),
        )
    return publisher.done(etag, length, checked.digests.text())


async def _parts(publisher: Publisher, checked: Checked, first: Sequence[bytes]) -> Written:
    """Long content, or content whose length nobody knows."""
    order, ground = publisher.order, publisher.ground
    size = order.intent.size
    part = part_bytes(ground.options, size)
    upload = Multipart(ground, order.key)
    complete = False
    try:
        await upload.begin(**order.arguments(order.announced()))
        if size is not None and 2 * part > ground.options.window_bytes:
            await _streamed(ground, upload, checked, size, part)
        else:
            await _held(ground, upload, checked, first, size)
        arguments = await upload.whole()
        async with ground.locks.hold(order.key):
            await publisher.look()
            etag = await publisher.call("complete_multipart_upload", **arguments)
        complete = True
    finally:
        await upload.end(complete=complete)
    return publisher.done(etag, checked.length, checked.digests.text())


def part_bytes(options: S3Options, size: int | None) -> int:
    """How long the parts of so much content are."""
    return max(options.part_bytes, -(-(size or 0) // (MOST_PARTS - _SPARE)))


def growing_part_bytes(options: S3Options, begun: int) -> int:
    """The same for content of unknown length, after so many parts: never more than half the window."""
    return min(options.part_bytes << (begun // _DOUBLE), max(options.part_bytes, options.window_bytes // 2))


def parts_at_once(options: S3Options, part: int) -> int:
    """How many parts are sent while the next one is filled, so that all together fit into the window."""
    return max(1, options.window_bytes // part - 1)


async def _streamed(ground: Ground, upload: Multipart, checked: Checked, size: int, part: int) -> None:
    for start in range(0, size, part):
        length = min(part, size - start)
        await upload.stream(length, checked.exactly(length), ground.options.window_bytes // 2)
    if await checked.some(1):
        raise LengthMismatch("the content is longer than announced")


async def _held(ground: Ground, upload: Multipart, checked: Checked, first: Sequence[bytes], size: int | None) -> None:
    before = list(first)
    while True:
        if upload.begun >= MOST_PARTS:
            raise TooLarge("the file is too large for the storage unless its length is announced")
        most = part_bytes(ground.options, size) if size is not None else growing_part_bytes(ground.options, upload.begun)
        upload.most = parts_at_once(ground.options, most)
        block = before + await checked.chunks(most - sum(map(len, before)))
        before = []
        if block:
            await upload.send(block)
        if sum(map(len, block)) < most:
            return
