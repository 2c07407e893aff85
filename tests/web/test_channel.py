"""HTTP/1 against a real server on loopback."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from clawgate.errors import Disconnected, InvalidRequest, Locked, TooLarge
from clawgate.web import closing
from clawgate.web.observer import NoObserver
from clawgate.web.request import Request
from clawgate.web.response import Response

GET = b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n"


def get(path: str = "") -> bytes:
    return GET % path.encode()


async def echo(request: Request) -> Response:
    data = b"".join([piece async for piece in request.body])
    return Response(200, [(b"Content-Type", b"text/plain"), (b"X-Verb", request.verb.encode())], request.raw_path + b":" + data)


@pytest_twisted.ensureDeferred
async def test_keep_alive_and_ids(serve: Any) -> None:
    server = await serve(echo)

    def talk(client: Any) -> None:
        status, headers, body = client.ask(get("a"))
        assert (status, body, headers["content-length"]) == (200, b"/a:", "3")
        assert headers["date"].endswith(" GMT")
        first = headers["x-request-id"]
        assert "connection" not in headers
        assert client.ask(get("b"))[1]["x-request-id"] != first
        assert client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nX-Request-ID: my-1\r\n\r\n")[1]["x-request-id"] == "my-1"
        assert client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nX-Request-ID: a b\r\n\r\n")[1]["x-request-id"] != "a b"
        status, headers, _ = client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert headers["connection"] == "close"
        assert client.closed()

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_pipelining_keeps_order_and_runs_one_at_a_time(serve: Any, wait: Any) -> None:
    running = 0

    async def handler(request: Request) -> Response:
        nonlocal running
        running += 1
        assert running == 1
        if request.raw_path != b"/0":
            await wait(0.002)
        data = await request.body.read_all(100000)
        running -= 1
        return Response(200, [], request.raw_path + b"=" + data)

    server = await serve(handler)

    def talk(client: Any) -> None:
        parts = []
        for number in range(40):
            body = b"%d" % number * 700
            if number % 3 == 2:
                parts.append(
                    b"PUT /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
                    % (number, len(body), body)
                )
            elif number % 3:
                parts.append(b"PUT /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body))
            else:
                parts.append(b"\r\n" + GET % b"%d" % number)
        client.send(b"".join(parts))
        for number in range(40):
            expected = b"/%d=" % number + (b"%d" % number * 700 if number % 3 else b"")
            assert client.response()[2] == expected

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_many_pipelined_requests_do_not_nest(serve: Any) -> None:
    server = await serve(echo)

    def talk(client: Any) -> None:
        client.send(get("x") * 3000)
        for _ in range(3000):
            assert client.response()[2] == b"/x:"

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_a_request_in_single_bytes(serve: Any) -> None:
    server = await serve(echo)

    def talk(client: Any) -> None:
        for byte in b"PUT /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n" + get("t"):
            client.send(bytes([byte]))
            time.sleep(0.0005)
        assert client.response()[2] == b"/s:abcd"
        assert client.response()[2] == b"/t:"

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_http_1_0(serve: Any) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    async def handler(request: Request) -> Response:
        assert request.http_version == "1.0"
        if request.raw_path == b"/stream":
            return Response(200, [], pieces())
        return Response(200, [], request.host.encode())

    server = await serve(handler)

    def once(client: Any) -> None:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        status, headers, body = client.response()
        assert (status, body, headers["connection"]) == (200, b"localhost", "close")
        assert client.closed()

    def kept(client: Any) -> None:
        for _ in range(2):
            status, headers, _ = client.ask(b"GET / HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n")
            assert (status, headers["connection"]) == (200, "keep-alive")
        _, headers, body = client.ask(b"GET /stream HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert (headers["connection"], body) == ("close", b"one two")
        assert "content-length" not in headers
        assert "transfer-encoding" not in headers

    await server.talk(once)
    await server.talk(kept)


@pytest_twisted.ensureDeferred
async def test_bodies_of_answers(serve: Any) -> None:
    closed: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def handler(request: Request) -> Response:
        async def close() -> None:
            closed.append(request.raw_path)

        path = request.raw_path
        if path == b"/ready":
            return Response(200, [], b"ready", close=close)
        if path == b"/known":
            return Response(206, [], pieces(), 7, close)
        if path == b"/unknown":
            return Response(200, [], pieces(), close=close)
        if path == b"/stands":
            return Response(200, [], b"", 12345, close)
        if path == b"/none":
            return Response(204, [], b"ignored", close=close)
        return Response(304, [(b"ETag", b'"a"')], pieces(), 7, close)

    server = await serve(handler)

    def talk(client: Any) -> None:
        assert client.ask(get("ready"))[2] == b"ready"
        assert client.ask(get("known"))[1:][1] == b"one two"
        status, headers, body = client.ask(get("unknown"))
        assert (headers["transfer-encoding"], body) == ("chunked", b"one two")
        for path in ("none", "same"):
            status, headers, body = client.ask(get(path))
            assert status in (204, 304)
            assert "content-length" not in headers
        for path, length in (("ready", "5"), ("known", "7"), ("unknown", None), ("stands", "12345"), ("none", None)):
            status, headers, body = client.ask(b"HEAD /%b HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())
            assert headers.get("content-length") == length
        assert client.ask(get("ready"))[2] == b"ready"

    await server.talk(talk)
    paths = "ready known unknown none same ready known unknown stands none ready"
    assert closed == [b"/" + path for path in paths.encode().split()]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 70000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 70000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 10_000_000, 431),
        (b"GET /" + b"y" * 10_000_000, 414),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n" + b"x" * 101, 413),
    ],
)
@pytest_twisted.ensureDeferred
async def test_limits_get_an_answer(serve: Any, sent: bytes, expected: int) -> None:
    class Counting(NoObserver):
        def refused(self, status: int) -> None:
            refused.append(status)

    refused: list[int] = []
    server = await serve(echo, metrics=Counting(), max_body_bytes=100, idle_timeout=5.0)

    def talk(client: Any) -> tuple[int, dict[str, str], bytes]:
        with suppress(ConnectionError):
            client.send(sent)
        answer: tuple[int, dict[str, str], bytes] = client.response()
        if expected != 413:
            assert answer[1]["connection"] == "close"
            assert client.closed()
        return answer

    status, _, body = await server.talk(talk)
    assert status == expected
    assert body
    assert refused == ([] if expected == 413 else [expected])


@pytest_twisted.ensureDeferred
async def test_long_but_allowed_headers(serve: Any) -> None:
    server = await serve(echo)
    long = b"GET /%b HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %b\r\n\r\n" % (b"p" * 20000, b"t" * 40000)
    assert (await server.talk(lambda client: client.ask(long)))[0] == 200


@pytest_twisted.ensureDeferred
async def test_chunked_body_above_the_limit(serve: Any) -> None:
    server = await serve(echo, max_body_bytes=1000)
    request = (
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"64\r\n%b\r\n" % (b"x" * 100) * 11 + b"0\r\n\r\n"
    )
    assert (await server.talk(lambda client: client.ask(request)))[0] == 413


@pytest_twisted.ensureDeferred
async def test_broken_chunked_encoding_is_never_complete(serve: Any) -> None:
    seen: list[object] = []

    async def handler(request: Request) -> Response:
        try:
            async for data in request.body:
                seen.append(data)
        except InvalidRequest as error:
            seen.append(type(error))
            raise
        seen.append("complete")
        return Response(201)

    server = await serve(handler)

    def talk(client: Any) -> None:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        deadline = time.monotonic() + 60
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)
        status, headers, _ = client.ask(b"zz\r\nnonsense")
        assert (status, headers["connection"]) == (400, "close")
        assert client.closed()

    await server.talk(talk)
    assert seen == [b"abc", InvalidRequest]


@pytest.mark.parametrize("wanted", [True, False])
@pytest_twisted.ensureDeferred
async def test_who_goes_on_after_broken_chunks_is_listened_to(serve: Any, monkeypatch: Any, wanted: bool) -> None:
    monkeypatch.setattr(closing, "_LINGER_SECONDS", 600.0)

    async def handler(request: Request) -> Response:
        if wanted:
            async for _ in request.body:
                pass
        raise Locked("no")

    server = await serve(handler)

    def talk(client: Any) -> None:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        if not wanted:
            assert client.response()[0] == 423
        client.send(b"zz\r\n")
        if wanted:
            assert client.response()[0] == 400
        assert client.socket.recv(1) == b""
        # Had the connection been closed with that, these would fail, and an answer not read so far might be lost.
        for _ in range(50):
            client.send(b"x" * 10000)

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_vanishing_uploads(serve: Any, until: Any) -> None:
    seen: list[object] = []

    async def handler(request: Request) -> Response:
        try:
            async for data in request.body:
                seen.append(len(data))
        except Disconnected:
            seen.append("gone")
            assert request.disconnected
            raise
        seen.append("complete")
        return Response(201)

    server = await serve(handler)
    for framing in (b"Content-Length: 10", b"Transfer-Encoding: chunked"):
        await server.talk(
            lambda client, framing=framing: client.send(b"PUT / HTTP/1.1\r\nHost: h\r\n" + framing + b"\r\n\r\n4\r\nab")
        )
        await until(lambda: server.site.running == 0 and bool(seen))
        assert seen[-1] == "gone"
        assert "complete" not in seen
        assert server.site.windows.active == 0


@pytest_twisted.ensureDeferred
async def test_expect_is_answered_when_the_body_is_wanted(serve: Any, wait: Any) -> None:
    async def handler(request: Request) -> Response:
        if request.raw_path == b"/no":
            raise Locked("not now")
        await wait(0.1)
        return Response(201, [], await request.body.read_all(100))

    server = await serve(handler)
    put = b"PUT %b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n"

    def wanted(client: Any) -> None:
        start = time.monotonic()
        client.send(put % b"/yes")
        assert client.head() == (100, {})
        assert time.monotonic() - start > 0.09
        assert client.ask(b"abc")[::2] == (201, b"abc")
        # A client that does not wait gets no 100.
        assert client.ask(put % b"/yes" + b"abc")[::2] == (201, b"abc")

    def unwanted(client: Any) -> None:
        client.send(put % b"/no")
        status, headers, _ = client.response()
        assert (status, headers["connection"]) == (423, "close")
        assert client.closed()

    def old(client: Any) -> None:
        client.send((put % b"/yes").replace(b"1.1", b"1.0"))
        time.sleep(0.2)
        assert client.ask(b"abc")[::2] == (201, b"abc")

    def unknown(client: Any) -> None:
        assert client.ask((put % b"/yes").replace(b"100-Continue", b"magic"))[0] == 417
        assert client.closed()

    for function in (wanted, unwanted, old, unknown):
        await server.talk(function)


@pytest_twisted.ensureDeferred
async def test_early_refusal(serve: Any) -> None:
    async def handler(request: Request) -> Response:
        if request.verb == "PUT":
            raise Locked("no")
        return Response(200, [], b"fine")

    server = await serve(handler, discard_bytes=100_000, idle_timeout=5.0)

    def small(client: Any) -> None:
        # Little is missing: it is thrown away and the connection goes on.
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n")
        status, headers, _ = client.response()
        assert status == 423
        assert "connection" not in headers
        client.send(b"x" * 50000)
        assert client.ask(get())[2] == b"fine"
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.response()[0] == 423
        client.send(b"5\r\nabcde\r\n0\r\n\r\n" + get())
        assert client.response()[2] == b"fine"

    def large(client: Any) -> None:
        start = time.monotonic()
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000000\r\n\r\n" + b"x" * 60000)
        status, headers, _ = client.response()
        assert (status, headers["connection"]) == (423, "close")
        with pytest.raises(OSError):
            while time.monotonic() - start < 15:
                client.send(b"x" * 100000)

    def endless(client: Any) -> None:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.response()[0] == 423
        with pytest.raises(OSError):
            for _ in range(1000):
                client.send(b"2710\r\n" + b"x" * 10000 + b"\r\n")

    for function in (small, large, endless):
        await server.talk(function)


@pytest_twisted.ensureDeferred
async def test_slow_storage_stops_the_client(serve: Any, wait: Any, until: Any) -> None:
    bodies: list[Any] = []
    release: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        bodies.append(request.body)
        total = 0
        async for data in request.body:
            total += len(data)
            if not release.called:
                await release
        return Response(201, [], b"%d" % total)

    server = await serve(handler, window_bytes=262144)
    size = 30_000_000

    def talk(client: Any) -> bytes:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        return client.response()[2]  # type: ignore[no-any-return]

    done = Deferred.fromCoroutine(server.talk(talk))
    await until(lambda: bool(bodies) and bodies[0].received > 0)
    await wait(0.4)
    assert 0 < bodies[0].received <= 262144
    assert not bodies[0].complete
    release.callback(None)
    assert await done == b"%d" % size


@pytest_twisted.ensureDeferred
async def test_parallel_uploads_share_the_windows(serve: Any, wait: Any, until: Any) -> None:
    bodies: list[Any] = []
    release: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        bodies.append(request.body)
        total = 0
        async for data in request.body:
            total += len(data)
            if not release.called:
                waiter: Deferred[None] = Deferred()
                release.chainDeferred(waiter)
                await waiter
        return Response(201, [], b"%d" % total)

    server = await serve(handler, windows_total_bytes=1_000_000)
    size = 2_000_000

    def talk(client: Any) -> bytes:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        return client.response()[2]  # type: ignore[no-any-return]

    running = []
    for count in range(1, 9):
        running.append(Deferred.fromCoroutine(server.talk(talk)))
        await until(lambda count=count: len(bodies) == count and bodies[-1].received > 0)
        await wait(0.05)
    assert server.site.windows.active == 8
    assert sum(body.received for body in bodies) <= 8 * 131072 + 2 * 1_000_000
    assert all(body.received <= 131072 for body in bodies[-4:])
    release.callback(None)
    for one in running:
        assert await one == b"%d" % size
    assert server.site.windows.active == 0


@pytest_twisted.ensureDeferred
async def test_a_slow_reader_stops_the_storage(serve: Any, wait: Any) -> None:
    produced = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(400):
            produced += 100_000
            yield b"x" * 100_000

    async def handler(request: Request) -> Response:
        return Response(200, [], pieces(), 40_000_000)

    server = await serve(handler)

    def talk(client: Any) -> tuple[int, int]:
        client.send(get())
        client.head()
        time.sleep(0.5)
        before = produced
        return before, len(client.exactly(40_000_000))

    before, total = await server.talk(talk)
    assert before < 25_000_000  # what the kernel's buffers take
    assert total == 40_000_000


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("length", [5 * 700_001, None], ids=["as announced", "framed"])
async def test_blocks_that_are_taken_in_part_arrive_whole(serve: Any, length: int | None) -> None:
    blocks = [random.Random(number).randbytes(700_001) for number in range(5)]

    async def pieces() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block

    async def handler(request: Request) -> Response:
        return Response(200, [], pieces(), length)

    server = await serve(handler)

    def talk(client: Any) -> bytes:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        _, _, body = client.ask(get())
        return bytes(body)

    assert await server.talk(talk) == b"".join(blocks)


@pytest_twisted.ensureDeferred
async def test_vanishing_reader(serve: Any, until: Any) -> None:
    closed: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.append("generator")

    async def handler(request: Request) -> Response:
        async def close() -> None:
            closed.append("close")

        return Response(200, [], pieces(), close=close)

    statuses: list[int] = []

    class Watching(NoObserver):
        def finished(self, request: Request, status: int, received: int, sent: int, seconds: float) -> None:
            statuses.append(status)

    server = await serve(handler, metrics=Watching())

    def talk(client: Any) -> None:
        client.send(get())
        client.exactly(1000)

    await server.talk(talk)
    await until(lambda: server.site.running == 0)
    assert closed == ["generator", "close"]
    assert statuses == [499]


@pytest_twisted.ensureDeferred
async def test_a_failing_body_is_never_a_clean_end(serve: Any) -> None:
    async def pieces(path: bytes) -> AsyncIterator[bytes]:
        if path == b"/atonce":
            raise Locked("at once")
        yield b"x" * 1000
        if path == b"/long":
            yield b"x" * 1000
        elif path != b"/short":
            raise Locked("in the middle")

    async def handler(request: Request) -> Response:
        length = 1500 if request.raw_path in (b"/short", b"/long", b"/middle") else None
        return Response(200, [], pieces(request.raw_path), length)

    server = await serve(handler)

    def talk(client: Any) -> None:
        assert client.ask(get("atonce"))[::2] == (423, b"at once\n")

    def broken(path: str) -> Any:
        def talk(client: Any) -> None:
            with pytest.raises((EOFError, ConnectionError)):
                client.ask(get(path))

        return talk

    def old(client: Any) -> None:
        with pytest.raises(ConnectionError):
            client.ask(b"GET /stream HTTP/1.0\r\n\r\n")

    await server.talk(talk)
    for path in ("short", "long", "middle", "stream"):
        await server.talk(broken(path))
    await server.talk(old)


@pytest_twisted.ensureDeferred
async def test_unknown_failures_show_only_their_id(serve: Any) -> None:
    async def handler(request: Request) -> Response:
        if request.raw_path == b"/header":
            return Response(200, [(b"X", b"a\r\nSet-Cookie: b")])
        raise RuntimeError("secret")

    server = await serve(handler)

    def talk(client: Any) -> None:
        for path in ("", "header"):
            status, headers, body = client.ask(get(path))
            assert status == 500
            assert headers["x-request-id"].encode() in body
            assert "set-cookie" not in headers
            assert b"secret" not in body

    with capturedLogs() as logs:
        await server.talk(talk)
    assert ["log_failure" in event for event in logs] == [True, True]


@pytest_twisted.ensureDeferred
async def test_a_handler_that_swallows_the_disconnect(serve: Any, until: Any) -> None:
    async def handler(request: Request) -> Response:
        with suppress(Disconnected):
            await request.body.read_all(1000)
        return Response(200, [], b"who reads this?")

    server = await serve(handler)
    await server.talk(lambda client: client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"))
    await until(lambda: server.site.running == 0)


@pytest_twisted.ensureDeferred
async def test_drain(serve: Any, until: Any) -> None:
    release: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        if request.raw_path == b"/slow":
            await release
        return Response(200, [], b"done")

    server = await serve(handler)

    asked: list[bool] = []

    def idle(client: Any) -> bool:
        client.ask(get("quick"))
        asked.append(True)
        return client.closed()  # type: ignore[no-any-return]

    def slow(client: Any) -> Any:
        return client.ask(get("slow"))

    idling = Deferred.fromCoroutine(server.talk(idle))
    running = Deferred.fromCoroutine(server.talk(slow))
    await until(lambda: bool(asked) and server.site.running == 1 and len(server.site._connections) == 2)
    drained = server.site.drain(60)
    assert await idling
    assert not drained.called
    release.callback(None)
    status, headers, body = await running
    assert (status, headers["connection"], body) == (200, "close", b"done")
    await drained


@pytest_twisted.ensureDeferred
async def test_drain_cuts_in_the_end(serve: Any, until: Any) -> None:
    async def handler(request: Request) -> Response:
        await request.body.read_all(100)
        return Response(200)

    server = await serve(handler)

    def talk(client: Any) -> None:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        assert client.closed()

    done = Deferred.fromCoroutine(server.talk(talk))
    await until(lambda: server.site.running == 1)
    start = time.monotonic()
    await server.site.drain(0.1)
    assert time.monotonic() - start < 30
    await done


@pytest_twisted.ensureDeferred
async def test_more_connections_than_allowed_wait(serve: Any, until: Any) -> None:
    counts: list[int] = []

    class Counting(NoObserver):
        def connections(self, count: int) -> None:
            counts.append(count)

    server = await serve(echo, metrics=Counting(), connections=2)
    server.site.hold_back(server.port)
    go: list[bool] = []

    def talk(client: Any) -> bytes:
        client.ask(get("a"))
        while not go:
            time.sleep(0.01)
        return client.ask(get("b"))[2]  # type: ignore[no-any-return]

    running = [Deferred.fromCoroutine(server.talk(talk)) for _ in range(2)]
    await until(lambda: len(server.site._connections) == 2)
    third = Deferred.fromCoroutine(server.talk(lambda client: client.ask(get("c"))))
    await until(lambda: len(server.site._connections) == 2)
    assert not third.called
    go.append(True)
    for one in running:
        assert await one == b"/b:"
    assert (await third)[2] == b"/c:"
    assert max(counts) == 2


@pytest_twisted.ensureDeferred
async def test_read_all_refuses_before_reading(serve: Any) -> None:
    async def handler(request: Request) -> Response:
        with pytest.raises(TooLarge):
            await request.body.read_all(10)
        assert request.body.received == 0
        raise TooLarge("no")

    server = await serve(handler)

    def talk(client: Any) -> None:
        client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
        assert client.response()[0] == 413

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_drain_gives_up_handlers_that_never_end(serve: Any, until: Any) -> None:
    async def handler(request: Request) -> Response:
        never: Deferred[None] = Deferred()
        waiting.append(never)
        await never
        return Response(200)

    waiting: list[Deferred[None]] = []
    server = await serve(handler)

    def talk(client: Any) -> None:
        client.send(get())
        assert client.closed()

    running = Deferred.fromCoroutine(server.talk(talk))
    await until(lambda: server.site.running == 1)
    with capturedLogs() as logs:
        await server.site.drain(0.05)
    assert len(logs) == 1
    await running
    waiting[0].callback(None)


@pytest_twisted.ensureDeferred
async def test_trailers(serve: Any) -> None:
    """They are there once the body was read, for this request only."""

    async def handler(request: Request) -> Response:
        data = b"".join([piece async for piece in request.body])
        assert request.header("x-late") is None
        return Response(200, [], data + repr(dict(request.body.trailers)).encode())

    server = await serve(handler)
    top = b"PUT / HTTP/1.1\r\nHost: h\r\nTrailer: X-Late\r\nTransfer-Encoding: chunked\r\n\r\n"

    def talk(client: Any) -> None:
        body = b"1\r\na\r\n0\r\nX-Late: yes\r\n\r\n"
        assert client.ask(top + body)[2] == b"a{'x-late': ['yes']}"
        client.send(top)
        time.sleep(0.05)
        for cut in range(len(body)):
            client.send(body[cut : cut + 1])
        assert client.response()[2] == b"a{'x-late': ['yes']}"
        assert client.ask(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")[2] == b"{}"
        assert client.ask(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb")[2] == b"b{}"
        assert client.ask(get())[2] == b"{}"
        assert client.ask(top + b"1\r\na\r\n0\r\nX-Late yes\r\n\r\n")[0] == 400

    await server.talk(talk)
