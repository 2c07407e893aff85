"""What downloads from a bucket hold."""

from __future__ import annotations

import socket
import time

from ..bucket import BucketGateway
from ..test_memory import request

MIB = 1 << 20
READERS = 20


def test_slow_readers_cost_less_than_their_windows(gateway: BucketGateway) -> None:
    with gateway.client() as client:
        assert client.ask("PUT", "big", bytes(48 * MIB)).status in (201, 204)
        client.ask("GET", "big")
    before = gateway.memory()
    readers = []
    for _ in range(READERS):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reader.connect(("127.0.0.1", gateway.port))
        reader.sendall(request("GET", "big"))
        readers.append(reader)
    seen = 0
    for _ in range(30):
        time.sleep(0.1)
        for reader in readers:
            assert reader.recv(1000)
        seen = max(seen, gateway.memory())
    for reader in readers:
        reader.close()
    assert seen - before < READERS * MIB, f"{(seen - before) / MIB:.1f} MiB"
