"""A huge tree that was there before the gateway: how soon it is served, what learning it and looking at it again costs.

    python bench/scan.py [--files 1000000] [--folders 10000] [--where DIR] [--json FILE]

The tree has sparse files of different sizes in folders two levels deep, and is deleted in the end. The gateway is started several
times, with and without knowing the tree. While it learns it, a client asks for the etag of the root again and again.
``docs/benchmarks.md`` says more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import load
from peers import USER, Clawgate
from twisted.internet import task
from twisted.internet.defer import Deferred

from clawgate.index import schema
from clawgate.index.idle import Idle
from clawgate.index.index import Index
from clawgate.index.scanner import Measure, Pass, Scanner
from clawgate.state.engine import Database
from clawgate.storage.posix.driver import PosixStorage
from clawgate.storage.posix.options import PosixOptions
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.workers import Workers

WIDTH = 100
"""Folders in one folder."""
POLL = 0.05
"""Seconds between two questions for the etag of the root."""
STARTS = 5

PROPFIND = b'<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'


def generate(tree: Path, files: int, folders: int) -> int:
    """Make the tree; returns how many nodes it has."""
    each, made = files // folders, 0
    for number in range(folders):
        folder = tree / f"group-{number // WIDTH:04d}" / f"run-{number:06d}"
        if number % WIDTH == 0:
            folder.parent.mkdir(parents=True)
            made += 1
        folder.mkdir()
        made += 1
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for index in range(each):
            file = os.open(f"sample-{number % 89:02d}-{index:05d}.dat", os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=fd)
            os.ftruncate(file, (number + index) * 1000)
            os.close(file)
        os.close(fd)
        made += each
    return made


class Status:
    """What the kernel and the database say of a running gateway."""

    def __init__(self, peer: Clawgate) -> None:
        self.peer = peer
        self.index = peer.work / "data" / "index.db"

    def memory(self, key: str) -> float:
        """MiB; `key` is VmRSS or VmHWM."""
        assert self.peer.process is not None
        for line in Path(f"/proc/{self.peer.process.pid}/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) / 1024
        return 0.0

    def unlearned(self) -> int:
        """Folders that are known and not learned."""
        with closing(sqlite3.connect(f"file:{self.index}?mode=ro", uri=True)) as connection:
            found: int = connection.execute("SELECT count(*) FROM index_node WHERE kind = 2 AND learned = 0").fetchone()[0]
        return found

    def size(self) -> int:
        """Bytes of the database once its log is written back."""
        with closing(sqlite3.connect(self.index)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.index.stat().st_size


def begin(peer: Clawgate) -> tuple[load.Connection, float, float]:
    """Start a gateway and ask for the root; returns how many seconds passed from the start of the process until the answer, and
    how many seconds of CPU it needed by then."""
    begun = time.perf_counter()
    peer.start()
    connection = load.Connection(peer.port)
    answer = connection.ask(peer.request("PROPFIND", "", PROPFIND, Depth="1"))
    seconds, cpu = time.perf_counter() - begun, peer.cpu()
    if answer.status != 207:
        raise SystemExit(f"PROPFIND: {answer.status}")
    return connection, seconds, cpu


def starts(tree: Path, work: Path, name: str, *, known: Clawgate | None = None) -> dict[str, float]:
    """Start gateways that know nothing of the tree, or again and again one that does."""
    found = []
    for number in range(STARTS):
        peer = known or Clawgate(tree, work / f"start-{number}")
        try:
            connection, *figures = begin(peer)
            connection.close()
            found.append(figures)
        finally:
            peer.stop()
    walls, cpus = zip(*found, strict=True)
    return {f"first PROPFIND{name}, s": statistics.median(walls), f"first PROPFIND{name}, s of CPU": statistics.median(cpus)}


def compile_modules(tree: Path, work: Path) -> None:
    """Have modules compiled before anything is measured, as an installation has them, whatever the environment says."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(work / "bytecode")
    starts(tree, work / "compiling", "")


def learn(peer: Clawgate, nodes: int) -> dict[str, float]:
    """Start a gateway that knows nothing, and watch it learn."""
    status = Status(peer)
    connection, _, _ = begin(peer)
    memory = status.memory("VmRSS")
    poll = peer.request("PROPFIND", "", PROPFIND, Depth="0")
    times: list[float] = []
    cpu, wall, looked = peer.cpu(), time.perf_counter(), 0.0
    while True:
        times.append(connection.ask(poll).seconds)
        if time.perf_counter() - looked > 1:
            looked = time.perf_counter()
            if not status.unlearned():
                break
        time.sleep(POLL)
    cpu, wall = peer.cpu() - cpu, time.perf_counter() - wall
    found = {
        "learning, nodes a CPU second": nodes / cpu,
        "learning, nodes a second": nodes / wall,
        "poll while learning, median ms": statistics.median(times) * 1000,
        "poll while learning, 95 % ms": sorted(times)[len(times) * 95 // 100] * 1000,
        "memory before, MiB": memory,
        "memory at most, MiB": status.memory("VmHWM"),
    }
    connection.close()
    peer.stop()
    found["index, bytes a node"] = status.size() / nodes
    return found


async def rescan(reactor: Any, peer: Clawgate) -> list[tuple[Pass, float]]:
    """Two passes over what the gateway has learned; each with its CPU seconds."""
    workers, scan = Workers(reactor, "files", 8, 1000), Workers(reactor, "scan", 2, 100)
    database = Database(f"sqlite:///{peer.work / 'data' / 'index.db'}", workers, schema.SCHEMA, synchronous="NORMAL")
    workers.start()
    scan.start()
    await database.start()
    found = []
    try:
        index = await Index(database, 50000, 30.0).space(f"home${USER}")
        inner = PosixStorage(str(peer.tree), workers, PosixOptions(), scan=scan)
        storage = Indexed(inner, index, time.monotonic, 60.0)
        assert inner.abilities.survey is not None
        idle = Idle(reactor, lambda: False, 0.0)
        scanner = Scanner(index, inner.abilities.survey, storage.observer, idle, Measure(0, 40, 2))
        for _ in range(2):
            cpu = time.process_time()
            done = await scanner.run(0)
            found.append((done, time.process_time() - cpu))
    finally:
        await database.stop()
        workers.stop()
        scan.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folders", type=int, default=10_000)
    parser.add_argument("--where", type=Path, help="an existing directory on the file system to be measured")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="clawgate-scan-", dir=options.where))
    figures: dict[str, float] = {}
    try:
        tree = work / "tree"
        tree.mkdir()
        print(f"making {options.files} files in {options.folders} folders", flush=True)
        nodes = generate(tree, options.files, options.folders)
        compile_modules(tree, work)
        figures |= starts(tree, work, "")
        peer = Clawgate(tree, work / "gateway")
        try:
            figures |= learn(peer, nodes)
        finally:
            peer.stop()
        figures |= starts(tree, work, " once it is learned", known=peer)

        def passes(reactor: Any) -> Deferred[None]:
            async def run() -> None:
                for number, (done, cpu) in enumerate(await rescan(reactor, peer), 1):
                    figures[f"pass {number}, nodes a CPU second"] = done.entries / cpu
                    figures[f"pass {number}, folders read again"] = done.changed
                    figures[f"pass {number}, nodes"] = done.entries

            return Deferred.fromCoroutine(run())

        _react(passes)
    finally:
        shutil.rmtree(work)
    for name, value in figures.items():
        print(f"{name:<50}{value:>14,.2f}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))


def _react(function: Any) -> None:
    try:
        task.react(function)
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    main()
