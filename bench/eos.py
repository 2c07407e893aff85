"""The gateway over an EOS beside ``curl`` that makes the same two hops (manager, disk server) by itself, in turns.

    python bench/eos.py [--quick] [--rounds N] [--mib N] [--only PUT|GET] [--disk-server double|apache] [--rate N]
        [--receive-bytes N] [--json FILE]

The manager is the double; so is the disk server, in the same process, unless downloads come from Apache, which costs less, and
can be held to a rate, as disks and networks hold it.
The gateway adds a hop, so that every byte goes through four sockets where curl's goes through two. What that alone costs shows a
relay (``relay.py``), by way of which curl downloads too. Printed for each task: the median time; the median CPU of the program in
between, of the servers, of curl, and of all; the memory of the gateway above that at rest; and the gateway's throughput as a part
of the others', by time (the median of the rounds, the least and the most) and by the CPU of all. ``docs/benchmarks.md`` says how
to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from eos_site import DiskServer, Double, Gateway, Program, curl
from peers import PASSWORD, USER

MIB = 1 << 20


class Result:
    """One run: seconds of the clock; CPU of what is in between, of the servers, of curl; bytes of memory above those before."""

    def __init__(self, wall: float, between: float, servers: float, client: float, memory: int = 0) -> None:
        self.wall, self.between, self.servers, self.client, self.memory = wall, between, servers, client, memory
        self.cpu = between + servers + client


class Bench:
    def __init__(self, root: Path, double: Double, disk: DiskServer, gateway: Gateway, size: int) -> None:
        self.double, self.disk, self.gateway, self.size = double, disk, gateway, size
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

        def run() -> None:
            curl(["-u", f"{USER}:{PASSWORD}", *self.body(verb), address])

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            found = self.measured(run, self.gateway.cpu)
            return Result(*found, most[0])
        finally:
            over.set()
            thread.join()

    def alone(self, verb: str) -> Result:
        """What curl needs for it without a gateway."""
        return Result(*self.measured(lambda: curl([*self.body(verb), self.located(verb)]), lambda: 0.0))

    def relayed(self, verb: str) -> Result:
        """The same by way of a relay, which is not hard to find: time and CPU of its start do not count."""
        url = self.located(verb)
        host = url.partition("//")[2].partition("/")[0]
        relay = Program("relay.py", *host.split(":"))
        try:
            url = url.replace(host, f"127.0.0.1:{relay.said}", 1)
            return Result(*self.measured(lambda: curl(["-H", "Connection: close", *self.body(verb), url]), relay.cpu))
        finally:
            relay.stop()

    def measured(self, run: Callable[[], object], between: Callable[[], float]) -> tuple[float, float, float, float]:
        before = between(), self.servers(), children(), time.perf_counter()
        run()
        wall = time.perf_counter() - before[3]
        return wall, between() - before[0], self.servers() - before[1], children() - before[2]

    def servers(self) -> float:
        disk = self.disk.cpu() if self.disk.process is not None else 0.0
        return self.double.cpu() + disk

    def located(self, verb: str) -> str:
        first = ["-X", verb, "-H", "Content-Length: 0", "-H", f"OC-Total-Length: {self.size}"] if verb == "PUT" else []
        return self.double.handshake("curl.bin", *first)

    def body(self, verb: str) -> list[str]:
        return ["-T", str(self.file), "-H", "Expect:"] if verb == "PUT" else ["-o", "/dev/null"]


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="256 MiB instead of 1 GiB, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--only", choices=("PUT", "GET"))
    parser.add_argument("--disk-server", choices=("double", "apache"), default="double", help="where downloads come from")
    parser.add_argument("--rate", type=int, default=0, help="MiB a second that Apache sends; by default all that it can")
    parser.add_argument("--receive-bytes", default="", help="the gateway's setting of that name")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    size, number = (256 * MIB, 1) if asked.quick else (asked.mib * MIB, asked.rounds)
    results = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        root = Path(name)
        root.chmod(0o755)
        double = Gateway.double = Double(root / "eos")
        disk = Gateway.disk_server = DiskServer(root / "none", root / "apache")
        Gateway.receive_bytes = asked.receive_bytes
        gateway = Gateway(root / "tree", root / "gateway")
        try:
            gateway.start()
            small = Bench(root, double, disk, gateway, 8 * MIB)
            for verb in ("PUT", "GET"):
                small.through(verb)
            bench = Bench(root, double, disk, gateway, size)
            if asked.only != "GET":
                results.append(compare(bench, "PUT", number))
            else:
                bench.through("PUT")
                bench.alone("PUT")
            bench.file.unlink()
            if asked.only != "PUT":
                if asked.disk_server == "apache" or asked.rate:
                    disk.take_over(double, ["gateway.bin", "curl.bin"], asked.rate)
                results.append(compare(bench, "GET", number))
        finally:
            gateway.stop()
            disk.stop()
            double.stop()
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


def compare(bench: Bench, verb: str, number: int) -> dict[str, object]:
    ways: dict[str, Callable[[str], Result]] = {"clawgate": bench.through, "curl": bench.alone}
    if verb == "GET":
        ways["relay"] = bench.relayed
    # What was written must not be on its way to the disk while something else is measured.
    os.sync()
    load = os.getloadavg()[0]
    found: dict[str, list[Result]] = {way: [] for way in ways}
    for _ in range(number):
        for way, run in ways.items():
            found[way].append(run(verb))
    return show(f"{verb} {bench.size // MIB} MiB", found, load)


def show(task: str, found: dict[str, list[Result]], load: float) -> dict[str, object]:
    figures = {}
    for name, all in found.items():
        keys = ("wall", "between", "servers", "client", "cpu", "memory")
        middle = {key: statistics.median(getattr(one, key) for one in all) for key in keys}
        figures[name] = middle
        print(
            f"{task:14} {name:9} {middle['wall']:7.3f} s   CPU: {middle['between']:6.3f} s in between,"
            f" {middle['servers']:6.3f} s servers, {middle['client']:6.3f} s curl, {middle['cpu']:6.3f} s all"
            f"   memory {middle['memory'] / MIB:5.1f} MiB"
        )
    ratios: dict[str, object] = {}
    for name in found:
        if name != "clawgate":
            rounds = [other.wall / own.wall for own, other in zip(found["clawgate"], found[name], strict=True)]
            by_cpu = figures[name]["cpu"] / figures["clawgate"]["cpu"]
            ratios[name] = {"time": statistics.median(rounds), "least": min(rounds), "most": max(rounds), "cpu": by_cpu}
            print(
                f"{task:14} the gateway has {statistics.median(rounds):.2f} ({min(rounds):.2f} to {max(rounds):.2f}) of the"
                f" throughput of {name}, {by_cpu:.2f} by CPU"
            )
    print(f"{task:14} load before: {load:.1f}, on {os.cpu_count()} processors")
    return {"task": task, "figures": figures, "ratios": ratios, "load": load}


if __name__ == "__main__":
    main()
