"""Everything of Twisted and h2 that is used beyond their public interfaces must be there under its name."""

from __future__ import annotations

import inspect
import socket
from typing import Any

import h2.connection
import pytest_twisted
from twisted.internet import reactor, tcp
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.protocols import tls
from twisted.web import _http2, http, server

from clawgate.web import transports
from clawgate.web.http2 import Http2Connection
from clawgate.web.http2_stream import Stream
from clawgate.web.request import Request
from clawgate.web.response import Response


def test_http2_methods_that_are_replaced_or_called() -> None:
    connection: Any = _http2.H2Connection
    for name, parameters in {
        "connectionMade": ["self"],
        "dataReceived": ["self", "data"],
        "connectionLost": ["self", "reason", "_cancelTimeouts"],
        "_requestReceived": ["self", "event"],
        "_requestDataReceived": ["self", "event"],
        "_requestEnded": ["self", "event"],
        "_requestAborted": ["self", "event"],
        "_handleWindowUpdate": ["self", "event"],
        "_requestDone": ["self", "streamID"],
        "_sendPrioritisedData": ["self", "args"],
        "_tryToWriteControlData": ["self"],
        "_send100Continue": ["self", "streamID"],
        "writeHeaders": ["self", "version", "code", "reason", "headers", "streamID"],
        "endRequest": ["self", "streamID"],
    }.items():
        assert list(inspect.signature(getattr(connection, name)).parameters) == parameters, name
    made = connection(Clock())
    for name in (
        "conn",
        "streams",
        "priority",
        "_consumerBlocked",
        "_sendingDeferred",
        "_outboundStreamQueues",
        "_streamCleanupCallbacks",
        "_stillProducing",
        "_reactor",
        "_maxBufferedControlFrameBytes",
    ):
        assert name in vars(made), name
    stream: Any = _http2.H2Stream
    expected = ["self", "streamID", "connection", "headers", "requestFactory", "site", "factory"]
    assert list(inspect.signature(stream.__init__).parameters) == expected
    for name in ("_convertHeaders", "receiveDataChunk", "requestComplete", "connectionLost", "pauseProducing", "resumeProducing"):
        assert callable(getattr(stream, name))
    assert "_request.handleContentChunk" in inspect.getsource(stream.receiveDataChunk)
    assert "_request.requestReceived" in inspect.getsource(stream.requestComplete)
    assert "_request.connectionLost" in inspect.getsource(stream.connectionLost)
    assert hasattr(_http2, "_END_STREAM_SENTINEL")
    # Ours must not hide something of theirs by accident.
    ours = {name for name in vars(Http2Connection) if not name.startswith("__")}
    assert ours & set(vars(connection)) == {
        "connectionMade",
        "dataReceived",
        "connectionLost",
        "_requestReceived",
        "_requestDataReceived",
        "_requestEnded",
        "_requestAborted",
        "_handleWindowUpdate",
        "_requestDone",
        "_sendPrioritisedData",
    } | ({"site"} & ours)
    assert {name for name in vars(Stream) if not name.startswith("__")} & set(vars(stream)) == {"_convertHeaders"}
    assert hasattr(h2.connection.H2Connection(), "decoder")


@pytest_twisted.ensureDeferred
async def test_transports(serve: Any) -> None:
    async def handler(request: Request) -> Response:
        return Response(204)

    server_ = await serve(handler)
    protocol = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", server_.number), Protocol())
    transport: Any = protocol.transport
    assert isinstance(transport, tcp.Connection)
    for name in (
        "dataBuffer",
        "offset",
        "_tempDataLen",
        "bufferSize",
        "SEND_LIMIT",
        "writeSomeData",
        "connected",
        "disconnecting",
    ):
        assert hasattr(transport, name), name
    assert "producerPaused" in inspect.getsource(tcp.Connection.doWrite)
    assert transports.buffered(transport) == 0
    assert transports.lowest(transport) is transport
    transport._tempDataBuffer.append(b"abc")
    transport._tempDataLen += 3
    assert transports.buffered(transport) == 3
    assert transports.unsent(transport) == 3
    transport.abortConnection()
    assert "negotiatedProtocol" in vars(tls.TLSMemoryBIOProtocol)


async def test_the_kernel_looks_after_silent_clients(serve: Any) -> None:
    options: list[int] = []

    async def handler(request: Request) -> Response:
        connection = transports.lowest(request.carrier.channel.transport).getHandle()  # type: ignore[attr-defined]
        options.append(connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        options.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
        return Response(204)

    server_ = await serve(handler, tcp_keepalive=7)
    protocol = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", server_.number), Protocol())
    answered: Deferred[bytes] = Deferred()
    protocol.dataReceived = answered.callback  # type: ignore[method-assign]
    protocol.transport.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")  # type: ignore[union-attr]
    await answered
    assert options == [1, 7]


def test_what_klein_handler_relies_on() -> None:
    parameters = list(inspect.signature(server.Request.__init__).parameters)
    assert parameters == ["self", "channel", "args", "parsePOSTFormSubmission", "kw"]
    source = inspect.getsource(http.Request)
    used = {
        name
        for name in ("writeHeaders", "write", "writeSequence", "requestDone", "getPeer", "getHost")
        if f"channel.{name}" in source
    }
    assert used == {"writeHeaders", "write", "writeSequence", "requestDone", "getPeer", "getHost"}
    # No attribute of ours may stand in the way of one that twisted.web sets by itself, but for `host`, which is taken care of.
    ours = {name for name, value in vars(Request).items() if isinstance(value, property)}
    for name in ("client_ip", "secure", "base_url", "origin"):
        assert name in ours
        assert f"self.{name} =" not in source
