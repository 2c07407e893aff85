"""The step after which others see what was written."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ...errors import ClawgateError, NotFound, Overloaded, PreconditionFailed, StorageUnavailable, UploadGone
from ...model.content import Target, Written
from ...model.path import name
from .exchange import Sent
from .facts import Facts
from .ground import Ground
from .orders import Order, see_expected

_VERIFIED = ("SHA256", "SHA1", "CRC32C")
_HEADERS = {"IfNoneMatch": "If-None-Match", "IfMatch": "If-Match"}


class Publisher:
    """The last step of a write: under the lock of the key, with the condition that the service or we ourselves check."""

    def __init__(self, ground: Ground, order: Order) -> None:
        self.ground = ground
        self.order = order

    def conditions(self) -> dict[str, str]:
        """For a call of boto3."""
        expected = self.order.intent.expected
        if expected is Target.ANYTHING or not self.ground.refuses(expected):
            return {}
        if expected is Target.NOTHING:
            return {"IfNoneMatch": "*"}
        before = self.order.before
        return {"IfMatch": f'"{before.etag}"'} if before is not None else {}

    async def look(self) -> None:
        """Look whether what is expected is there; for when the service does not, or not at the end."""
        if self.order.intent.expected is not Target.ANYTHING:
            see_expected(self.order.path, self.order.intent, await self.ground.file(self.order.key))

    async def ours(self) -> Facts | None:
        """What stands there if it is what we wrote: an answer may have been lost, and the call repeated."""
        there = await self.ground.file(self.order.key)
        return there if there is not None and there.own == self.order.own else None

    async def call(self, operation: str, **arguments: Any) -> str:
        """Publish by a call of boto3; returns the ETag."""
        if not self.ground.refuses(self.order.intent.expected):
            await self.look()
        try:
            answer = await self.ground.control.call(operation, Key=self.order.key, **{**arguments, **self.conditions()})
        except (PreconditionFailed, UploadGone, NotFound) as error:
            there = await self.ours()
            if there is None:
                self._see_gone(error)
                raise
            return there.etag
        return str(answer["ETag"]).strip('"')

    async def send(self, sending: Callable[[Mapping[str, str]], Awaitable[Sent]], checksums: str) -> str:
        """Publish by one request of content, which `sending` makes with the headers that it is given; returns the ETag.

        An answer may have been lost: what then stands there as ours is what was sent.
        """
        arguments = self.order.arguments(checksums)
        fields = {"Content-Type": arguments["ContentType"]}
        fields |= {f"x-amz-meta-{name}": value for name, value in arguments["Metadata"].items()}
        fields |= {_HEADERS[name]: value for name, value in self.conditions().items()}
        if self.ground.service.verifying:
            fields |= checksum_header(checksums)
        try:
            return (await sending(fields)).etag
        except (PreconditionFailed, StorageUnavailable, Overloaded, NotFound) as error:
            try:
                there = await self.ours()
            except ClawgateError:
                raise error from None
            if there is None:
                self._see_gone(error)
                raise
            return there.etag

    def _see_gone(self, error: ClawgateError) -> None:
        """S3 answers 404 to ``If-Match`` where nothing is (API reference, PutObject): raises `PreconditionFailed`."""
        if isinstance(error, NotFound) and "IfMatch" in self.conditions():
            raise PreconditionFailed(f"{self.order.path}: the file was removed meanwhile") from error

    def done(self, etag: str, size: int, checksums: str) -> Written:
        """Remember what stands there now."""
        order = self.order
        facts = Facts(
            order.key, etag, size, order.mtime_ns, order.id, order.own, checksums, order.arguments("") | {"Metadata": {}}
        )
        self.ground.memory.put(facts)
        self.ground.changed(order.path)
        return Written(facts.node(name(order.path)), order.before is not None, facts.identity())


def checksum_header(checksums: str) -> dict[str, str]:
    """The checksum that the service is to compare with what arrives, and to keep: the strongest of those that are known, because
    S3 takes one only. An empty dict if none is."""
    known = dict(one.split(":", 1) for one in checksums.split())
    for algorithm in _VERIFIED:
        if algorithm in known:
            return {f"x-amz-checksum-{algorithm.lower()}": b64encode(bytes.fromhex(known[algorithm])).decode()}
    return {}


async def put(publisher: Publisher, content: Sequence[bytes], checksums: str) -> Written:
    """Content that is held as a whole: one call."""
    ground, key = publisher.ground, publisher.order.key
    async with ground.locks.hold(key):
        if not ground.refuses(publisher.order.intent.expected):
            await publisher.look()
        etag = await publisher.send(lambda fields: ground.exchange.send(key, content, fields), checksums)
    return publisher.done(etag, sum(map(len, content)), checksums)
