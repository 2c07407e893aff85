"""Files from the kernel, against a real server."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from clawgate.interfaces import Body, FileSlice, Reader
from clawgate.web import sendfile
from clawgate.web.request import Request
from clawgate.web.response import FileBody, Response

GET = b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n"


class File(Reader):
    def __init__(self, path: Path, kernel: bool = True) -> None:
        self.file = path.open("rb")
        self.kernel = kernel
        self.slices = 0

    def slice(self, start: int, stop: int) -> FileSlice | None:
        self.slices += 1
        return FileSlice(self.file.fileno(), start, stop) if self.kernel else None

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        assert stop is not None
        self.file.seek(start)
        while start < stop:
            data = self.file.read(min(65536, stop - start))
            if not data:
                return
            start += len(data)
            yield data

    async def close(self) -> None:
        self.file.close()


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(1_000_000) * 12 + b"end")
    return path


def handler_for(path: Path, opened: list[File]) -> Any:
    async def handler(request: Request) -> Response:
        file = File(path, kernel=request.raw_path != b"/stream")
        opened.append(file)
        size = os.stat(path).st_size
        start, stop = (5, size - 7) if request.raw_path == b"/part" else (0, size)
        if request.raw_path == b"/little":
            stop = 1000
        return Response(200, [(b"ETag", b'"a"')], FileBody(file, start, stop), close=file.close)

    return handler


@pytest_twisted.ensureDeferred
async def test_content_order_and_pipelining(serve: Any, big: Path) -> None:
    opened: list[File] = []
    server = await serve(handler_for(big, opened))
    content = read(big)

    def talk(client: Any) -> None:
        client.send(b"".join(GET % path for path in (b"all", b"part", b"little", b"stream", b"part")))
        for expected in (content, content[5:-7], content[:1000], content, content[5:-7]):
            status, headers = client.head()
            size = int(headers["content-length"])
            assert (status, size) == (200, len(expected))
            seen = hashlib.md5(client.rest[:size])
            left = size - len(client.rest)
            client.rest = client.rest[size:]
            while left > 0:
                data = client.socket.recv(min(left, 1 << 20))
                assert data
                seen.update(data)
                left -= len(data)
            assert seen.digest() == hashlib.md5(expected).digest()
        status, headers, _ = client.ask(b"HEAD /all HTTP/1.1\r\nHost: h\r\n\r\n")
        assert headers["content-length"] == str(len(content))

    await server.talk(talk)
    assert [file.slices for file in opened] == [1, 1, 0, 1, 1, 0]
    assert all(file.file.closed for file in opened)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's own way with certificates
@pytest_twisted.ensureDeferred
async def test_switched_off_and_over_tls(serve: Any, big: Path) -> None:
    content = read(big)
    for tls, sendfile_on in ((False, False), (True, True)):
        opened: list[File] = []
        server = await serve(handler_for(big, opened), tls=tls, sendfile=sendfile_on)

        def talk(client: Any) -> str:
            client.send(GET % b"all" + b"")
            _, headers = client.head()
            seen = hashlib.md5(client.rest)
            left = int(headers["content-length"]) - len(client.rest)
            while left > 0:
                data = client.socket.recv(min(left, 1 << 20))
                seen.update(data)
                left -= len(data)
            return seen.hexdigest()

        assert await server.talk(talk) == hashlib.md5(content).hexdigest()
        assert [file.slices for file in opened] == [0]


@pytest_twisted.ensureDeferred
async def test_slow_and_vanishing_clients(serve: Any, big: Path, until: Any) -> None:
    opened: list[File] = []
    server = await serve(handler_for(big, opened))
    go: list[bool] = []

    def talk(client: Any) -> None:
        client.send(GET % b"all")
        client.exactly(1000)
        while not go:
            time.sleep(0.01)

    running = Deferred.fromCoroutine(server.talk(talk))
    quiet = 0

    def rests() -> bool:
        nonlocal quiet
        quiet = quiet + 1 if server.site.running == 1 and server.workers.pending == 0 else 0
        return quiet == 20

    # No thread is held by a client that does not read.
    await until(rests)
    assert server.site.running == 1
    descriptors = len(os.listdir("/proc/self/fd"))
    go.append(True)
    await running
    await until(lambda: server.site.running == 0)
    assert opened[0].file.closed
    assert len(os.listdir("/proc/self/fd")) < descriptors


@pytest_twisted.ensureDeferred
async def test_a_file_that_changes_or_shrinks_is_never_complete(serve: Any, big: Path, until: Any, wait: Any) -> None:
    content = read(big)
    size = len(content)

    def rewrite() -> None:
        with big.open("r+b") as file:
            file.write(b"x")

    def shrink() -> None:
        os.truncate(big, 11_000_000)

    def replace() -> None:
        other = big.with_name("other")
        other.write_bytes(b"y" * size)
        other.rename(big)

    for change, complete in ((rewrite, False), (shrink, False), (replace, True)):
        write(big, content)
        opened: list[File] = []
        server = await serve(handler_for(big, opened))
        go: list[bool] = []

        def talk(client: Any, go: list[bool] = go) -> bytes | None:
            client.send(GET % b"all")
            client.head()
            while not go:
                time.sleep(0.01)
            data = bytearray(client.rest)
            try:
                while len(data) < size:
                    piece = client.socket.recv(1 << 20)
                    if not piece:
                        return None
                    data += piece
            except ConnectionError:
                return None
            return bytes(data)

        running = Deferred.fromCoroutine(server.talk(talk))
        await until(lambda server=server: server.site.running == 1 and server.workers.pending == 0)
        await wait(0.05)
        change()
        go.append(True)
        assert await running == (content if complete else None)


@pytest_twisted.ensureDeferred
async def test_a_full_queue_only_slows_down(serve: Any, big: Path, until: Any) -> None:
    opened: list[File] = []
    server = await serve(handler_for(big, opened))
    server.workers.limit = 0

    def talk(client: Any) -> int:
        client.send(GET % b"part")
        client.head()
        server.workers.limit = 100
        left = os.stat(big).st_size - 12 - len(client.rest)
        while left > 0:
            left -= len(client.socket.recv(min(left, 1 << 20)))
        return left

    assert await server.talk(talk) == 0


def test_what_was_changed_before_the_first_byte_counts(tmp_path: Path) -> None:
    import socket

    file = tmp_path / "file"
    file.write_bytes(b"x" * 1000)
    opened = os.stat(file)
    version = sendfile._Version(opened.st_size, opened.st_mtime_ns)
    ours, theirs = socket.socketpair()
    with file.open("rb+") as stream, ours, theirs:
        stream.write(b"y")
        stream.flush()
        os.utime(file, ns=(0, opened.st_mtime_ns + 1))
        with pytest.raises(Exception, match="changed"):
            sendfile._push(ours.fileno(), stream.fileno(), 0, 1000, version)
        assert len(theirs.recv(2000)) < 1000


def test_the_last_byte_is_held_back(tmp_path: Path) -> None:
    import socket

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with path.open("rb") as file, ours, theirs:
        offset, version = sendfile._push(ours.fileno(), file.fileno(), 0, 5, None)
        assert (offset, theirs.recv(10)) == (5, b"12345")
        path.write_bytes(b"1234567")
        with pytest.raises(Exception, match="changed"):
            sendfile._push(ours.fileno(), file.fileno(), 0, 5, version)
        assert theirs.recv(10) == b"1234"


@pytest.mark.parametrize("path", [b"all", b"stream"])
@pytest_twisted.ensureDeferred
async def test_slow_is_not_silent(serve: Any, big: Path, until: Any, path: bytes) -> None:
    opened: list[File] = []
    server = await serve(handler_for(big, opened), idle_timeout=2.0)

    def slow(client: Any) -> None:
        client.send(GET % path)
        client.head()
        # Nothing new goes into the kernel's buffer for a while, but what is in there gets less.
        for _ in range(80):
            time.sleep(0.05)
            client.exactly(20_000)
        assert server.site.running == 1

    def silent(client: Any) -> None:
        client.send(GET % path)
        client.head()
        deadline = time.monotonic() + 60
        while server.site.running and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not server.site.running

    await server.talk(slow)
    await until(lambda: server.site.running == 0)
    await server.talk(silent)
    assert all(file.file.closed for file in opened)
