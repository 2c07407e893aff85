"""What it costs to list a folder of 10,000 objects again that was listed a moment ago, in each way in which buckets are followed.

    python bench/s3_listing.py [--rounds N] [--json FILE]

The service is SeaweedFS on loopback. Printed: the gateway's CPU, the time of one PROPFIND and how many calls of S3 it made,
on an average. ``docs/benchmarks.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import load
from peers import USER
from s3 import KEYS, PROPERTIES, Gateway, servers

SECRET = "of-the-bench"
LONG = 86400
WAYS = {
    "asked each time": ("", ""),
    "listing_seconds": (f"staleness_max = {LONG}", f"listing_seconds = {LONG}"),
    "events": (f'outside_changes = "events"\nstaleness_max = {LONG}', f'events_secret = "{SECRET}"'),
}
"""Settings of the mount, and of its table ``s3``."""


def fill(client: object) -> None:
    def put(number: int) -> None:
        client.put_object(  # type: ignore[attr-defined]
            Bucket=servers.BUCKET, Key=f"home/{USER}/many/file number {number:05}.dat", Body=b"x" * (number % 64)
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(KEYS)))


def calls(gateway: Gateway) -> int:
    admin = re.search(r"\[admin\]\nlisten = \[\"tcp:(\d+)", (gateway.work / "clawgate.toml").read_text())
    assert admin is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{admin[1]}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith("clawgate_s3_calls_total{"))


def tell(gateway: Gateway) -> None:
    """So that it is known that somebody tells."""
    record = {"eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": servers.BUCKET}, "object": {"key": "elsewhere"}}}
    body = json.dumps({"Records": [record]}).encode()
    connection = load.Connection(gateway.port)
    answer = connection.ask(gateway.absolute("POST", f"/bucket-events/home/{SECRET}", body))
    connection.close()
    assert answer.status == 204, answer


def measure(gateway: Gateway, rounds: int) -> dict[str, float]:
    connection = load.Connection(gateway.port)
    request = gateway.request("PROPFIND", "many/", PROPERTIES, Depth="1", Content_Type="application/xml")
    connection.ask(request)
    connection.ask(request)
    before = calls(gateway)
    found = []
    for _ in range(rounds):
        cpu, start = gateway.cpu(), time.perf_counter()
        answer = connection.ask(request)
        found.append((gateway.cpu() - cpu, time.perf_counter() - start))
        assert answer.status == 207, answer
    made = (calls(gateway) - before) / rounds
    connection.close()
    cpu, wall = (sum(column) / rounds for column in zip(*found, strict=True))
    return {"cpu": cpu, "wall": wall, "calls": made}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    os.environ.pop("AWS_CA_BUNDLE", None)
    results = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        root = Path(name)
        (root / "seaweed").mkdir()
        with servers.seaweed(root / "seaweed", volumes=50) as server:
            Gateway.server = server
            fill(server.client())
            for way, (mount, s3) in WAYS.items():
                gateway = Gateway(root / "tree", root / way.replace(" ", "-"))
                config = gateway.work / "clawgate.toml"
                text = config.read_text()
                text = text.replace("[mounts.home]\n", f"[mounts.home]\n{mount}\n")
                config.write_text(text.replace("[mounts.home.s3]\n", f"[mounts.home.s3]\n{s3}\n"))
                gateway.start()
                try:
                    if way == "events":
                        tell(gateway)
                    figures = results[way] = measure(gateway, asked.rounds)
                finally:
                    gateway.stop()
                print(
                    f"PROPFIND {KEYS} again, {way:16} CPU {figures['cpu'] * 1000:7.1f} ms   {figures['wall'] * 1000:7.1f} ms   "
                    f"{figures['calls']:g} calls"
                )
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
