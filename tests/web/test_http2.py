"""HTTP/2 over TLS with the same handlers, driven by the h2 library, curl and nghttp."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import pytest
import pytest_twisted
from twisted.internet import threads
from twisted.internet.defer import Deferred

from clawgate.errors import Disconnected, Locked
from clawgate.interfaces import Body, Reader
from clawgate.web.observer import NoObserver
from clawgate.web.request import Request
from clawgate.web.response import FileBody, Response

pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's own way with certificates


class H2:
    """A blocking HTTP/2 client on a TLS socket."""

    def __init__(self, client: Any, window: int = 65535) -> None:
        assert client.socket.selected_alpn_protocol() == "h2"
        self.socket = client.socket
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.conn.local_settings[h2.settings.SettingCodes.INITIAL_WINDOW_SIZE] = window
        self.conn.initiate_connection()
        self.events: dict[int, list[Any]] = {}
        self.gone = False
        self.acknowledge = True
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.conn.data_to_send())

    def step(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.gone = True
            return False
        for event in self.conn.receive_data(data):
            if isinstance(event, h2.events.ConnectionTerminated):
                self.events.setdefault(0, []).append(event)
            stream = getattr(event, "stream_id", None)
            if stream:
                self.events.setdefault(stream, []).append(event)
            if isinstance(event, h2.events.DataReceived) and self.acknowledge:
                self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return True

    def start(self, verb: str, path: str, headers: list[tuple[str, str]] | None = None, end: bool = True) -> int:
        stream = self.conn.get_next_available_stream_id()
        top = [(":method", verb), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.conn.send_headers(stream, top + (headers or []), end_stream=end)
        self.flush()
        return stream  # type: ignore[no-any-return]

    def has(self, stream: int, *kinds: type) -> Any:
        return next((event for event in self.events.get(stream, []) if isinstance(event, kinds)), None)

    def wait(self, stream: int, *kinds: type) -> Any:
        while (found := self.has(stream, *kinds)) is None:
            assert self.step(), "the connection is gone"
        return found

    def body(self, stream: int, data: bytes, end: bool = True) -> None:
        """Send, waiting for windows; stops when the stream was reset."""
        while data:
            if self.has(stream, h2.events.StreamReset):
                return
            room = min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size, len(data))
            if not room:
                assert self.step(), "the connection is gone"
                continue
            self.conn.send_data(stream, data[:room])
            data = data[room:]
            self.flush()
        if end:
            self.conn.end_stream(stream)
            self.flush()

    def answer(self, stream: int) -> tuple[int, dict[str, str], bytes]:
        self.wait(stream, h2.events.StreamEnded, h2.events.StreamReset)
        if self.has(stream, h2.events.StreamEnded) is None:
            raise EOFError
        headers = dict(self.has(stream, h2.events.ResponseReceived).headers)
        data = b"".join(event.data for event in self.events[stream] if isinstance(event, h2.events.DataReceived))
        return int(headers[":status"]), headers, data


async def echo(request: Request) -> Response:
    assert request.http_version == "2"
    assert request.secure
    data = await request.body.read_all(1_000_000)
    text = (
        f"{request.verb} {request.raw_path.decode()} {request.query.decode()} {request.base_url} {request.header('x')} ".encode()
    )
    return Response(200, [(b"Content-Type", b"text/plain"), (b"X-Many", b"1"), (b"X-Many", b"2")], text + data)


@pytest_twisted.ensureDeferred
async def test_requests_and_answers(serve: Any) -> None:
    server = await serve(echo, tls=True, alpn=("h2",))

    def talk(client: Any) -> None:
        http = H2(client)
        streams = [http.start("PROPFIND", f"/{number}?q", [("x", "y")]) for number in range(20)]
        for number, stream in enumerate(streams):
            status, headers, body = http.answer(stream)
            assert status == 200
            assert body == f"PROPFIND /{number} q https://localhost y ".encode()
            assert headers["content-length"] == str(len(body))
            assert headers["date"].endswith("GMT")
            assert headers["x-request-id"]
        stream = http.start("PUT", "/", [("content-length", "5")], end=False)
        http.body(stream, b"hello")
        assert http.answer(stream)[2].endswith(b"hello")
        stream = http.start("POST", "/", end=False)
        http.body(stream, b"x" * 300_000)
        assert len(http.answer(stream)[2]) > 300_000
        stream = http.start("HEAD", "/a")
        status, headers, body = http.answer(stream)
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 10
        stream = http.start("GET", "/", [("cookie", "a=b"), ("cookie", "c=d"), ("expect", "magic")])
        assert http.answer(stream)[0] == 417
        stream = http.start("GET", "/", [("y", "z" * 20000)] * 4)
        assert http.answer(stream)[0] == 431
        stream = http.start("GET", "nonsense")
        assert http.answer(stream)[0] == 400

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_http_1_1_over_tls(serve: Any) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [], request.base_url.encode() + await request.body.read_all(1_000_000))

    for alpn in ((), ("http/1.1",)):
        server = await serve(handler, tls=True, alpn=alpn)

        def talk(client: Any) -> None:
            request = b"PUT / HTTP/1.1\r\nHost: localhost:99\r\nContent-Length: 300000\r\nExpect: 100-continue\r\n\r\n"
            for _ in range(2):
                client.send(request)
                assert client.head()[0] == 100
                assert client.ask(b"x" * 300000)[2] == b"https://localhost:99" + b"x" * 300000

        await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_early_answers(serve: Any, wait: Any) -> None:
    seen: list[int] = []

    async def handler(request: Request) -> Response:
        if request.raw_path == b"/no":
            raise Locked("no")
        await wait(0.05)
        data = await request.body.read_all(100)
        seen.append(len(data))
        return Response(201, [], data)

    server = await serve(handler, tls=True, alpn=("h2",))

    def talk(client: Any) -> None:
        http = H2(client)
        refused = http.start("PUT", "/no", [("content-length", "1000000"), ("expect", "100-continue")], end=False)
        assert http.answer(refused)[0] == 423
        assert not http.has(refused, h2.events.InformationalResponseReceived)
        assert http.wait(refused, h2.events.StreamReset).error_code == 0
        # Frames that were on their way do no harm.
        other = http.start("PUT", "/no", [("content-length", "30000")], end=False)
        http.conn.send_data(other, b"x" * 10000)
        http.conn.send_data(other, b"x" * 10000)
        http.flush()
        assert http.answer(other)[0] == 423
        wanted = http.start("PUT", "/yes", [("content-length", "5"), ("expect", "100-continue")], end=False)
        assert dict(http.wait(wanted, h2.events.InformationalResponseReceived).headers)[":status"] == "100"
        http.body(wanted, b"hello")
        assert http.answer(wanted)[::2] == (201, b"hello")

    await server.talk(talk)
    assert seen == [5]


@pytest_twisted.ensureDeferred
async def test_back_pressure_of_uploads(serve: Any, wait: Any) -> None:
    bodies: list[Any] = []
    release: Deferred[None] = Deferred()

    async def handler(request: Request) -> Response:
        if request.raw_path == b"/other":
            return Response(201, [], b"%d" % len(await request.body.read_all(1_000_000)))
        bodies.append(request.body)
        total = 0
        async for data in request.body:
            total += len(data)
            if not release.called:
                await release
        return Response(201, [], b"%d" % total)

    server = await serve(handler, tls=True, alpn=("h2",), window_bytes=262144)
    done: list[bool] = []

    def talk(client: Any) -> None:
        http = H2(client)
        stream = http.start("PUT", "/slow", end=False)
        sent = 0
        client.socket.settimeout(0.3)
        deadline = time.monotonic() + 60
        while sent < 1_000_000:
            room = min(http.conn.local_flow_control_window(stream), 16384)
            if room:
                http.conn.send_data(stream, b"x" * room)
                http.flush()
                sent += room
                continue
            try:
                http.step()
            except TimeoutError:
                if sent > 100_000 or time.monotonic() > deadline:
                    break
        client.socket.settimeout(120)
        assert 100_000 < sent < 700_000
        # Others are not held up by it.
        other = http.start("PUT", "/other", end=False)
        http.body(other, b"y" * 200_000)
        assert http.answer(other)[2] == b"200000"
        done.append(True)
        http.body(stream, b"x" * 500_000)
        assert http.answer(stream)[2] == b"%d" % (sent + 500_000)

    running = Deferred.fromCoroutine(server.talk(talk))
    while not done and not running.called:
        await wait(0.05)
    assert bodies[0].received <= 262144
    release.callback(None)
    await running
    assert server.site.windows.active == 0


@pytest_twisted.ensureDeferred
async def test_back_pressure_of_downloads(serve: Any) -> None:
    produced = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(100):
            produced += 50_000
            yield b"x" * 50_000

    async def handler(request: Request) -> Response:
        return Response(200, [], pieces() if request.raw_path == b"/large" else b"small")

    server = await serve(handler, tls=True, alpn=("h2",))

    def talk(client: Any) -> None:
        # A client with a window as wide as curl's must not make the server keep the whole answer.
        for window, most in ((65535, 400_000), (30_000_000, 5_000_000)):
            nonlocal produced
            produced = 0
            other = type(client)(server.number, server.context)
            try:
                http = H2(other, window)
                http.acknowledge = False
                stream = http.start("GET", "/large")
                http.wait(stream, h2.events.DataReceived)
                time.sleep(0.3)
                assert produced <= most
                if window == 65535:
                    small = http.start("GET", "/small")
                    http.acknowledge = True
                    for event in list(http.events[stream]):
                        if isinstance(event, h2.events.DataReceived):
                            http.conn.acknowledge_received_data(event.flow_controlled_length, stream)
                    http.flush()
                    assert http.answer(small)[2] == b"small"
                    assert len(http.answer(stream)[2]) == 5_000_000
            finally:
                other.socket.close()

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_resets_and_lost_connections(serve: Any, until: Any) -> None:
    seen: list[str] = []
    statuses: list[int] = []

    class Watching(NoObserver):
        def finished(self, request: Request, status: int, received: int, sent: int, seconds: float) -> None:
            statuses.append(status)

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 50_000

    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise Locked("in the middle")

    async def handler(request: Request) -> Response:
        if request.raw_path == b"/failing":
            return Response(200, [], failing())
        if request.verb == "GET":
            return Response(200, [], pieces())
        try:
            await request.body.read_all(100_000)
        except Disconnected:
            seen.append("gone")
            raise
        return Response(200)

    server = await serve(handler, tls=True, alpn=("h2",), metrics=Watching())

    def talk(client: Any) -> None:
        http = H2(client)
        upload = http.start("PUT", "/", end=False)
        http.conn.send_data(upload, b"abc")
        http.flush()
        http.conn.reset_stream(upload)
        http.flush()
        download = http.start("GET", "/")
        http.wait(download, h2.events.DataReceived)
        http.conn.reset_stream(download)
        http.flush()
        broken = http.start("GET", "/failing")
        with pytest.raises(EOFError):
            http.answer(broken)
        assert http.has(broken, h2.events.StreamReset).error_code != 0
        # Left behind with the connection:
        http.conn.send_data(http.start("PUT", "/", end=False), b"abc")
        http.start("GET", "/")
        http.flush()
        time.sleep(0.1)

    await server.talk(talk)
    await until(lambda: server.site.running == 0)
    assert seen == ["gone", "gone"]
    assert sorted(statuses) == [200, 499, 499, 499, 499]


@pytest_twisted.ensureDeferred
async def test_drain(serve: Any, until: Any) -> None:
    release: Deferred[None] = Deferred()
    told: list[bool] = []

    async def handler(request: Request) -> Response:
        await release
        return Response(200, [], b"done")

    server = await serve(handler, tls=True, alpn=("h2",))

    def talk(client: Any) -> None:
        http = H2(client)
        stream = http.start("GET", "/")
        http.wait(0, h2.events.ConnectionTerminated)
        told.append(True)
        # The h2 library takes GOAWAY for the end and refuses to read on: the rest is looked at raw.
        data = b""
        while b"done" not in data:
            piece = client.socket.recv(65536)
            assert piece, stream
            data += piece
        while client.socket.recv(65536):
            pass

    running = Deferred.fromCoroutine(server.talk(talk))
    await until(lambda: server.site.running == 1)
    drained = server.site.drain(5)
    await until(lambda: bool(told))
    assert not drained.called
    release.callback(None)
    await running
    await drained


@pytest_twisted.ensureDeferred
async def test_idle_and_slow_clients(serve: Any, until: Any) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [], await request.body.read_all(100))

    server = await serve(handler, tls=True, alpn=("h2",), idle_timeout=1.5)

    def idle(client: Any) -> None:
        http = H2(client)
        http.answer(http.start("GET", "/"))
        while http.step():
            pass
        assert http.has(0, h2.events.ConnectionTerminated).error_code == 0

    def goodbye(client: Any) -> None:
        http = H2(client)
        http.answer(http.start("GET", "/"))
        http.conn.close_connection()
        http.flush()
        start = time.monotonic()
        while client.socket.recv(65536):
            pass
        assert time.monotonic() - start < 30

    def silent(client: Any) -> None:
        http = H2(client)
        stream = http.start("PUT", "/", end=False)
        assert http.answer(stream)[0] == 408

    await server.talk(idle)
    await server.talk(goodbye)
    await server.talk(silent)


@pytest_twisted.ensureDeferred
async def test_real_clients(serve: Any, tmp_path: Path, certificate: str) -> None:
    size = 20_000_000
    content = hashlib.sha256(b"seed").digest() * (size // 32)

    class Memory(Reader):
        async def stream(self, start: int = 0, stop: int | None = None) -> Body:
            for at in range(0, size, 1_000_000):
                yield content[at : at + 1_000_000]

        async def close(self) -> None:
            pass

    async def handler(request: Request) -> Response:
        assert request.http_version == "2"
        if request.verb == "PUT":
            seen = hashlib.sha256()
            async for data in request.body:
                seen.update(data)
            return Response(201, [], seen.hexdigest().encode())
        if request.raw_path == b"/no":
            raise Locked("no")
        return Response(200, [], FileBody(Memory(), 0, size))

    server = await serve(handler, tls=True)
    path = tmp_path / "file"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    url = f"https://localhost:{server.number}/"

    def run(*command: str) -> bytes:
        return subprocess.run(command, check=True, capture_output=True, timeout=300).stdout

    def curl(*arguments: str) -> bytes:
        return run("curl", "-sS", "--http2", "--cacert", certificate, *arguments)

    def talk() -> None:
        assert hashlib.sha256(curl(url)).hexdigest() == digest
        assert curl("-T", str(path), url).decode() == digest
        assert curl("-T", str(path), "-H", "Content-Length:", "-H", "Transfer-Encoding: chunked", url).decode() == digest
        assert curl("-o", "/dev/null", "-w", "%{http_version} %{http_code}", url + "no") == b"2 423"
        many = curl("--parallel", *[word for _ in range(8) for word in ("-o", "/dev/null", url)], "-w", "%{http_code} ")
        assert many.split() == [b"200"] * 8
        out = run("nghttp", "-n", "-s", "-m", "10", url + "no")
        assert out.count(b" 423 ") == 10

    await threads.deferToThread(talk)


@pytest_twisted.ensureDeferred
async def test_trailers(serve: Any) -> None:
    async def handler(request: Request) -> Response:
        data = await request.body.read_all(100)
        return Response(200, [], data + repr(dict(request.body.trailers)).encode())

    server = await serve(handler, tls=True, alpn=("h2",))

    def talk(client: Any) -> None:
        http = H2(client)
        for pause in (False, True):
            stream = http.start("PUT", "/", [("trailer", "x-late")], end=False)
            http.conn.send_data(stream, b"a")
            if pause:
                http.flush()
                time.sleep(0.05)
            http.conn.send_headers(stream, [("x-late", " yes"), ("x-late", "no")], end_stream=True)
            http.flush()
            assert http.answer(stream)[::2] == (200, b"a{'x-late': ['yes', 'no']}")
        stream = http.start("PUT", "/", end=False)
        http.conn.send_headers(stream, [("x-late", "yes")], end_stream=True)
        http.flush()
        assert http.answer(stream)[::2] == (200, b"{'x-late': ['yes']}")
        stream = http.start("PUT", "/", end=False)
        http.conn.send_headers(stream, [(f"x-{number}", "a" * 1000) for number in range(17)], end_stream=True)
        http.flush()
        assert http.answer(stream)[0] == 400
        stream = http.start("PUT", "/", end=False)
        http.body(stream, b"b")
        assert http.answer(stream)[::2] == (200, b"b{}")

    await server.talk(talk)
