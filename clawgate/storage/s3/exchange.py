"""Content on its way from and to S3, at the pace of who takes it: treq, unbuffered."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import attrs
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.http_headers import Headers

from ...errors import ClawgateError, Overloaded, StorageTimeout, StorageUnavailable
from ..streams import Content, Kept, Pump
from .agents import Raw
from .control import Control
from .failures import Denied, by_code
from .patience import LOST, Patience, broken
from .signing import CHUNKED, UNSIGNED, Signed, Signer, chunked_length

_ERROR_BYTES = 65536
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_PAUSE = 0.2
"""Seconds before the second attempt, at most; twice as long before each further one."""


@attrs.frozen
class Sent:
    """What the service said of content that it took."""

    etag: str


class Exchange:
    """Streams content. `idle` is how long nothing may move, in seconds; `attempts`, how often something is tried."""

    def __init__(
        self,
        reactor: Any,
        control: Control,
        signer: Signer,
        idle: float = 60.0,
        connections: int = 16,
        attempts: int = 4,
        every: Mapping[str, str] | None = None,
        objects: Mapping[str, str] | None = None,
        policy: Any = None,
        receive_bytes: int = 0,
    ) -> None:
        """`every` are headers of all requests, `objects` those of requests that make an object; `policy`: see `trust.policy`,
        `receive_bytes`: `Room`."""
        self.reactor = reactor
        self.attempts = attempts
        self._control = control
        self._signer = signer
        self._idle = idle
        self._every = dict(every or {})
        self._objects = dict(objects or {})
        self._agent = Raw(reactor, idle, connections, policy, receive_bytes)
        self._client = HTTPClient(self._agent.kept)
        # A connection that was kept may be closed just when content is sent, which cannot always be taken back.
        self._once = HTTPClient(self._agent.once)

    async def close(self) -> None:
        """Close what is kept open."""
        await self._agent.close()

    async def get(self, key: str, etag: str, start: int, stop: int, version: str = "") -> AsyncGenerator[bytes]:
        """Bytes of the version with `etag`; `version` is the id of one that is not the present one.

        Raises `PreconditionFailed`, `NotFound`, and `StorageUnavailable` when it breaks."""
        self._control.noted("get_object")
        fields = {**self._every, "Range": f"bytes={start}-{stop - 1}", "If-Match": f'"{etag}"'}
        query = f"versionId={quote(version, safe='')}" if version else ""
        signed = await self._control.run(self._signer.sign, "GET", key, fields, query)
        patience = Patience(self.reactor, self._idle, _request(self._client, "GET", signed))
        patience.begin()
        try:
            response = await patience.answer
        except LOST as error:
            raise patience.error(error) from error
        content = Content(self.reactor, self._idle)
        response.deliverBody(content)
        try:
            if response.code not in (200, 206):
                raise await _refusal(response.code, content)
            left = stop - start
            if response.code == 200 and (start or response.length not in (left, None)):
                raise StorageUnavailable("the storage does not give the range that was asked for")
            async for data in content:
                left -= len(data)
                if left < 0:
                    raise StorageUnavailable("the storage gave more than was asked for")
                yield data
            if left:
                raise StorageUnavailable("the storage broke off its answer")
        except LOST as error:
            raise broken(error) from error
        finally:
            content.stop()

    async def link(self, key: str, seconds: int, query: Mapping[str, str]) -> str:
        """See `Signer.link`."""
        return await self._control.run(self._signer.link, key, seconds, {**self._every, **query})

    async def send(self, key: str, content: Sequence[bytes], fields: Mapping[str, str], query: str = "") -> Sent:
        """Send content that is held: again until it succeeds. Its checksum is signed unless TLS looks after it."""
        self._control.noted("upload_part" if query else "put_object")
        payload = UNSIGNED if self._signer.secure else await self._control.run(_hashed, content)
        length = sum(map(len, content))

        async def attempt() -> Sent:
            return await self._put(self._client, key, length, _each(content), fields, query, payload)

        return await self._again(attempt, lambda: True)

    async def stream(
        self, key: str, length: int, chunks: AsyncIterator[bytes], fields: Mapping[str, str], query: str = "", keep: int = 0
    ) -> Sent:
        """Send content of a known length that comes only now; again as long as no more than `keep` bytes of it have come.

        What `chunks` raises is raised, and cuts the connection: nothing is published then.
        """
        self._control.noted("upload_part" if query else "put_object")
        kept = Kept(chunks, keep)
        payload = UNSIGNED if self._signer.secure else CHUNKED

        async def attempt() -> Sent:
            return await self._put(self._once, key, length, kept.again(), fields, query, payload)

        try:
            return await self._again(attempt, lambda: kept.whole)
        finally:
            kept.close()

    async def pause(self, failures: int) -> None:
        """Wait a random time before the next attempt, so that not all come back at once."""
        await deferLater(self.reactor, random.uniform(0, _PAUSE * 2**failures), lambda: None)

    async def _again(self, attempt: Callable[[], Any], possible: Callable[[], bool]) -> Sent:
        failures = 0
        while True:
            try:
                sent: Sent = await attempt()
                return sent
            except (StorageUnavailable, StorageTimeout, Overloaded) as error:
                failures += 1
                if isinstance(error, Denied) or failures >= self.attempts or not possible():
                    raise
            await self.pause(failures)

    async def _put(
        self,
        client: HTTPClient,
        key: str,
        length: int,
        chunks: AsyncIterator[bytes],
        fields: Mapping[str, str],
        query: str,
        payload: str,
    ) -> Sent:
        wire = length
        # Parts are encrypted as was said when the upload began.
        fields = {**self._every, **({} if query else self._objects), **fields}
        if payload == CHUNKED:
            wire = chunked_length(length)
            # Without "Content-Encoding: aws-chunked": nobody needs it who knows such a payload, and SeaweedFS 4.48 stores it.
            fields = {**fields, "x-amz-decoded-content-length": str(length)}
        signed = await self._control.run(self._signer.sign, "PUT", key, fields, query, payload)
        pump = Pump(signed.chunks.signed(chunks) if signed.chunks is not None else chunks, wire, self.reactor, self._idle)
        patience = Patience(self.reactor, self._idle, _request(client, "PUT", signed, pump))
        pump.ended = patience.begin
        if pump.complete:
            patience.begin()
        try:
            response = await patience.answer
        except LOST as error:
            raise pump.error or patience.error(error) from error
        finally:
            pump.stopProducing()
        content = Content(self.reactor, self._idle)
        response.deliverBody(content)
        try:
            if response.code != 200:
                raise await _refusal(response.code, content)
            async for _ in content:
                pass
        except LOST as error:
            raise broken(error) from error
        finally:
            content.stop()
        etag = (response.headers.getRawHeaders("ETag") or [""])[0].strip('"')
        if not etag or not pump.complete:
            raise StorageUnavailable("the storage did not take the content")
        return Sent(etag)


def _request(client: HTTPClient, method: str, signed: Signed, pump: Pump | None = None) -> Deferred[Any]:
    asking: Deferred[Any] = client.request(
        method,
        signed.url,
        headers=Headers({name: [value] for name, value in signed.headers.items()}),
        data=pump,
        allow_redirects=False,
        unbuffered=True,
    )
    return asking


async def _each(content: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in content:
        yield chunk


def _hashed(content: Sequence[bytes]) -> str:
    digest = sha256()
    for chunk in content:
        digest.update(chunk)
    return digest.hexdigest()


async def _refusal(status: int, content: Content) -> ClawgateError:
    body = b""
    async for data in content:
        body += data
        if len(body) > _ERROR_BYTES:
            break
    code = _CODE.search(body)
    return by_code(code[1].decode() if code else "", status)
