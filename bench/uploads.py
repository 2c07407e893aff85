"""Uploads by TUS, chunking NG and chunking v1: the gateway beside @tus/server with its file store, and beside its own PUT.

    python bench/uploads.py [--quick] [--rounds 5] [--servers clawgate,clawgate-data,tus-server] [--only TEXT] [--json FILE]

Printed for each way of sending: CPU of the server's whole process tree (user and system) and wall time, medians of several
rounds in which all servers take turns; the gateway's ratios, and what they are to reach. ``docs/benchmarks.md`` says more.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import load
from dialects import PIECE, Sender, Source, arrived, check, small
from peers import Clawgate, ClawgateData, Peer, TusServer

GIB = 1 << 30
SMALL = os.urandom(4096)
FILES = 1000
OURS, SYNCED, THEIRS = Clawgate.name, ClawgateData.name, TusServer.name
HALF, NEAR = "<= 0.50 x tus-server", "<= 1.30 x PUT"

PROPFIND = b'<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'


class Figures(NamedTuple):
    """Seconds of CPU and of the clock: for one GiB, or for one file."""

    cpu: float
    wall: float


class Task(NamedTuple):
    name: str
    servers: Collection[str]
    send: Callable[[Sender, str], None] | None
    """None: many small files, over `connections`."""
    target: str = ""
    connections: int = 1


PUT = Task("PUT", (OURS, SYNCED), Sender.put)
TASKS = (
    PUT,
    Task("TUS, one PATCH", (OURS, SYNCED, THEIRS), lambda sender, name: sender.tus(name, GIB), f"{HALF}, {NEAR}"),
    Task("TUS, 10 MiB", (OURS, SYNCED, THEIRS), Sender.tus, f"{HALF}, {NEAR}"),
    Task("NG, 10 MiB", (OURS, SYNCED), Sender.ng, NEAR),
    Task("v1, 10 MiB", (OURS, SYNCED), Sender.v1),
    Task("PUT, SHA1", (OURS,), lambda sender, name: sender.put(name, whole=True)),
    Task("TUS, 10 MiB, SHA1 of each", (OURS,), lambda sender, name: sender.tus(name, each=True)),
    Task("TUS, 10 MiB, SHA1 of all", (OURS,), lambda sender, name: sender.tus(name, whole=True)),
    Task("NG, 10 MiB, SHA1 of all", (OURS,), lambda sender, name: sender.ng(name, whole=True)),
    Task("TUS, 4 KiB files, 1 conn.", (OURS, SYNCED, THEIRS), None, HALF),
    Task("TUS, 4 KiB files, 16 conn.", (OURS, SYNCED, THEIRS), None, HALF, 16),
)


class Row:
    """The figures of one task: of each server, and of PUTs to the gateway between them."""

    def __init__(self) -> None:
        self.figures: dict[str, list[Figures]] = {}

    def add(self, name: str, figures: Figures) -> None:
        self.figures.setdefault(name, []).append(figures)

    def cells(self, name: str, scale: float) -> str:
        """Median and least CPU of a server, and median wall time."""
        if name not in self.figures:
            return f"|{'':>22} "
        cpu = [one.cpu * scale for one in self.figures[name]]
        wall = statistics.median(one.wall * scale for one in self.figures[name])
        return f"|{statistics.median(cpu):>8.3f}{min(cpu):>7.3f}{wall:>7.3f} "

    def ratios(self, base: str) -> str:
        """Of the gateway's CPU: of the medians and of the least; empty if they cannot be told."""
        if OURS not in self.figures or base not in self.figures:
            return f"|{'':>12} "
        ours, theirs = ([one.cpu for one in self.figures[name]] for name in (OURS, base))
        return f"|{statistics.median(ours) / statistics.median(theirs):>6.2f}{min(ours) / min(theirs):>6.2f} "


