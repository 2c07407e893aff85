"""The gateway over an S3 bucket beside ``rclone serve webdav`` over the same bucket and boto3's own transfer, in turns.

    python bench/s3.py [--quick] [--rounds N] [--json FILE]

The service is SeaweedFS on loopback. Printed for each task: the median time, CPU of the server (for boto3: of the process that
transfers), memory above that of a server at rest, and the gateway's throughput as a part of each peer's: by time, and by CPU.
``docs/benchmarks.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import load
from peers import USER, Clawgate, Peer, Rclone

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.storage.s3 import servers

MIB = 1 << 20
PROPERTIES = b"""<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:getlastmodified/>\
<d:getcontentlength/><d:getetag/><id xmlns="http://owncloud.org/ns"/><permissions xmlns="http://owncloud.org/ns"/></d:prop>\
</d:propfind>"""
KEYS = 10_000

BOTO3 = """
import sys, resource, time, boto3
endpoint, key, secret, bucket, name, verb, path = sys.argv[1:]
client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
if verb == "PUT":
    client.upload_file(path, bucket, name)
else:
    client.download_file(bucket, name, path)
after = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""
LISTING = """
import sys, resource, time, boto3
endpoint, key, secret, bucket, prefix = sys.argv[1:]
client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
def run():
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return sum(len(page["Contents"]) for page in pages)
run()
before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
count = run()
after = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""


class Result:
    """One run: seconds of the clock, of CPU, and bytes of memory above what was held before."""

    def __init__(self, wall: float, cpu: float, memory: int = 0) -> None:
        self.wall, self.cpu, self.memory = wall, cpu, memory


class Gateway(Clawgate):
    """The gateway with homes in the bucket."""

    server: servers.Server

    def prepare(self) -> None:
        super().prepare()
        path = self.work / "clawgate.toml"
        text = path.read_text()
        path.write_text(
            text[: text.index("[mounts.home]")]
            + f"""[mounts.home]
