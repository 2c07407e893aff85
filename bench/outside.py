"""How long it takes until a change made on the disk by others moves the root's etag; and a big folder that is moved there.

    python bench/outside.py [--quick] [--modes none,scan,fanotify,inotify] [--staleness 10] [--probes 100] [--json FILE]

Printed for each mode, beside a light and beside a heavier writer: median, 90th and 99th percentile and maximum of the time from
the change to the first answer that shows it, and what the gateway and its polls cost. ``docs/benchmarks.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import load
from peers import Clawgate

WRITER = Path(__file__).parent.parent / "tests" / "wire" / "outside_writer.py"
SIZE = b"""<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><d:getetag/><oc:size/></d:prop></d:propfind>"""
IDS = b"""<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:id/><d:getetag/></d:prop></d:propfind>"""
SLOTS = 10
"""Probes that may be under way at once."""
UNIT = 32
"""A probe of slot n changes the size of the tree by 2 to the power of this plus n; all others together by less than its half."""
POLL = 0.002
"""Seconds between two polls."""
WRITERS = {"light": 0.5, "heavier": 0.01}
"""Seconds that the writer waits between two changes, at most."""


class Gateway(Clawgate):
    """The gateway in one of the modes."""

    def __init__(self, tree: Path, work: Path, mode: str, staleness: float) -> None:
        self.mode = mode
        self.staleness = staleness
        super().__init__(tree, work)

    def prepare(self) -> None:
        super().prepare()
        way = "watch" if self.mode.endswith("notify") else self.mode
        with (self.work / "clawgate.toml").open("a") as out:
            out.write(f'outside_changes = "{way}"\nstaleness_max = {self.staleness}\n')

    def command(self) -> list[str]:
        limited = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--"]
        return [*(limited if self.mode == "inotify" and os.geteuid() == 0 else []), *super().command()]


class Root:
    """What a poll of the root says."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.connection = load.Connection(gateway.port)
        self.request = gateway.request("PROPFIND", "", SIZE, Depth="0", Content_Type="application/xml")

    def ask(self, request: bytes) -> bytes:
        """The body of the answer, which `load.Connection` would throw away."""
        self.connection.socket.sendall(request)
        data = b""
        while not load.complete(bytearray(data)):
            more = self.connection.socket.recv(1 << 20)
            if not more:
                raise SystemExit("the gateway has closed the connection")
            data += more
        if not data.startswith(b"HTTP/1.1 207"):
            raise SystemExit(f"the gateway answered {data[:300]!r}")
        return data.partition(b"\r\n\r\n")[2]

    def poll(self) -> tuple[str, int]:
        """The etag, and the size in probes' units: one bit for each slot."""
        body = self.ask(self.request).decode()
        etag, size = (body.partition(f":{name}>")[2].partition("<")[0] for name in ("getetag", "size"))
        return etag, (int(size) + (1 << (UNIT - 1))) >> UNIT

    def list(self, folder: str, body: bytes = SIZE) -> bytes:
        return self.ask(self.gateway.request("PROPFIND", folder, body, Depth="1", Content_Type="application/xml"))


class Probes:
    """Files that grow and shrink by an amount each of its own, so that the size of the tree tells which of it is known."""

    def __init__(self, tree: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.paths = []
        for slot in range(SLOTS):
            folder = tree / "probes" / "/".join(f"level {level}" for level in range(slot))
            folder.mkdir(parents=True, exist_ok=True)
            self.paths.append(folder / f"probe {slot}")
            self.paths[-1].touch()
        self.state = 0

    def change(self, slot: int) -> float:
        """When it was done."""
        self.state ^= 1 << slot
        os.truncate(self.paths[slot], (self.state >> slot & 1) << UNIT + slot)
        return time.monotonic()


def measure(root: Root, probes: Probes, count: int, *, listing: bool) -> list[float]:
    """Seconds from change to answer of `count` probes; with `listing` somebody lists the folder right after each change."""
    patience = 10 * root.gateway.staleness + 60
    # Not in step with the walks: they would all meet the same probes at the same age.
    gap = root.gateway.staleness / 5 if root.gateway.mode == "scan" else 0.2
    under_way: dict[int, float] = {}
    found: list[float] = []
    free = list(range(SLOTS))
    begun, due = 0, time.monotonic()
    while len(found) < count:
        now = time.monotonic()
        if begun < count and free and now >= due:
            slot = free.pop(probes.chance.randrange(len(free)))
            under_way[slot] = probes.change(slot)
            begun += 1
            due = now + probes.chance.uniform(0, gap)
            if listing:
                root.list(
                    "/".join(part.replace(" ", "%20") for part in probes.paths[slot].parent.relative_to(root.gateway.tree).parts)
                )
        _, known = root.poll()
        now = time.monotonic()
        for slot, began in list(under_way.items()):
            if not (known ^ probes.state) >> slot & 1:
                found.append(now - began)
                free.append(slot)
                del under_way[slot]
            elif now - began > patience:
                raise SystemExit(f"a change was not seen for {patience:.0f} s")
        time.sleep(POLL)
    return found


@contextmanager
def writing(tree: Path, supply: Path, pause: float) -> Iterator[dict[str, float]]:
    """The random writer of the tests at work meanwhile; afterwards it is told how many changes a second that were."""
    (tree / "job").mkdir()
    command = [sys.executable, str(WRITER), str(tree / "job"), str(supply), "1", str(pause)]
    job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    job.stdout.readline()
    told: dict[str, float] = {}
    start = time.monotonic()
    try:
        yield told
    finally:
        said, _ = job.communicate()
    told["rate"] = sum(json.loads(said)["operations"].values()) / (time.monotonic() - start)
    shutil.rmtree(tree / "job")
    shutil.rmtree(supply)


def settle(root: Root) -> None:
    """Wait until the root's etag has rested as long as a change may take."""
    etag, since = "", time.monotonic()
    while time.monotonic() < since + min(root.gateway.staleness, 5.0) + 1:
        now, _ = root.poll()
        if now != etag:
            etag, since = now, time.monotonic()
        time.sleep(0.05)


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, math.ceil(part * len(values)) - 1)]


