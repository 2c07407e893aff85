"""Ports of loopback for servers that tests start."""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator

FIRST, SLICE, SLICES = 11_000, 1_500, 6
"""Below those that the kernel gives to connections, which would be taken from under a server that is just starting."""


def _candidates() -> Iterator[int]:
    """Processes of tests that run side by side (pytest-xdist) have slices of their own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST + worker % SLICES * SLICE
    start = random.randrange(SLICE)
    return (first + (start + step) % SLICE for step in itertools.count())


_next = _candidates()


def free_port(*, besides: int = 0) -> int:
    """A port that nobody listens on; with `besides` the one that much above it is free, too."""
    while True:
        port = next(_next)
        if all(_is_free(one) for one in {port, port + besides}):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of servers that were here before do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
