"""The gateway beside Debian's Apache (mod_dav) and ``rclone serve webdav``: same tree, same requests, in turns.

    python bench/compare.py [--quick] [--servers clawgate,apache,rclone] [--json FILE]

Printed for each task: CPU of the server's whole process tree (user and system) and wall time per operation, the gateway's ratio
to each peer, and the target. ``docs/benchmarks.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import load
from peers import Apache, Clawgate, Peer, Rclone

PROPERTIES = b"""<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:getlastmodified/><d:getcontentlength/><d:getetag/>\
<id xmlns="http://owncloud.org/ns"/><downloadURL xmlns="http://owncloud.org/ns"/><dDC xmlns="http://owncloud.org/ns"/>\
<permissions xmlns="http://owncloud.org/ns"/><checksums xmlns="http://owncloud.org/ns"/></d:prop></d:propfind>"""
ETAG = b"""<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>"""
SMALL = os.urandom(4096)
GIB = 1 << 30


class Result:
    """One task on one server: seconds of CPU and of the clock per operation, and what else was seen."""

    def __init__(self, cpu: float, wall: float, first_byte: float = 0.0, memory: int = 0) -> None:
        self.cpu, self.wall, self.first_byte, self.memory = cpu, wall, first_byte, memory


class Bench:
    def __init__(self, root: Path, quick: bool) -> None:
        self.root = root
        self.quick = quick
        self.tree = root / "tree"
        self.big = root / "big.bin"

    def make_tree(self) -> None:
        """Folders of 1,000 and 10,000 small files, 200 files of 4 KiB, one of 1 GiB, and a folder for uploads."""
        for name, count in (("d1000", 1000), ("d10000", 10000)):
            folder = self.tree / name
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"file number {number:05}.dat").write_bytes(SMALL[: number % 64])
        (self.tree / "get").mkdir()
        for number in range(200):
            (self.tree / "get" / f"{number:03}.bin").write_bytes(SMALL)
        (self.tree / "put").mkdir()
        block = os.urandom(1 << 20)
        with (self.tree / "get" / "gib.bin").open("wb") as out:
            for _ in range(GIB // len(block)):
                out.write(block)
        with self.big.open("wb") as out:
            for _ in range(GIB // len(block)):
                out.write(block)
        for path in (self.root, self.tree, self.tree / "get", self.tree / "put", self.tree / "d1000", self.tree / "d10000"):
            path.chmod(0o777)

    def count(self, number: int) -> int:
        return max(5, number // 10) if self.quick else number

    def propfind(self, peer: Peer, path: str, depth: str, body: bytes) -> bytes:
        return peer.request("PROPFIND", path, body, Depth=depth, Content_Type="application/xml; charset=utf-8")

    def repeated(self, peer: Peer, request: bytes, number: int, expected: int) -> Result:
        """One request `number` times on one connection, after one that does not count."""
        connection = load.Connection(peer.port)
        check(connection.ask(request), expected, peer)
        cpu, start = peer.cpu(), time.perf_counter()
        answers = [connection.ask(request) for _ in range(number)]
        wall, cpu = time.perf_counter() - start, peer.cpu() - cpu
        for answer in answers:
            check(answer, expected, peer)
        connection.close()
        return Result(cpu / number, wall / number, statistics.median(answer.first_byte for answer in answers))

    def poll(self, peer: Peer) -> Result:
        return self.repeated(peer, self.propfind(peer, "", "0", ETAG), self.count(3000), 207)

    def warm(self, folder: str, number: int) -> Callable[[Peer], Result]:
        return lambda peer: self.repeated(peer, self.propfind(peer, folder + "/", "1", PROPERTIES), self.count(number), 207)

    def cold(self, folder: str, rounds: int) -> Callable[[Peer], Result]:
        """The first listing of a fresh process; a poll goes before it, so that login and start are not in the figure."""

        def run(peer: Peer) -> Result:
            results = []
            for _ in range(2 if self.quick else rounds):
                peer.restart()
                connection = load.Connection(peer.port)
                check(connection.ask(self.propfind(peer, "", "0", ETAG)), 207, peer)
                time.sleep(0.3)
                cpu = peer.cpu()
                answer = connection.ask(self.propfind(peer, folder + "/", "1", PROPERTIES))
                check(answer, 207, peer)
                results.append(Result(peer.cpu() - cpu, answer.seconds, answer.first_byte))
                connection.close()
            return Result(*(statistics.mean(getattr(one, key) for one in results) for key in ("cpu", "wall", "first_byte")))

        return run

    def many(self, verb: str, connections: int, number: int) -> Callable[[Peer], Result]:
        """4 KiB each, over 200 names; uploads replace what an earlier round left."""

        def run(peer: Peer) -> Result:
            folder, body = ("get", b"") if verb == "GET" else ("put", SMALL)
            names = [f"{one:03}.bin" if verb == "GET" else f"{peer.name}-{one:03}.bin" for one in range(200)]
            requests = [peer.request(verb, f"{folder}/{name}", body) for name in names]
            load.storm(peer.port, requests, 1)
            work = (requests * (self.count(number) // 200 + 1))[: self.count(number)]
            cpu = peer.cpu()
            wall, statuses = load.storm(peer.port, work, connections)
            cpu = peer.cpu() - cpu
            if set(statuses) - {200, 201, 204}:
                raise SystemExit(f"{peer.name} answered {verb} with {statuses}")
            return Result(cpu / len(work), wall / len(work))

        return run

    def download(self, peer: Peer) -> Result:
        return self.repeated(peer, peer.request("GET", "get/gib.bin"), 1 if self.quick else 3, 200)

    def upload(self, peer: Peer) -> Result:
        source = os.open(self.big, os.O_RDONLY)
        request = peer.request("PUT", f"put/{peer.name}-gib.bin", b"", Content_Length=str(GIB))
        connection = load.Connection(peer.port)
        check(connection.ask(self.propfind(peer, "", "0", ETAG)), 207, peer)
        results = []
        for _ in range(1 if self.quick else 5):
            cpu = peer.cpu()
            answer = connection.ask(request, file=source, size=GIB)
            if answer.status not in (200, 201, 204):
                raise SystemExit(f"{peer.name} answered PUT with {answer.status}")
            results.append(Result(peer.cpu() - cpu, answer.seconds))
        connection.close()
        os.close(source)
        return Result(*(statistics.median(getattr(one, key) for one in results) for key in ("cpu", "wall")))

    def idle(self, peer: Peer) -> Result:
        """Memory that 200 connections cost a fresh process, each after one request."""
        peer.restart()
        request = self.propfind(peer, "", "0", ETAG)
        first = load.Connection(peer.port)
        check(first.ask(request), 207, peer)
        time.sleep(0.5)
        before = peer.memory()
        connections = [load.Connection(peer.port) for _ in range(200)]
        for connection in connections:
            check(connection.ask(request), 207, peer)
        time.sleep(1)
        after = peer.memory()
        for connection in [first, *connections]:
            connection.close()
        return Result(0.0, 0.0, memory=after - before)


def check(answer: load.Answer, expected: int, peer: Peer) -> None:
    if answer.status != expected:
        raise SystemExit(f"{peer.name} answered {answer.status} where {expected} was expected")


def tasks(bench: Bench) -> list[tuple[str, Callable[[Peer], Result], str]]:
    return [
        ("PROPFIND depth 0", bench.poll, "<= 1.0 x rclone and <= 0.25 ms"),
        ("PROPFIND 1,000 cold", bench.cold("d1000", 5), ""),
        ("PROPFIND 1,000 warm", bench.warm("d1000", 100), ""),
        ("PROPFIND 10,000 cold", bench.cold("d10000", 5), "< 1.0 x apache; first byte <= 50 ms"),
        ("PROPFIND 10,000 warm", bench.warm("d10000", 20), "< 0.167 x apache; first byte <= 50 ms"),
        ("GET 4 KiB, 1 conn.", bench.many("GET", 1, 2000), "<= 1.0 x rclone"),
        ("GET 4 KiB, 16 conn.", bench.many("GET", 16, 4000), "<= 1.0 x rclone"),
        ("PUT 4 KiB, 1 conn.", bench.many("PUT", 1, 1000), "<= 1.3 x rclone"),
        ("PUT 4 KiB, 16 conn.", bench.many("PUT", 16, 2000), "<= 1.3 x rclone"),
        ("GET 1 GiB", bench.download, "<= 1.5 x apache"),
        ("PUT 1 GiB", bench.upload, "< 0.7 x apache"),
        ("200 idle connections", bench.idle, ""),
    ]


def milliseconds(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs > 0 else "-"


def head(names: list[str]) -> str:
    """What stands above the rows."""
    others = [name for name in names if name != "clawgate"]
    above = f"{'':<21}" + "".join(f" |{name:>27}" for name in names) + " |" + "".join(f"{'/' + name:>9}" for name in others)
    below = f"{'':<21}" + f" |{'CPU':>9}{'wall':>9}{'first':>9}" * len(names) + " |" + f"{'CPU':>9}" * len(others) + "   to reach"
    return f"{above}\n{below}"


def line(task: str, results: dict[str, Result], target: str) -> str:
    """One row: figures of each server, then ours against theirs."""
    cells, ratios = "", ""
    ours = results.get("clawgate")
    for name, result in results.items():
        if result.cpu:
            first = milliseconds(result.first_byte) if result.first_byte else ""
            cells += f" |{milliseconds(result.cpu):>9}{milliseconds(result.wall):>9}{first:>9}"
        else:
            cells += f" |{f'{result.memory / 1048576:.1f} MiB':>27}"
        if ours is not None and name != "clawgate":
            ratios += f"{ratio(ours.cpu, result.cpu) if result.cpu else ratio(ours.memory, result.memory):>9}"
    return f"{task:<21}{cells} |{ratios}   {target}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions: to see that it works, not to measure")
    parser.add_argument("--servers", default="clawgate,apache,rclone", help="which, separated by commas")
    parser.add_argument("--only", default="", help="run the tasks whose name contains this")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args()
    known = {one.name: one for one in (Clawgate, Apache, Rclone)}
    root = Path(tempfile.mkdtemp(prefix="clawgate-bench-"))
    peers: list[Peer] = []
    figures: dict[str, dict[str, dict[str, float]]] = {}
    try:
        bench = Bench(root, options.quick)
        bench.make_tree()
        peers = [known[name](bench.tree, root / name) for name in options.servers.split(",")]
        for peer in peers:
            peer.start()
        print(f"{os.cpu_count()} cores; CPU, wall time and time to the first byte of the body: milliseconds per operation")
        print(head([peer.name for peer in peers]))
        for task, run, target in tasks(bench):
            if options.only.lower() in task.lower():
                results = {peer.name: run(peer) for peer in peers}
                figures[task] = {name: vars(result) for name, result in results.items()}
                print(line(task, results, target), flush=True)
    finally:
        for peer in peers:
            peer.stop()
        shutil.rmtree(root, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
