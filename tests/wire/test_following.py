"""What others change on disk reaches the etag of the root without anybody listing anything; how fast, the gateway tells."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from . import dav
from .gateway import Gateway

PATIENCE = 120.0
"""Seconds until something that must happen counts as not happening."""


def outside(folder: Path, script: str) -> None:
    """Another process changes something."""
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True)


def root_etag(client: dav.Client) -> str:
    return etag_of(client, "")


def etag_of(client: dav.Client, path: str) -> str:
    """What a poll learns: nothing is listed."""
    return client.list(path, depth="0")[path].etag


def moved(client: dav.Client, before: str) -> str:
    """The root's etag once it is another one; nothing but that is asked for."""
    deadline = time.monotonic() + PATIENCE
    while (now := root_etag(client)) == before:
        assert time.monotonic() < deadline, "the etag of the root does not move"
        time.sleep(0.02)
    return now


def rest(client: dav.Client) -> str:
    """The root's etag once it does not move any more."""
    before = root_etag(client)
    while True:
        time.sleep(0.3)
        now = root_etag(client)
        if now == before:
            return now
        before = now


def staleness(gateway: Gateway) -> float:
    return gateway.metrics()['clawgate_staleness_seconds{mount="home"}']


def fresh(gateway: Gateway, most: float) -> None:
    """Wait until answers are that fresh."""
    deadline = time.monotonic() + PATIENCE
    while (age := staleness(gateway)) > most:
        assert time.monotonic() < deadline, f"answers may be {age} s old"
        time.sleep(0.05)


def tree(gateway: Gateway) -> Path:
    home = gateway.make_home()
    (home / "a/b/c").mkdir(parents=True)
    (home / "other").mkdir()
    (home / "a/b/c/file").write_bytes(b"content")
    return home


CHANGES = {
    "append": "echo more >> a/b/c/file",
    "create": "echo new > a/b/c/new",
    "replace": "echo other > a/b/c/.x; mv a/b/c/.x a/b/c/new",
    "rename": "mv a/b/c/new a/b/c/renamed",
    "move": "mv a/b/c/renamed other/",
    "folder": "mkdir -p a/new/deep; echo x > a/new/deep/file",
    "move a folder": "mv a/b other/b",
    "within what was moved": "echo again >> other/b/c/file",
    "remove": "rm -r other/b",
    "touch": "touch -d 2001-01-01 a/new/deep/file",
}


@pytest.mark.parametrize("by", ["fanotify", "inotify"])
def test_the_kernel_tells_of_a_new_home(stopped_gateway: Gateway, by: str) -> None:
    """There is nothing in it yet, not even for the index."""
    gateway = stopped_gateway
    gateway.configure(mounts__home={"outside_changes": "watch", "watch_by": by, "staleness_max": 3600.0})
    gateway.start()
    with gateway.client() as client:
        client.walk()
        fresh(gateway, 1.0)
        etag = rest(client)
        for script in ("echo new > new", "mkdir -p a/b", "echo deep > a/b/deep"):
            outside(gateway.disk(), script)
            etag = moved(client, etag)
            fresh(gateway, 1.0)
            client.walk()
            etag = rest(client)


@pytest.mark.parametrize("by", ["fanotify", "inotify"])
def test_the_kernel_tells(stopped_gateway: Gateway, by: str) -> None:
    gateway = stopped_gateway
    home = tree(gateway)
    # So that no walk but the first can be what finds something.
    gateway.configure(mounts__home={"outside_changes": "watch", "watch_by": by, "staleness_max": 3600.0})
    gateway.start()
    with gateway.client() as client:
        client.walk()
        fresh(gateway, 1.0)
        etag = rest(client)
        for what, script in CHANGES.items():
            outside(home, script)
            etag = moved(client, etag)
            fresh(gateway, 1.0)
            etag = rest(client)
            shown = {path for path in client.walk() if path}
            there = {str(path.relative_to(home)) for path in home.rglob("*") if ".clawgate" not in path.parts}
            assert shown == there, what
            # The listings found nothing that the kernel had not told of.
            assert root_etag(client) == etag, what
        own = gateway.metrics()
        assert client.put("a/own", b"own").status == 201
        etag = moved(client, etag)
        assert rest(client) == etag, "a change of our own was counted twice"
    assert own['clawgate_changes_lost_total{mount="home"}'] == 0
    assert own['clawgate_change_looks_total{mount="home"}'] > 0
    found = gateway.tool("staleness").stdout
    assert re.search(r"^home\$alice\twatch\t", found, re.MULTILINE), found


def test_walking_finds_it(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    home = tree(gateway)
    gateway.configure(mounts__home={"outside_changes": "scan", "staleness_max": 1.0})
    gateway.start()
    with gateway.client() as client:
        client.walk()
        fresh(gateway, 1.0)
        etag = rest(client)
        for what in ("append", "create", "move a folder", "remove"):
            outside(home, CHANGES[what])
            moved(client, etag)
            # What nobody was shown yet moves nothing when it changes.
            client.walk()
            etag = rest(client)
        assert not any(name.startswith("clawgate_kernel_events_total") for name in gateway.metrics())
        gateway.stop()
        outside(home, "echo meanwhile > a/meanwhile")
        client.close()
        gateway.start()
        moved(client, etag)


def test_what_was_missed_is_walked(stopped_gateway: Gateway) -> None:
    """More changes at once than may wait: everything is looked at, and then the kernel is believed again."""
    gateway = stopped_gateway
    home = tree(gateway)
    for number in range(60):
        (home / f"d{number}").mkdir()
    gateway.configure(
        mounts__home={"outside_changes": "watch", "watch_by": "inotify", "staleness_max": 3600.0}, outside={"hints": 10}
    )
    gateway.start()
    with gateway.client() as client:
        client.walk()
        fresh(gateway, 1.0)
        before = client.walk()
        outside(home, "for i in $(seq 0 59); do echo $i > d$i/new; done; echo more >> a/b/c/file")
        moved(client, before[""].etag)
        deadline = time.monotonic() + PATIENCE
        while any(etag_of(client, name) == before[name].etag for name in ["a", *(f"d{number}" for number in range(60))]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        fresh(gateway, 1.0)
        assert gateway.metrics()['clawgate_changes_lost_total{mount="home"}'] > 0
        etag = rest(client)
        os.utime(home / "a/b/c/file", (1, 1))
        moved(client, etag)