driver = "s3"
[mounts.home.s3]
bucket = "{servers.BUCKET}"
prefix = "home/{{user.id}}"
endpoint = "{self.server.endpoint}"
access_key = "{servers.KEY}"
secret_key = "{servers.SECRET}"
"""
        )


class RcloneS3(Rclone):
    """``rclone serve webdav`` over the same part of the bucket."""

    server: servers.Server

    def command(self) -> list[str]:
        options = (
            f"provider=SeaweedFS,endpoint='{self.server.endpoint}',access_key_id={servers.KEY},secret_access_key={servers.SECRET}"
        )
        remote = f":s3,{options}:{servers.BUCKET}/home/{USER}"
        return [str(remote) if part == str(self.tree) else part for part in super().command()]


@contextmanager
def watched(peer: Peer) -> Iterator[list[int]]:
    """The most memory that `peer` held meanwhile, above what it held before."""
    before, most, over = peer.memory(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            most[0] = max(most[0], peer.memory() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


class Bench:
    def __init__(self, root: Path, server: servers.Server, size: int) -> None:
        self.root = root
        self.server = server
        self.size = size
        self.file = root / "content"
        block = os.urandom(MIB)
        with self.file.open("wb") as out:
            for _ in range(size // MIB):
                out.write(block)

    def put(self, peer: Peer) -> Result:
        request = peer.request("PUT", f"{peer.name}.bin", Content_Length=str(self.size))
        connection = load.Connection(peer.port)
        with self.file.open("rb") as file, watched(peer) as memory:
            cpu, start = peer.cpu(), time.perf_counter()
            answer = connection.ask(request, file=file.fileno(), size=self.size)
            wall, cpu = time.perf_counter() - start, peer.cpu() - cpu
        connection.close()
        assert answer.status in (201, 204), answer
        return Result(wall, cpu, memory[0])

    def warm(self, peer: Peer) -> None:
        """What a server does only once is not measured."""
        connection = load.Connection(peer.port)
        for number in range(20):
            assert connection.ask(peer.request("PUT", f"small-{number}", os.urandom(2 * MIB))).status == 201
            connection.ask(peer.request("GET", f"small-{number}"))
        connection.close()

    def get(self, peer: Peer) -> Result:
        connection = load.Connection(peer.port)
        with watched(peer) as memory:
            cpu, start = peer.cpu(), time.perf_counter()
            answer = connection.ask(peer.request("GET", f"{peer.name}.bin"))
            wall, cpu = time.perf_counter() - start, peer.cpu() - cpu
        connection.close()
        assert (answer.status, answer.size) == (200, self.size), answer
        return Result(wall, cpu, memory[0])

    def script(self, text: str, *args: str) -> Result:
        address = [self.server.endpoint, servers.KEY, servers.SECRET, servers.BUCKET]
        done = subprocess.run([sys.executable, "-c", text, *address, *args], check=True, capture_output=True, text=True)
        wall, cpu = map(float, done.stdout.split())
        return Result(wall, cpu)

    def fill(self) -> None:
        client = self.server.client()
        for number in range(KEYS):
            client.put_object(
                Bucket=servers.BUCKET, Key=f"home/{USER}/many/file number {number:05}.dat", Body=b"x" * (number % 64)
            )

    def list(self, peer: Peer, *, warm: bool) -> Result:
        """Warm: the same question again; cold: the first one of a fresh process whose index knows the folder."""
        request = peer.request("PROPFIND", "many/", PROPERTIES, Depth="1", Content_Type="application/xml")
        if not warm:
            peer.restart()
        connection = load.Connection(peer.port)
        connection.ask(peer.request("PROPFIND", "", PROPERTIES, Depth="0", Content_Type="application/xml"))
        if warm:
            connection.ask(request)
        cpu, start = peer.cpu(), time.perf_counter()
        answer = connection.ask(request)
        wall, cpu = time.perf_counter() - start, peer.cpu() - cpu
        connection.close()
        assert answer.status == 207, answer
        return Result(wall, cpu)


def rounds(number: int, ways: dict[str, Callable[[], Result]]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {name: [] for name in ways}
    for _ in range(number):
        for name, way in ways.items():
            found[name].append(way())
    return found


def show(task: str, found: dict[str, list[Result]]) -> dict[str, object]:
    first = next(iter(found))
    figures = {}
    middle = {
        name: tuple(statistics.median(getattr(one, key) for one in all) for key in ("wall", "cpu", "memory"))
        for name, all in found.items()
    }
    for name, (wall, cpu, memory) in middle.items():
        ratios = "" if name == first else f"   gateway {wall / middle[first][0]:.2f} by time, {cpu / middle[first][1]:.2f} by CPU"
        print(f"{task:22} {name:12} {wall:8.3f} s   CPU {cpu:8.3f} s   memory {memory / MIB:6.1f} MiB{ratios}")
        figures[name] = {"wall": wall, "cpu": cpu, "memory": memory}
    return {"task": task, "figures": figures}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="256 MiB instead of 1 GiB, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    # rclone cannot do with it, and nothing here has a certificate.
    os.environ.pop("AWS_CA_BUNDLE", None)
    size, number = (256 * MIB, 1) if asked.quick else (1024 * MIB, asked.rounds)
    results = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        root = Path(name)
        (root / "seaweed").mkdir()
        with servers.seaweed(root / "seaweed", volumes=200) as server:
            bench = Bench(root, server, size)
            Gateway.server = RcloneS3.server = server
            gateway, rclone = Gateway(root / "tree", root / "gateway"), RcloneS3(root / "tree", root / "rclone")
            for peer in (gateway, rclone):
                peer.start()
                bench.warm(peer)
            try:
                there = str(root / "down")
                results.append(
                    show(
                        f"PUT {size // MIB} MiB",
                        rounds(
                            number,
                            {
                                "clawgate": lambda: bench.put(gateway),
                                "rclone": lambda: bench.put(rclone),
                                "boto3": lambda: bench.script(BOTO3, "boto3.bin", "PUT", str(bench.file)),
                            },
                        ),
                    )
                )
                results.append(
                    show(
                        f"GET {size // MIB} MiB",
                        rounds(
                            number,
                            {
                                "clawgate": lambda: bench.get(gateway),
                                "rclone": lambda: bench.get(rclone),
                                "boto3": lambda: bench.script(BOTO3, "boto3.bin", "GET", there),
                            },
                        ),
                    )
                )
                bench.fill()
                bench.list(gateway, warm=True)
                bare = {"list calls": lambda: bench.script(LISTING, f"home/{USER}/many/")}
                results.append(
                    show(f"PROPFIND {KEYS} cold", rounds(number, {"clawgate": lambda: bench.list(gateway, warm=False), **bare}))
                )
                results.append(
                    show(f"PROPFIND {KEYS} warm", rounds(number, {"clawgate": lambda: bench.list(gateway, warm=True), **bare}))
                )
            finally:
                for peer in (gateway, rclone):
                    peer.stop()
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
