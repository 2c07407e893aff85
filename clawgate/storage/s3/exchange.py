"""Content on its way from and to S3, at the pace of who takes it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.error import ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
    _HTTP11ClientFactory,
)
from twisted.web.http_headers import Headers

from ...errors import ClawgateError, StorageTimeout, StorageUnavailable
from .control import Control
from .failures import by_code, translate
from .signing import Signer
from .streams import Content, Pump

_LOST = (
    *(ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost, DNSLookupError, OSError, TimeoutError, SSL.Error),
    *(RequestTransmissionFailed, RequestGenerationFailed, ResponseFailed, ResponseNeverReceived),
)
_ERROR_BYTES = 65536
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


@attrs.frozen
class Sent:
    """What the service said of content that it took."""

    etag: str


class Exchange:
    """Streams content. `idle` is how long nothing may move, in seconds."""

    def __init__(self, reactor: Any, control: Control, signer: Signer, idle: float = 60.0, connections: int = 16) -> None:
        self.reactor = reactor
        self._control = control
        self._signer = signer
        self._idle = idle
        self._pool = _Pool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = connections
        self._getting = Agent(reactor, connectTimeout=idle, pool=self._pool)  # type: ignore[no-untyped-call]
        # A connection that was kept may be closed just when content is sent, which cannot be taken back.
        once = _Pool(reactor, persistent=False)  # type: ignore[no-untyped-call]
        self._putting = Agent(reactor, connectTimeout=idle, pool=once)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close what is kept open."""
        await self._pool.closeCachedConnections()  # type: ignore[no-untyped-call]

    async def get(self, key: str, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes of the version with `etag`. Raises `PreconditionFailed`, `NotFound`, and `StorageUnavailable` when it breaks."""
        fields = {"Range": f"bytes={start}-{stop - 1}", "If-Match": f'"{etag}"'}
        url, headers = await self._control.run(self._signer.sign, "GET", key, fields)
        try:
            asking = self._getting.request(b"GET", url.encode(), _headers(headers))
            response = await asking.addTimeout(self._idle, self.reactor)
        except _LOST as error:
            raise _translate(error) from error
        content = Content(self.reactor, self._idle)
        response.deliverBody(content)  # type: ignore[no-untyped-call]
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
        except _LOST as error:
            raise _translate(error) from error
        finally:
            content.stop()

    async def put(self, key: str, length: int, chunks: AsyncIterator[bytes], fields: Mapping[str, str], query: str = "") -> Sent:
        """Send content of a known length. What `chunks` raises is raised, and cuts the connection: nothing is published then."""
        url, headers = await self._control.run(self._signer.sign, "PUT", key, dict(fields), query)
        pump = Pump(chunks, length, self.reactor, self._idle)
        try:
            sending = self._putting.request(b"PUT", url.encode(), _headers(headers), pump)
            sending.addErrback(lambda failure: failure)
            response = await sending
        except _LOST as error:
            pump.stopProducing()
            raise pump.error or _translate(error) from error
        except BaseException:
            pump.stopProducing()
            raise
        pump.stopProducing()
        content = Content(self.reactor, self._idle)
        response.deliverBody(content)  # type: ignore[no-untyped-call]
        try:
            if response.code != 200:
                raise await _refusal(response.code, content)
            async for _ in content:
                pass
        except _LOST as error:
            raise _translate(error) from error
        finally:
            content.stop()
        etag = (response.headers.getRawHeaders("ETag") or [""])[0].strip('"')
        if not etag or not pump.complete:
            raise StorageUnavailable("the storage did not take the content")
        return Sent(etag)


def _headers(fields: Mapping[str, str]) -> Headers:
    return Headers({name: [value] for name, value in fields.items()})


async def _refusal(status: int, content: Content) -> ClawgateError:
    body = b""
    async for data in content:
        body += data
        if len(body) > _ERROR_BYTES:
            break
    code = _CODE.search(body)
    return by_code(code[1].decode() if code else "", status)


def _translate(error: BaseException) -> ClawgateError:
    if isinstance(error, (TimeoutError, CancelledError)):
        return StorageTimeout("the storage did not answer in time")
    for reason in getattr(error, "reasons", None) or ():
        if isinstance(reason.value, (BotoCoreError, ClientError)):
            return translate(reason.value)
    return StorageUnavailable("the connection to the storage broke")


class _Silent(_HTTP11ClientFactory):
    noisy = False


class _Pool(HTTPConnectionPool):
    """Does not log every connection that it opens and closes, for which Twisted has no public switch."""

    _factory = _Silent
