"""Archives of large files: memory, slow and vanished clients, kernels that cut."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from . import launch
from .gateway import USERS, Gateway

MIB = 1 << 20
GIB = 1 << 30
SIZE = 300 * MIB + 12345


def opened(gateway: Gateway) -> int:
    """Files of alice that the process has open."""
    assert gateway.process is not None
    found = 0
    for fd in Path(f"/proc/{gateway.process.pid}/fd").iterdir():
        try:
            found += "/sparse" in os.readlink(fd)
        except FileNotFoundError:
            continue
    return found


def until(gateway: Gateway, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while opened(gateway) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_memory_stays_flat(stopped_gateway: Gateway, tmp_path: Path, form: str) -> None:
    gateway = stopped_gateway
    gateway.launcher = launch.twistd
    folder = gateway.make_home() / "d"
    folder.mkdir()
    with (folder / "sparse").open("wb") as file:
        file.truncate(SIZE)
    (folder / "z").write_bytes(b"last")
    gateway.start()
    with gateway.client() as client:
        client.list("d")
        gateway.forget_peak()
        before = gateway.memory()
        made = tmp_path / f"made.{form}"
        login = f"alice:{USERS['alice']}"
        url = gateway.url(f"/archiver?path=d&output-format={form}")
        with subprocess.Popen(["curl", "-sSf", "-u", login, url], stdout=subprocess.PIPE) as curl:
            # Holes stay holes.
            subprocess.run(
                ["dd", f"of={made}", "bs=1M", "iflag=fullblock", "conv=sparse", "status=none"], stdin=curl.stdout, check=True
            )
        assert curl.returncode == 0
        assert gateway.memory("VmHWM") < before + 20 * MIB
        assert made.stat().st_size > SIZE
        check = ["unzip", "-t"] if form == "zip" else ["tar", "tf"]
        listed = subprocess.run([*check, str(made)], capture_output=True, text=True, check=True).stdout
        assert "d/sparse" in listed
        assert "d/z" in listed


def test_slow_and_vanished_clients(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.launcher = launch.twistd
    with (gateway.make_home() / "sparse").open("wb") as file:
        file.truncate(4 * GIB)
    gateway.start()
    login = base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()
    with gateway.client() as client:
        client.list()
    gateway.forget_peak()
    before, begun = gateway.memory(), gateway.moved_bytes()[0]
    clients = []
    for form in ("zip", "tar") * 5:
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        clients.append(connection)
        target = f"/archiver?path=sparse&output-format={form}"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    until(gateway, 10)
    # Nobody takes anything, so nothing more is read than fits on the way.
    last = -MIB
    while (read := gateway.moved_bytes()[0] - begun) - last >= MIB:
        assert read < 10 * 16 * MIB
        last = read
        time.sleep(0.3)
    assert gateway.memory("VmHWM") < before + 40 * MIB
    for connection in clients:
        connection.close()
    until(gateway, 0)
