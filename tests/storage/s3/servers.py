"""Two S3 services for tests: SeaweedFS, which keeps objects as files of its own tree, and moto, which is close to AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import boto3

from clawgate.storage.s3.clients import make_client

from ...ports import free_port

BUCKET = "tests"
KEY, SECRET = "tester", "a-secret-of-tests"
_PATIENCE = 180.0


@attrs.frozen
class Server:
    name: str
    endpoint: str

    def client(self, endpoint: str = "") -> Any:
        return client_for(endpoint or self.endpoint)


@cache
def client_for(endpoint: str) -> Any:
    """Making one takes a second of CPU; threads may share it."""
    return make_client(boto3.Session(KEY, SECRET, region_name="us-east-1"), endpoint, timeout=60)


def program(name: str) -> str:
    beside = Path(sysconfig.get_path("scripts")) / name
    return str(beside) if beside.exists() else str(shutil.which(name) or name)


@contextmanager
def running(name: str, command: list[str], port: int, log: Path, environment: dict[str, str] | None = None) -> Iterator[Server]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, cwd=log.parent
        )
    server = Server(name, f"http://127.0.0.1:{port}")
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            # One that answers may still have nowhere to put things.
            try:
                client = server.client()
                with suppress(client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
                    client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="ready", Body=b"1")
                break
            except Exception:
                assert process.poll() is None, log.read_text(errors="replace")[-2000:]
                assert time.monotonic() < until, log.read_text(errors="replace")[-2000:]
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def seaweed(folder: Path, volumes: int = 30) -> Iterator[Server]:
    identity = {"name": KEY, "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    master, volume, filer, s3 = (free_port(besides=10_000) for _ in range(4))
    command = [program("weed"), "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", "-s3", f"-s3.port={s3}"]
    command += [f"-s3.config={folder}/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-volume.max={volumes}"]
    command += ["-master.volumeSizeLimitMB=64", "-master.telemetry=false", "-filer.localSocket="]
    with running("seaweedfs", command, s3, folder / "log") as server:
        yield server


@contextmanager
def moto(folder: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running("moto", command, port, folder / "log") as server:
        yield server
