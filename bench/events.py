"""What clients cost that wait for changes, and how soon all of them hear of one.

    python bench/events.py [--clients 10000] [--changes 10] [--json FILE]

All of them are one person's, so each hears of each change. Printed: memory for one of them; CPU seconds of the gateway for a
change that nobody waits for and for one that all are told of; from the answer to the change until the first and the last have
heard of it; the longest that somebody else waited for a small answer meanwhile. ``docs/benchmarks.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

import load
from peers import Clawgate

PATH = "/ocs/v2.php/apps/notifications/api/v1/notifications/sse"
EVENT = b"event: postprocessing-finished"
AT_ONCE = 100
"""Requests that are sent before their answers are awaited."""
PORTS = 10_000
"""Clients of one address."""
PATIENCE = 120


class Gateway(Clawgate):
    """With room for all of them."""

    clients = 0

    def prepare(self) -> None:
        super().prepare()
        file = self.work / "clawgate.toml"
        most = self.clients + 100
        text = file.read_text().replace("[admin]", f"connections = {most}\n[admin]", 1)
        file.write_text(f"{text}[events]\nstreams = {most}\nper_user = {most}\nsession_seconds = 86400\nbeat_seconds = 3600\n")


class Crowd:
    """The clients."""

    def __init__(self, gateway: Gateway, count: int) -> None:
        self._poll = select.epoll()
        self._all: dict[int, socket.socket] = {}
        request = gateway.absolute("GET", PATH)
        while len(self._all) < count:
            new = [self._one(gateway.port, len(self._all)) for _ in range(min(AT_ONCE, count - len(self._all)))]
            for one in new:
                one.sendall(request)
            for one in new:
                if not one.recv(65536).startswith(b"HTTP/1.1 200"):
                    raise SystemExit("a client was sent away")
                one.setblocking(False)
                self._all[one.fileno()] = one
                self._poll.register(one, select.EPOLLIN)

    def _one(self, port: int, number: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), 30, source_address=(f"127.0.1.{number // PORTS + 1}", 0))

    def hear(self) -> tuple[float, float]:
        """When the first and when the last of them has heard of a change."""
        missing, first = set(self._all), 0.0
        deadline = time.monotonic() + PATIENCE
        while missing:
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(missing)} heard nothing")
            for descriptor, _ in self._poll.poll(1, 2000):
                if EVENT in self._all[descriptor].recv(65536):
                    first = first or time.monotonic()
                    missing.discard(descriptor)
        return first, time.monotonic()


class Somebody(threading.Thread):
    """Asks for something small all the time."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(daemon=True)
        self._connection = load.Connection(gateway.port)
        self._request = gateway.absolute("GET", "/status.php")
        self._over = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        while not self._over.wait(0.002):
            begun = time.monotonic()
            self._connection.ask(self._request)
            self.longest = max(self.longest, time.monotonic() - begun)

    def end(self) -> float:
        """The longest that an answer took."""
        self._over.set()
        self.join()
        return self.longest


def settle(gateway: Gateway) -> None:
    """Wait until it does nothing more that is worth counting."""
    before = gateway.cpu()
    while True:
        time.sleep(1)
        now = gateway.cpu()
        if now - before < 0.02:
            return
        before = now


def change(gateway: Gateway, number: int) -> float:
    """Write a file; returns when it was answered."""
    connection = load.Connection(gateway.port)
    connection.ask(gateway.request("PUT", "file", str(number).zfill(20).encode()))
    answered = time.monotonic()
    connection.close()
    return answered


def measure(gateway: Gateway, clients: int, changes: int) -> dict[str, float]:
    for number in range(3):
        change(gateway, number)
    settle(gateway)
    before = gateway.cpu()
    for number in range(changes):
        change(gateway, number)
        time.sleep(0.3)
    alone = (gateway.cpu() - before) / changes
    memory = gateway.memory()
    crowd = Crowd(gateway, clients)
    change(gateway, 0)
    crowd.hear()
    settle(gateway)
    taken = gateway.memory() - memory
    cpu, first, last, waited = [], [], [], []
    for number in range(changes):
        before = gateway.cpu()
        answered = change(gateway, number)
        one, all_ = crowd.hear()
        first.append(one - answered)
        last.append(all_ - answered)
        settle(gateway)
        cpu.append(gateway.cpu() - before)
    for number in range(changes):
        somebody = Somebody(gateway)
        somebody.start()
        change(gateway, number)
        crowd.hear()
        waited.append(somebody.end())
    return {
        "clients": clients,
        "KiB each": round(taken / clients / 1024, 1),
        "MiB": round(gateway.memory() / (1 << 20)),
        "CPU s, nobody waits": round(alone, 4),
        "CPU s, all are told": round(statistics.median(cpu), 4),
        "first, s": round(statistics.median(first), 3),
        "last, s": round(statistics.median(last), 3),
        "last of all, s": round(max(last), 3),
        "others waited, ms": round(statistics.median(waited) * 1000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    Gateway.clients = options.clients
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        gateway = Gateway(tree, Path(folder) / "work")
        gateway.start()
        try:
            found = measure(gateway, options.clients, options.changes)
        finally:
            gateway.stop()
    for name, value in found.items():
        print(f"{name:24}{value:>12}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
