"""Time-outs, in memory with a clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import h2.connection
import h2.settings
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from clawgate import settings
from clawgate.errors import Disconnected
from clawgate.web.channel import Channel
from clawgate.web.http2 import Http2Connection
from clawgate.web.observer import NoObserver
from clawgate.web.outlet import Outlet
from clawgate.web.request import Request
from clawgate.web.response import Response
from clawgate.web.site import CHECKED_AT_ONCE, ClawSite

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


def test_many_connections_are_looked_at_in_turns() -> None:
    bench = Bench(quick, connections=10_000)
    turns: list[list[float]] = [[]]
    broken: list[Counted] = []

    class Counted:
        def __init__(self, number: int) -> None:
            self.number = number

        def check(self, now: float) -> None:
            turns[-1].append(now)
            if self.number == 7:
                raise ValueError("it cannot be looked at")

        def abort(self) -> None:
            broken.append(self)
            bench.site.closed(self)

        def stop(self) -> None:
            pass

    many = [Counted(number) for number in range(3 * CHECKED_AT_ONCE)]
    for one in many:
        bench.site.opened(one)
    later = bench.clock.callLater

    def counting(delay: float, act: Any, *arguments: Any) -> Any:
        turns.append([])
        return later(delay, act, *arguments)

    bench.clock.callLater = counting  # type: ignore[method-assign,assignment]
    bench.clock.advance(bench.site._interval)
    assert [len(turn) for turn in turns if turn] == [CHECKED_AT_ONCE] * 3
    assert [one.number for one in broken] == [7]
    turns[:] = [[]]
    bench.clock.advance(bench.site._interval)
    assert sum(len(turn) for turn in turns) == 3 * CHECKED_AT_ONCE - 1
    # Those that have gone meanwhile are left out, and nothing is left to be done once all have.
    bench.channel.connectionLost()
    for one in many:
        if one not in broken:
            bench.site.closed(one)
    turns[:] = [[]]
    bench.clock.advance(bench.site._interval)
    assert turns == [[]] and not bench.clock.getDelayedCalls()


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

    refused: list[int] = []

    class Counting(NoObserver):
        def refused(self, status: int) -> None:
            refused.append(status)

    bench = Bench(handler)
    bench.site.metrics = Counting()
    left = 0

    class Slow(Outlet):
        __slots__ = ()

        def unsent(self) -> int:
            return left

    bench.channel.outlet.__class__ = Slow
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
    assert refused == ([408] if cut else [])
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


def test_short_answers_that_nobody_takes_on_http2_have_their_time() -> None:
    bench = Bench(quick)
    connection = Http2Connection(bench.site, "peer")
    transport = Transport()
    aborted: list[bool] = []
    transport.abortConnection = lambda: aborted.append(True)  # type: ignore[method-assign]
    connection.makeConnection(transport)
    client = h2.connection.H2Connection()
    client.initiate_connection()
    client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    names = (b":method", b"GET"), (b":path", b"/"), (b":scheme", b"https"), (b":authority", b"h")
    client.send_headers(1, names, end_stream=True)
    connection.dataReceived(client.data_to_send())
    bench.run(1)
    connection.check(bench.clock.seconds())
    bench.run(50)
    connection.check(bench.clock.seconds())
    assert connection.streams[1].pending and not aborted
    bench.run(15)
    connection.check(bench.clock.seconds())
    assert aborted
