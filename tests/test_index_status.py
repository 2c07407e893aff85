"""``clawgate index status``, beside a gateway that runs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .wire.gateway import Gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = Gateway(folder)
    gateway.configure(index={"learn_seconds": 0.01})
    yield gateway
    gateway.close()


def status(gateway: Gateway) -> list[list[str]]:
    said = gateway.tool("index", "status")
    assert (said.returncode, said.stderr) == (0, "")
    return [line.split("\t") for line in said.stdout.splitlines()]


def test_it_tells_of_learning_and_of_passes(gateway: Gateway) -> None:
    home = gateway.make_home()
    for number in range(5):
        (home / f"d{number}/e").mkdir(parents=True)
        (home / f"d{number}/e/file").touch()
    gateway.start()
    with gateway.client() as client:
        assert client.raw("PROPFIND", "/remote.php/dav/files/alice/", headers={"Depth": "0"}).status == 207
    deadline = time.monotonic() + 60
    while "clawgate_index_learned_nodes_total 15.0" not in gateway.admin("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ((space, nodes, learned, walked),) = status(gateway)
    assert (space, nodes, learned) == ("home$alice", "16 files and folders, 11 of them folders", "all learned")
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    walk = rf"walked {moment} to {moment}: \d+ folders, \d+ had changed"
    assert re.match(f"not walked yet|{walk}", walked)
