"""Answers whose bytes are taken as they come, and answers that wait for their reader."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from clawgate.storage.streams import WAITING, Content


def connected():
    content, transport = Content(Clock(), 10), StringTransport()
    content.makeConnection(transport)
    return content, transport


async def test_a_reader_that_keeps_up_does_not_stop_the_socket():
    content, transport = connected()
    paused, taken = [], []
    transport.pauseProducing = lambda: paused.append(True)

    async def read():
        async for data in content:
            taken.append(len(data))

    reading = Deferred.fromCoroutine(read())
    for _ in range(3):
        content.dataReceived(bytes(2 * WAITING))
    assert taken == [2 * WAITING] * 3
    assert not paused
    content.connectionLost(Failure(ResponseDone()))
    await reading


async def test_what_nobody_reads_stops_the_socket():
    content, transport = connected()
    content.dataReceived(bytes(WAITING))
    assert transport.producerState == "paused"
    coming = content.__aiter__()
    assert await coming.__anext__() == bytes(WAITING)
    more = Deferred.fromCoroutine(coming.__anext__())
    assert transport.producerState == "producing"
    content.dataReceived(b"more")
    assert await more == b"more"
    # Its reader is elsewhere; what comes now waits.
    content.dataReceived(bytes(WAITING))
    assert transport.producerState == "paused"
    content.connectionLost(Failure(ConnectionDone()))
    content.stop()
    await coming.aclose()


async def test_silence_counts_from_the_last_bytes():
    clock = Clock()
    content = Content(clock, 10)
    content.makeConnection(StringTransport())
    coming = content.__aiter__()
    for _ in range(3):
        more = Deferred.fromCoroutine(coming.__anext__())
        clock.advance(9)
        assert not more.called
        content.dataReceived(b"some")
        assert await more == b"some"
        # Time in which nobody waits does not count.
        clock.pump([9, 9])
    more = Deferred.fromCoroutine(coming.__anext__())
    clock.pump([5, 4.9])
    assert not more.called
    clock.advance(0.2)
    with pytest.raises(TimeoutError):
        await more
    content.stop()
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("end", [ResponseDone(), ConnectionDone()])
async def test_no_timer_is_left_behind(end):
    clock = Clock()
    content = Content(clock, 10)
    content.makeConnection(StringTransport())
    more = Deferred.fromCoroutine(content.__aiter__().__anext__())
    assert clock.getDelayedCalls()
    content.connectionLost(Failure(end))
    assert not clock.getDelayedCalls()
    with pytest.raises(StopAsyncIteration if isinstance(end, ResponseDone) else ConnectionDone):
        await more


async def test_who_stops_is_not_told_of_silence():
    clock = Clock()
    content = Content(clock, 10)
    content.makeConnection(StringTransport())
    more = Deferred.fromCoroutine(content.__aiter__().__anext__())
    content.stop()
    assert not clock.getDelayedCalls()
    more.addErrback(lambda _: None)
    more.cancel()