def fill(tree: Path, folders: int) -> None:
    """What else is in the tree: 20 files a folder."""
    for number in range(folders):
        folder = tree / "rest" / f"{number % 10}" / f"{number}"
        folder.mkdir(parents=True)
        for one in range(20):
            (folder / f"file {one}").write_bytes(b"x" * one)


def staleness(gateway: Gateway, work: Path, count: int) -> dict[str, dict[str, float]]:
    """One mode beside both writers."""
    rows = {}
    root = Root(gateway)
    probes = Probes(gateway.tree, 1)
    walk(root, "")
    settle(root)
    for name, pause in WRITERS.items():
        with writing(gateway.tree, work / "supply", pause) as told:
            cpu, start = gateway.cpu(), time.monotonic()
            found = measure(root, probes, count, listing=gateway.mode == "none")
            busy = (gateway.cpu() - cpu) / (time.monotonic() - start)
        row = {f"p{part}": quantile(found, part / 100) for part in (50, 90, 99, 100)} | {"cpu": busy, "rate": told["rate"]}
        rows[name] = row
        times = "".join(f"{row[key]:>9.3f}" for key in ("p50", "p90", "p99", "p100"))
        print(f"{gateway.mode:<10}{name:<9}{row['rate']:>8.0f}{count:>8}{times}{100 * busy:>8.0f}%", flush=True)
        if gateway.mode != "none":
            settle(root)
    root.connection.close()
    return rows


def walk(root: Root, folder: str) -> None:
    """List everything, as a first client does."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        body = root.list(here).decode()
        for href in body.split("<d:href>")[1:]:
            path = href.partition("</d:href>")[0].partition(root.gateway.prefix + "/")[2]
            if path.endswith("/") and path.strip("/") != here.strip("/"):
                waiting.append(path)


def nodes(root: Root, folder: str) -> dict[str, str]:
    """Ids and, of files, etags of the children."""
    found = {}
    for one in root.list(folder, IDS).decode().split("<d:response>")[1:]:
        name = one.partition("<d:href>")[2].partition("</d:href>")[0].rstrip("/").rpartition("/")[2]
        id, etag = (one.partition(f":{key}>")[2].partition("<")[0] for key in ("id", "getetag"))
        found[name] = id + etag if name.endswith(".dat") else id
    return found


def move(gateway: Gateway, files: int) -> dict[str, float]:
    """`mv` of a folder with many files: when the root's etag moves, what it costs, and whether ids and etags stay."""
    root = Root(gateway)
    folder = gateway.tree / "from here" / "big"
    folder.mkdir(parents=True)
    for number in range(files):
        (folder / f"{number:05}.dat").write_bytes(b"%d" % number)
    (gateway.tree / "to there").mkdir()
    walk(root, "")
    settle(root)
    before = nodes(root, "from%20here/big/")
    etag, _ = root.poll()
    cpu, start = gateway.cpu(), time.monotonic()
    folder.rename(gateway.tree / "to there" / "big")
    if gateway.mode == "none":
        root.list("from%20here/")
        root.list("to%20there/")
    while root.poll()[0] == etag:
        time.sleep(POLL)
    seconds = time.monotonic() - start
    settle(root)
    cpu = gateway.cpu() - cpu
    same = nodes(root, "to%20there/big/") == before and len(before) == files + 1
    print(
        f"{gateway.mode:<10}mv of {files:,} files: etag moved after {seconds:.3f} s, {cpu:.2f} s of CPU until it was quiet;",
        end=" ",
    )
    print("ids and file etags are the same" if same else "IDS OR ETAGS HAVE CHANGED", flush=True)
    root.connection.close()
    return {"seconds": seconds, "cpu": cpu, "same": float(same)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few probes and files: to see that it works, not to measure")
    parser.add_argument("--modes", default="none,scan,fanotify,inotify", help="which, separated by commas")
    parser.add_argument("--staleness", type=float, default=10.0, help="staleness_max, seconds")
    parser.add_argument("--probes", type=int, default=100, help="changes that are measured in each row")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args()
    probes, files, folders = (20, 1000, 50) if options.quick else (options.probes, 10_000, 1000)
    work = Path(tempfile.mkdtemp(prefix="clawgate-bench-"))
    figures: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{os.cpu_count()} cores; {20 * folders:,} files besides; staleness_max = {options.staleness:g} s;", end=" ")
    print("seconds from the change to the answer that shows it")
    print(f"{'':<19}{'changes':>8}{'':>8}{'':>36}{'CPU of':>9}")
    print(f"{'mode':<10}{'writer':<9}{'a second':>8}{'probes':>8}{'median':>9}{'p90':>9}{'p99':>9}{'max':>9}{'gateway':>9}")
    try:
        for mode in options.modes.split(","):
            fill(work / mode / "tree", folders)
            gateway = Gateway(work / mode / "tree", work / mode / "work", mode, options.staleness)
            gateway.start()
            try:
                figures[mode] = staleness(gateway, work / mode, probes)
                figures[mode]["move"] = move(gateway, files)
            finally:
                gateway.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
