"""The gateway over an EOS beside ``curl`` that makes the same two hops (manager, disk server) by itself, in turns.

    python bench/eos.py [--quick] [--rounds N] [--json FILE]

Manager and disk server are the double, one process of its own on loopback. The gateway adds a hop, so that every byte goes
through four sockets where curl's goes through two. Printed for each task: the median time, CPU of the gateway (for curl: of its
processes), of the double, memory above that of a gateway at rest, and the gateway's throughput as a part of curl's, by time.
``docs/benchmarks.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import processes
from peers import PASSWORD, USER, Clawgate

MIB = 1 << 20
HOME = f"/eos/user/{USER[0]}/{USER}"


class Double:
    """Manager and disk server."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "clawgate.testing.eos", "--version", "5.4", "--data", str(folder)]
        command += ["--user", f"{USER}:1500", "--home", USER]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.at: dict[str, Any] = json.loads(self.process.stdout.readline())

    def cpu(self) -> float:
        return processes.cpu([self.process.pid])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Gateway(Clawgate):
    """The gateway with homes on EOS."""

    double: Double

    def prepare(self) -> None:
        super().prepare()
        path, at = self.work / "clawgate.toml", self.double.at
        text = path.read_text()
        path.write_text(
            text[: text.index("[mounts.home]")]
            + f"""[mounts.home]
driver = "eos"
root = "/eos/user/{{user.id[0]}}/{{user.id}}"
[mounts.home.eos]
urls = ["{at["mgm"]}"]
key = "{at["key"]}"
redirect_hosts = {json.dumps(at["fst"])}
"""
        )


class Result:
    """One run: seconds of the clock, CPU of whoever is measured and of the double, bytes of memory above what was held before."""

    def __init__(self, wall: float, cpu: float, double: float, memory: int = 0) -> None:
        self.wall, self.cpu, self.double, self.memory = wall, cpu, double, memory


class Bench:
    def __init__(self, root: Path, double: Double, gateway: Gateway, size: int) -> None:
        self.double, self.gateway, self.size = double, gateway, size
        self.file = root / "content"
        block = os.urandom(MIB)
        with self.file.open("wb") as out:
            for _ in range(size // MIB):
                out.write(block)

    def through(self, verb: str) -> Result:
        """By way of the gateway, whose client is curl as well."""
        address = f"http://127.0.0.1:{self.gateway.port}{self.gateway.prefix}/gateway.bin"
        most, over, before = [0], threading.Event(), self.gateway.memory()

        def watch() -> None:
            while not over.wait(0.2):
                most[0] = max(most[0], self.gateway.memory() - before)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            cpu, double, start = self.gateway.cpu(), self.double.cpu(), time.perf_counter()
            curl(["-u", f"{USER}:{PASSWORD}", *self.body(verb), address])
            wall = time.perf_counter() - start
            return Result(wall, self.gateway.cpu() - cpu, self.double.cpu() - double, most[0])
        finally:
            over.set()
            thread.join()

    def alone(self, verb: str) -> Result:
        """What curl needs for it without a gateway."""
        identity = {"x-forwarded-for": "dummy", "x-gateway-authorization": self.double.at["key"], "remote-user": USER}
        headers = [part for name, value in identity.items() for part in ("-H", f"{name}: {value}")]
        cpu, double, start = children(), self.double.cpu(), time.perf_counter()
        first = ["-X", verb, "-H", "Content-Length: 0", "-H", f"OC-Total-Length: {self.size}"] if verb == "PUT" else []
        said = curl(["-D", "-", "-o", "/dev/null", *headers, *first, f"{self.double.at['mgm'].rstrip('/')}{HOME}/curl.bin"])
        location = re.search(r"(?im)^location: *(\S+)", said)
        assert location is not None, said
        curl([*self.body(verb), location[1]])
        wall = time.perf_counter() - start
        return Result(wall, children() - cpu, self.double.cpu() - double)

    def body(self, verb: str) -> list[str]:
        return ["-T", str(self.file), "-H", "Expect:"] if verb == "PUT" else ["-o", "/dev/null"]


def curl(arguments: list[str]) -> str:
    done = subprocess.run(["curl", "-sS", "--fail", "--globoff", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="256 MiB instead of 1 GiB, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    size, number = (256 * MIB, 1) if asked.quick else (1024 * MIB, asked.rounds)
    results = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        root = Path(name)
        double = Gateway.double = Double(root / "eos")
        gateway = Gateway(root / "tree", root / "gateway")
        try:
            gateway.start()
            small = Bench(root, double, gateway, 8 * MIB)
            for verb in ("PUT", "GET"):
                small.through(verb)
            bench = Bench(root, double, gateway, size)
            for verb in ("PUT", "GET"):
                ways: dict[str, Callable[[str], Result]] = {"clawgate": bench.through, "curl": bench.alone}
                found: dict[str, list[Result]] = {way: [] for way in ways}
                for _ in range(number):
                    for way, run in ways.items():
                        found[way].append(run(verb))
                results.append(show(f"{verb} {size // MIB} MiB", found))
        finally:
            gateway.stop()
            double.stop()
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


def show(task: str, found: dict[str, list[Result]]) -> dict[str, object]:
    figures = {}
    for name, all in found.items():
        middle = {key: statistics.median(getattr(one, key) for one in all) for key in ("wall", "cpu", "double", "memory")}
        figures[name] = middle
        print(
            f"{task:16} {name:10} {middle['wall']:8.3f} s   CPU {middle['cpu']:7.3f} s, of the double {middle['double']:7.3f} s"
            f"   memory {middle['memory'] / MIB:6.1f} MiB"
        )
    ratio = figures["curl"]["wall"] / figures["clawgate"]["wall"]
    print(f"{task:16} the gateway has {ratio:.2f} of curl's throughput")
    return {"task": task, "figures": figures, "ratio": ratio}


if __name__ == "__main__":
    main()