class Bench:
    def __init__(self, source: Source, trial: Source, files: int) -> None:
        """`trial` is sent to see that it arrives, `source` to measure."""
        self.source = source
        self.trial = trial
        self.files = files
        self._numbers = count()

    def run(self, task: Task, peers: list[Peer], rounds: int) -> Row:
        """One task on all servers in turns. The first round does not count: servers get the memory then that they want."""
        turns = [(task, peer, peer.name) for peer in peers if peer.name in task.servers]
        if task.send is not None and task is not PUT:
            turns += [(PUT, peer, PUT.name) for peer in peers if peer.name == OURS]
        for _, peer, _ in turns:
            self._prove(task, peer)
        row = Row()
        for number in range(rounds + 1):
            for what, peer, name in turns:
                figures = self._big(what.send, peer) if what.send else self._small(peer, what.connections)
                if number or not rounds:
                    row.add(name, figures)
        return row

    def _prove(self, task: Task, peer: Peer) -> None:
        """Refuse to measure a server that does not store what was sent."""
        if task.send is not None:
            self._send(task.send, peer, self.trial)
            (there,) = arrived(peer)
            if not filecmp.cmp(there, self.trial.path, shallow=False):
                raise SystemExit(f"{peer.name}, {task.name}: what arrived is not what was sent")
            there.unlink()

    def _big(self, send: Callable[[Sender, str], None], peer: Peer) -> Figures:
        with measured(peer) as figures:
            self._send(send, peer, self.source)
        (there,) = arrived(peer)
        if there.stat().st_size != self.source.size:
            raise SystemExit(f"{peer.name} stored {there.stat().st_size} bytes of {self.source.size}")
        there.unlink()
        scale = GIB / self.source.size
        return Figures(*(seconds * scale for seconds in figures))

    def _send(self, send: Callable[[Sender, str], None], peer: Peer, source: Source) -> None:
        connection = load.Connection(peer.port)
        send(Sender(peer, connection, source), self._name())
        connection.close()

    def _small(self, peer: Peer, connections: int) -> Figures:
        requests = [small(peer, self._name(), SMALL) for _ in range(self.files)]
        with measured(peer) as figures:
            _, statuses = load.storm(peer.port, requests, connections)
        there = arrived(peer)
        if set(statuses) != {201} or len(there) != self.files:
            raise SystemExit(f"{peer.name} answered small files with {statuses} and has {len(there)} of {self.files}")
        for path in there:
            path.unlink()
        return Figures(*(seconds / self.files for seconds in figures))

    def _name(self) -> str:
        return f"upload-{next(self._numbers)}.bin"


@contextmanager
def measured(peer: Peer) -> Iterator[list[float]]:
    """CPU and wall time of what is done within; work that the server does right after its last answer counts as well."""
    figures: list[float] = []
    time.sleep(0.2)
    cpu, start = peer.cpu(), time.perf_counter()
    yield figures
    wall = time.perf_counter() - start
    time.sleep(0.2)
    figures += [peer.cpu() - cpu, wall]


def introduce(peer: Peer) -> None:
    """Log in and list the folder, as every client has done before it uploads."""
    if isinstance(peer, Clawgate):
        connection = load.Connection(peer.port)
        check(connection.ask(peer.request("PROPFIND", "", PROPFIND, Depth="1", Content_Type="application/xml")), 207, peer)
        connection.close()


def head(names: list[str]) -> str:
    """What stands above the rows."""
    above = f"{'':<27}" + "".join(f"|{name:>22} " for name in names) + f"|{'CPU/PUT':>12} |{'/tus-server':>12} |"
    below = f"{'':<27}" + f"|{'CPU':>8}{'least':>7}{'wall':>7} " * len(names) + f"|{'CPU':>6}{'least':>6} " * 2 + "| to reach"
    return f"{above}\n{below}"


def line(task: Task, row: Row, names: list[str]) -> str:
    """One row: seconds for 1 GiB, milliseconds for a small file."""
    cells = "".join(row.cells(name, 1 if task.send else 1000) for name in names)
    return f"{task.name:<27}{cells}{row.ratios(PUT.name)}{row.ratios(THEIRS)}| {task.target}".rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="64 MiB, 100 files, one round: to see that it works, not to measure")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is shown")
    parser.add_argument("--servers", default=f"{OURS},{SYNCED},{THEIRS}", help="which, separated by commas")
    parser.add_argument("--only", default="", help="run the tasks whose name contains this")
    parser.add_argument("--json", type=Path, help="write the figures of all rounds here as well")
    options = parser.parse_args()
    size, files, rounds = (64 << 20, 100, 0) if options.quick else (GIB, FILES, options.rounds)
    known = {one.name: one for one in (Clawgate, ClawgateData, TusServer)}
    root = Path(tempfile.mkdtemp(prefix="clawgate-bench-"))
    peers: list[Peer] = []
    results: dict[str, Row] = {}
    try:
        for name in options.servers.split(","):
            (root / name / "tree").mkdir(parents=True)
            peers.append(known[name](root / name / "tree", root / name))
        for peer in peers:
            peer.start()
            introduce(peer)
        bench = Bench(Source(root / "source.bin", size), Source(root / "trial.bin", 2 * PIECE + 4711), files)
        print(f"{os.cpu_count()} cores, {rounds or 1} rounds; CPU: median and least, wall: median; s a GiB, ms a file of 4 KiB")
        print('clawgate: durability "none", for @tus/server does not sync either; clawgate-data: durability "data", the default')
        print(head([peer.name for peer in peers]))
        for task in TASKS:
            if options.only.lower() in task.name.lower():
                results[task.name] = bench.run(task, peers, rounds)
                print(line(task, results[task.name], [peer.name for peer in peers]), flush=True)
    finally:
        for peer in peers:
            peer.stop()
        shutil.rmtree(root, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps({name: row.figures for name, row in results.items()}, indent=1))


if __name__ == "__main__":
    main()
