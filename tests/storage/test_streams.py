"""Answers whose bytes are taken as they come, and answers that wait for their reader."""

from __future__ import annotations

from twisted.internet.defer import Deferred
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
