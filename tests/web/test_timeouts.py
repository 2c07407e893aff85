"""Time-outs, in memory with a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from clawgate import settings
from clawgate.errors import Disconnected
from clawgate.web.channel import Channel
from clawgate.web.request import Request
from clawgate.web.response import Response
from clawgate.web.site import ClawSite

PUT = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"


class Transport(StringTransport):
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.protocol.connectionLost()  # type: ignore[attr-defined]


class Bench:
    """A site on a clock with one connection in memory."""

    def __init__(self, handler: Any, **http: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.site = ClawSite(handler, settings.Http(**http), self.clock)
        channel = self.site.buildProtocol(None)
        assert isinstance(channel, Channel)
        self.channel = channel
        self.transport = Transport()
        self.transport.protocol = channel  # type: ignore[attr-defined]
        channel.makeConnection(self.transport)  # type: ignore[arg-type]

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)

    @property
    def gone(self) -> bool:
        return self.transport.disconnecting or self.transport.aborted

    def status(self) -> int:
        return int(self.transport.value().split(b" ")[1])


async def swallow(request: Request) -> Response:
    async for _ in request.body:
        pass
    return Response(201)


async def quick(request: Request) -> Response:
    return Response(200, [], b"x")


def test_silent_connections_are_closed() -> None:
    bench = Bench(quick)
    bench.run(50)
    assert not bench.gone
    bench.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    bench.run(50)
    assert not bench.gone
    bench.run(15)
    assert bench.gone
    assert bench.transport.value().count(b"HTTP/1.1") == 1
    # Who does not even take the goodbye is dropped.
    assert not bench.transport.aborted
    bench.run(20)
    assert bench.transport.aborted
    assert not bench.clock.getDelayedCalls()


def test_a_head_must_come_in_time() -> None:
    bench = Bench(quick)
    for byte in b"GET / HTTP/1.1\r\nHost: h\r\nX: ":
        bench.send(bytes([byte]))
        bench.run(2)
    for _ in range(10):
        if not bench.gone:
            bench.send(b"y")
        bench.run(2)
    assert bench.gone
    assert bench.status() == 408


def test_a_silent_upload_is_cut() -> None:
    bench = Bench(swallow, min_rate=0)
    bench.send(PUT % 1000)
    for _ in range(20):
        bench.send(b"x")
        bench.run(30)
    assert not bench.gone
    bench.run(45)
    assert bench.gone
    assert bench.status() == 408
    assert b"Connection: close" in bench.transport.value()


def test_slow_storage_is_not_the_clients_fault() -> None:
    release: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        total = 0
        async for data in request.body:
            total += len(data)
            if not release.called:
                await release
        return Response(201, [], b"%d" % total)

    bench = Bench(handler, window_bytes=65536)
    bench.send(PUT % 200_000 + b"x" * 100_000)
    assert bench.transport.producerState == "paused"
    bench.run(600)
    assert not bench.gone
    release.callback(None)
    assert bench.transport.producerState == "producing"
    bench.send(b"x" * 100_000)
    assert bench.transport.value().endswith(b"200000")
    assert not bench.gone


def test_waiting_for_a_handler_is_not_the_clients_fault() -> None:
    release: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        await release
        return Response(200)

    bench = Bench(handler)
    bench.send(PUT % 10)
    bench.run(600)
    assert not bench.gone
    release.callback(None)
    assert bench.status() == 200


@pytest.mark.parametrize(("rate", "cut"), [(900, True), (1200, False)])
def test_minimum_rate_of_uploads(rate: int, cut: bool) -> None:
    seen: list[BaseException] = []

    async def handler(request: Request) -> Response:
        try:
            return await swallow(request)
        except Disconnected as error:
            seen.append(error)
            raise

    bench = Bench(handler)
    bench.send(PUT % 10_000_000)
    for second in range(200):
        if bench.gone:
            break
        bench.send(b"x" * rate)
        bench.run(1)
        assert second >= 55 or not bench.gone
    assert bench.gone is cut
    assert len(seen) == cut
    if cut:
        assert bench.status() == 408


@pytest.mark.parametrize(("taken", "cut"), [(0, True), (900, True), (1200, False)])
def test_downloads_that_nobody_takes(taken: int, cut: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    async def handler(request: Request) -> Response:
        return Response(200, [], pieces())

    bench = Bench(handler)
    left = 0

    class Slow(Channel):
        def unsent(self) -> int:
            return left

    bench.channel.__class__ = Slow
    # The transport pauses whoever writes, as a full socket does.
    write = bench.transport.write

    def full(data: bytes) -> None:
        nonlocal left
        write(data[:20])
        left += len(data)
        bench.channel.pauseProducing()

    bench.transport.write = full  # type: ignore[method-assign,assignment]
    bench.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    for _ in range(200):
        bench.run(1)
        left -= taken
    assert bench.transport.aborted is cut
    if not cut:
        bench.transport.abortConnection()
    assert bench.site.running == 0


def test_unwanted_bodies_may_not_trickle_for_ever() -> None:
    bench = Bench(quick)
    bench.send(PUT % 1000)
    assert bench.status() == 200
    bench.run(50)
    assert not bench.gone
    bench.send(b"x")
    bench.run(50)
    assert not bench.gone
    bench.run(15)
    assert bench.gone
