"""What the process holds in memory while much is under way."""

from __future__ import annotations

import base64
import os
import select
import socket
import subprocess
import time
from pathlib import Path

import pytest

from . import launch
from .gateway import USERS, Gateway

MIB = 1 << 20
LOGIN = "Authorization: Basic " + base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()


def request(verb: str, path: str, *headers: str) -> bytes:
    lines = [f"{verb} /remote.php/dav/files/alice/{path} HTTP/1.1", "Host: localhost", LOGIN, *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.fixture
def stopped_gateway(stopped_gateway: Gateway) -> Gateway:
    """Started as a user starts it: what it weighs is its own."""
    stopped_gateway.launcher = launch.twistd
    return stopped_gateway


@pytest.fixture
def slow_disk(tmp_path: Path) -> dict[str, str]:
    """The environment that makes a process write slowly."""
    library = tmp_path / "slow_disk.so"
    source = Path(__file__).with_name("slow_disk.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "SLOW_DISK_NS_PER_KIB": "14000"}


def test_a_hundred_uploads_on_a_slow_disk(stopped_gateway: Gateway, tmp_path: Path, slow_disk: dict[str, str]) -> None:
    """100 at once, 256 MB each, faster than the disk: below 150 MiB from the start of the process to the end."""
    gateway, size = stopped_gateway, 256_000_000
    gateway.environment = slow_disk
    gateway.start()
    with gateway.client() as client:
        client.list()
    source = tmp_path / "source"
    with source.open("wb") as out:
        out.truncate(size)
    content = os.open(source, os.O_RDONLY)
    uploads: dict[int, tuple[socket.socket, int]] = {}
    answers: list[bytes] = []
    poll = select.epoll()
    for number in range(100):
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        connection.sendall(request("PUT", f"upload {number}".replace(" ", "%20"), f"Content-Length: {size}"))
        connection.setblocking(False)
        uploads[connection.fileno()] = (connection, 0)
        poll.register(connection, select.EPOLLIN | select.EPOLLOUT)
    deadline = time.monotonic() + 180
    while uploads:
        assert time.monotonic() < deadline, f"{len(uploads)} uploads did not end"
        for descriptor, event in poll.poll(5):
            connection, sent = uploads[descriptor]
            if event & select.EPOLLIN:
                answers.append(connection.recv(65536))
                poll.unregister(connection)
                connection.close()
                del uploads[descriptor]
            elif event & select.EPOLLOUT:
                sent += os.sendfile(descriptor, content, sent, min(size - sent, MIB))
                uploads[descriptor] = (connection, sent)
                if sent == size:
                    poll.modify(connection, select.EPOLLIN)
    poll.close()
    os.close(content)
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 201"}, answers[:3]
    assert {path.stat().st_size for path in gateway.disk().iterdir() if path.is_file()} == {size}
    assert gateway.memory("VmHWM") < 150 * MIB, f"{gateway.memory('VmHWM') / MIB:.0f} MiB"
    gateway.assert_tidy()


@pytest.mark.parametrize("sendfile", [True, False])
def test_slow_readers_cost_nothing(stopped_gateway: Gateway, sendfile: bool) -> None:
    """Twenty readers at 10 KB/s of a file of 256 MB."""
    gateway = stopped_gateway
    gateway.configure(http={"sendfile": sendfile})
    with (gateway.make_home() / "big").open("wb") as out:
        out.truncate(256_000_000)
    gateway.start()
    with gateway.client() as client:
        client.ask("GET", "big", None, {"Range": "bytes=0-10000000"})
    before = gateway.memory()
    readers = []
    for _ in range(20):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reader.connect(("127.0.0.1", gateway.port))
        reader.sendall(request("GET", "big"))
        readers.append(reader)
    seen = 0
    for _ in range(60):
        time.sleep(0.1)
        for reader in readers:
            assert reader.recv(1000)
        seen = max(seen, gateway.memory())
    for reader in readers:
        reader.close()
    # Twenty sockets and twenty windows that are shared; never twenty files.
    assert seen - before < 20 * MIB, f"{(seen - before) / MIB:.1f} MiB"


def test_idle_connections_are_cheap(gateway: Gateway) -> None:
    """1,000 connections that have each asked once and are silent now cost less than 60 MiB."""
    ask = request("PROPFIND", "", "Depth: 0")
    first = socket.create_connection(("127.0.0.1", gateway.port))
    first.sendall(ask)
    assert first.recv(65536).startswith(b"HTTP/1.1 207")
    before = gateway.memory()
    connections = []
    for _ in range(1000):
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        connection.sendall(ask)
        connections.append(connection)
    for connection in connections:
        assert connection.recv(65536).startswith(b"HTTP/1.1 207")
    cost = gateway.memory() - before
    for connection in [first, *connections]:
        connection.close()
    assert cost < 60 * MIB, f"{cost / MIB:.1f} MiB"
