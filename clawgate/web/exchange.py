"""One request from its headers to the end of its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ..errors import ClawgateError, Disconnected, StorageBroken, TooLarge
from ..log import request_id
from ..model.authorship import by
from . import failures, sendfile
from .response import BODYLESS, SWITCHING, FileBody, Response

if TYPE_CHECKING:
    from .request import Request
    from .site import ClawSite

_log = Logger()

READING = frozenset(("GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"))
"""Verbs of those who make no changes: what they find was made by others."""
_READY = 262144
_PIECE = 131072
"""Bytes of a block that are given to the connection at once."""
_SENDFILE_FROM = 131072
"""Smaller pieces go with the head in one packet: cheaper than the detour past the transport."""


async def run(site: ClawSite, request: Request) -> None:
    """Let the handler answer, send the answer, and close what it holds. Raises nothing."""
    request_id.set(request.id)
    response: Response | None = None
    try:
        length = request.body.length
        if site.max_body_bytes and length is not None and length > site.max_body_bytes:
            raise TooLarge(f"the request body may have at most {site.max_body_bytes} bytes")
        if request.verdict is None:
            with by("" if request.verb in READING else request.header("initiator-id") or ""):
                response = await site.handler(request)
    except Disconnected:
        pass
    except Exception as error:
        if not isinstance(error, ClawgateError):
            _log.failure("request {id} failed: {verb} {path}", id=request.id, verb=request.verb, path=site.shown_path(request))
        response = failures.plain(error, request.id)
    try:
        answer = request.verdict or response
        if answer is None or request.disconnected:
            raise Disconnected("the client is gone")
        await _answer(site, request, answer)
        request.body.close()
        site.finished(request)
        request.carrier.finish()
    except Disconnected:
        request.status = 499
        _give_up(site, request)
    except Exception as error:
        # A storage that fails in the middle was translated by its driver and needs no traceback.
        if isinstance(error, ClawgateError):
            _log.warn("answer {id} broken off: {error}", id=request.id, error=error)
        else:
            _log.failure("answer {id} broken off: {verb} {path}", id=request.id, verb=request.verb, path=site.shown_path(request))
        _give_up(site, request)
    finally:
        if response is not None and response.close is not None:
            try:
                await response.close()
            except Exception:
                _log.failure("cleaning up after request {id} failed", id=request.id)


def _give_up(site: ClawSite, request: Request) -> None:
    request.body.close()
    site.finished(request)
    if not request.disconnected:
        request.carrier.cut()


async def _answer(site: ClawSite, request: Request, response: Response) -> None:
    """Send `response`; a failure before its first byte is answered like one of the handler."""
    try:
        if type(response.body) is bytes:
            _send_ready(request, response, response.body)
            if request.carrier.blocked:
                await request.carrier.drained()
        else:
            await _stream(site, request, response)
    except Disconnected:
        raise
    except Exception as error:
        if request.status:
            raise
        if not isinstance(error, ClawgateError):
            _log.failure("request {id} failed: {verb} {path}", id=request.id, verb=request.verb, path=site.shown_path(request))
        plain = failures.plain(error, request.id)
        assert isinstance(plain.body, bytes)
        _send_ready(request, plain, plain.body)


def _send_ready(request: Request, response: Response, body: bytes) -> None:
    status = response.status
    length: int | None = len(body)
    if status in BODYLESS:
        length, body = None, b""
    elif request.verb == "HEAD":
        length, body = (length if response.length is None else response.length), b""
    request.carrier.send_head(request, status, response.headers, length, body, False)
    request.status = status
    request.sent = len(body)


async def _stream(site: ClawSite, request: Request, response: Response) -> None:
    body = response.body
    length = response.length
    if isinstance(body, FileBody):
        length = body.stop - body.start
    if response.status in BODYLESS or request.verb == "HEAD":
        shown = None if response.status in BODYLESS else length
        request.carrier.send_head(request, response.status, response.headers, shown, b"", False)
        request.status = response.status
        return
    if isinstance(body, FileBody):
        if await _by_kernel(site, request, response, body):
            return
        body = body.reader.stream(body.start, body.stop)
    assert not isinstance(body, bytes)
    try:
        await _by_blocks(request, response, body, length)
    except BaseException:
        aclose = getattr(body, "aclose", None)
        if aclose is not None:
            await aclose()
        raise


async def _by_kernel(site: ClawSite, request: Request, response: Response, body: FileBody) -> bool:
    """Send a file without touching its bytes; False: not possible here, and nothing was sent."""
    length = body.stop - body.start
    if site.workers is None or length < _SENDFILE_FROM or not request.carrier.can_bypass:
        return False
    piece = body.reader.slice(body.start, body.stop)
    if piece is None:
        return False
    request.carrier.send_head(request, response.status, response.headers, length, b"", True)
    request.status = response.status
    await sendfile.send(request, site.workers, piece)
    return True


async def _by_blocks(request: Request, response: Response, body: AsyncIterator[bytes], length: int | None) -> None:
    # The first block is fetched before the head is sent, so that what fails at once still gets an honest status.
    carrier = request.carrier
    first = b""
    if response.status != SWITCHING:
        async for data in body:
            if data:
                first = data
                break
    if request.disconnected:
        raise Disconnected("the client is gone")
    if length is not None and len(first) > length:
        raise StorageBroken("the body is longer than announced")
    carrier.send_head(request, response.status, response.headers, length, first, True)
    request.status = response.status
    sent = request.sent = len(first)
    first = data = b""  # what is sent need not be kept
    if carrier.blocked:
        await carrier.drained()
    async for data in body:
        if not data:
            continue
        sent += len(data)
        if length is not None and sent > length:
            raise StorageBroken("the body is longer than announced")
        if request.disconnected:
            raise Disconnected("the client is gone")
        for start in range(carrier.offer(data), len(data), _PIECE):
            # A slow client must not have more of it copied into buffers than it is about to take.
            carrier.send(data if len(data) <= _PIECE and not start else data[start : start + _PIECE])
            if carrier.blocked:
                request.sent = sent - max(0, len(data) - start - _PIECE)
                await carrier.drained()
                if request.disconnected:
                    raise Disconnected("the client is gone")
        request.sent = sent
    if length is not None and sent != length:
        raise StorageBroken("the body is shorter than announced")
