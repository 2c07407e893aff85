"""However the bytes of a connection are cut into pieces, the answers are the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from clawgate.errors import Locked
from clawgate.settings import Http
from clawgate.web.channel import Channel
from clawgate.web.request import Request
from clawgate.web.response import Response
from clawgate.web.site import ClawSite

small = st.binary(max_size=40)
requests = st.one_of(
    st.just(b"GET /get HTTP/1.1\r\nHost: h\r\n\r\n"),
    st.just(b"\r\nHEAD /get HTTP/1.1\r\nHost: h\r\n\r\n"),
    st.just(b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    st.just(b"GET /later HTTP/1.1\r\nHost: h\r\n\r\n"),
    st.builds(lambda body: b"PUT /put HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), small),
    st.builds(lambda body: b"PUT /no HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), small),
    st.builds(lambda body: b"PUT /later HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), small),
    st.lists(small.filter(bool), max_size=4).map(
        lambda chunks: (
            b"PUT /chunked HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
            + b"0\r\n\r\n"
        )
    ),
    st.just(b"PUT /broken HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    st.just(b"GET /close HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    st.just(b"nonsense\r\n\r\n"),
)


def play(pieces: list[bytes]) -> bytes:
    clock = Clock()
    waiting: list[Deferred[None]] = []

    async def handler(request: Request) -> Response:
        if request.raw_path == b"/no":
            raise Locked("no")
        if request.raw_path == b"/later":
            waiter: Deferred[None] = Deferred()
            waiting.append(waiter)
            await waiter
        body = await request.body.read_all(1000)
        return Response(200, [], request.verb.encode() + request.raw_path + b"=" + body)

    site = ClawSite(handler, Http(), clock)
    site.next_id = lambda: "id"  # type: ignore[method-assign]
    channel = site.buildProtocol(None)
    assert isinstance(channel, Channel)
    transport = StringTransport()
    channel.makeConnection(transport)  # type: ignore[arg-type]
    for piece in pieces:
        channel.dataReceived(piece)
        while waiting:
            waiting.pop().callback(None)
    answers = transport.value() + (b"closed" if transport.disconnecting else b"")
    channel.connectionLost()
    while waiting:
        waiting.pop().callback(None)
    assert site.running == 0
    assert site.windows.active == 0
    return answers


@settings(max_examples=300, deadline=None)
@given(st.lists(requests, min_size=1, max_size=6), st.lists(st.integers(0, 1000), max_size=12))
def test_any_split(sent: list[bytes], cuts: list[int]) -> None:
    data = b"".join(sent)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]
    assert play(pieces) == play([data])


@settings(max_examples=200, deadline=None)
@given(st.lists(requests, max_size=3), st.binary(max_size=60), st.lists(requests, max_size=2))
def test_garbage_in_between(before: list[bytes], garbage: bytes, after: list[bytes]) -> None:
    play([b"".join(before), garbage, *after])
