"""Clients on an EOS, which the double plays in each of three versions; or a real one, see `eos_site`."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import trees
from .eos_site import REAL, RealSite, Site
from .gateway import USERS, Gateway
from .programs import SyncClient, run
from .two_clients import agree

VERSIONS = ["real"] if REAL else ["5.1", "5.3", "5.4"]
HOME = "/eos/user/a/alice"


@pytest.fixture(params=VERSIONS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site | RealSite]:
    site = RealSite() if request.param == "real" else Site(tmp_path / "eos", request.param)
    yield site
    site.close()


@pytest.fixture
def gateway(site: Site | RealSite, quick_gateway: Gateway) -> Iterator[Gateway]:
    quick_gateway.configure(**site.settings())
    quick_gateway.start()
    yield quick_gateway
    assert not site.leaked(quick_gateway.log())


def test_litmus(gateway: Gateway, tmp_path: Path) -> None:
    arguments = ["litmus", gateway.url("/remote.php/dav/files/alice/"), "alice", USERS["alice"]]
    said = run(arguments, tmp_path / "home", environment={"TESTS": "basic copymove props locks http"})
    summaries = re.findall(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed, 0 failed\. 100", said)
    assert [suite for suite, ran, passed in summaries if ran == passed] == ["basic", "copymove", "props", "locks", "http"], said


@pytest.mark.parametrize(
    ("site", "program"),
    [(VERSIONS[0], "owncloudcmd"), (VERSIONS[len(VERSIONS) // 2], "nextcloudcmd"), (VERSIONS[-1], "owncloudcmd")][
        : 2 if REAL else 3
    ],
    indirect=["site"],
)
def test_two_clients(gateway: Gateway, site: Site | RealSite, tmp_path: Path, program: str) -> None:
    one, two = (SyncClient(program, gateway, tmp_path / name) for name in ("one", "two"))
    trees.make(one.folder, 60, seed=2)
    for path in [path for path in one.folder.rglob("*") if path.is_file()]:
        # Nextcloud's client leaves out what begins with a blank.
        if path.stat().st_size > 30_000_000 or path.name.startswith(" "):
            path.unlink()
    one.sync()
    two.sync()
    agree("everything is new", one.folder, two.folder)

    (one.folder / "docs/2024").rename(one.folder / "moved")
    some = sorted(path for path in (one.folder / "src/c++").iterdir() if path.is_file())
    trees.write(some[0], b"changed by one " * 1000, trees.TIME + 100)
    trees.write(two.folder / "docs/new 100% #1.bin", os.urandom(12_000_000), trees.TIME + 200)
    shutil.rmtree(two.folder / "src/a#b")
    before = trees.inodes(two.folder)
    one.sync()
    two.sync()
    one.sync()
    agree("changes on both sides", one.folder, two.folder)
    moved = {path: inode for path, inode in before.items() if path.startswith("docs/2024/")}
    after = trees.inodes(two.folder)
    assert all(after[path.replace("docs/2024", "moved", 1)] == inode for path, inode in moved.items()), "downloaded again"

    quiet = trees.inodes(one.folder)
    one.sync()
    assert trees.inodes(one.folder) == quiet
    if isinstance(site, RealSite):
        return
    site.call("put", path=f"{HOME}/docs/from a job.txt", content="beside the gateway", owner="alice")
    site.call("rename", old=f"{HOME}/moved", new=f"{HOME}/photos")
    site.call("settle")
    time.sleep(1.1)
    one.sync()
    two.sync()
    agree("changes beside the gateway", one.folder, two.folder)
    assert (one.folder / "docs/from a job.txt").read_bytes() == b"beside the gateway"
    assert (one.folder / "photos").is_dir()
    assert not [name for name in site.call("names", path=HOME) if name.startswith(".sys.reva#.")]


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Site]:
    """Also where a real one is tested, which has one person only."""
    site = Site(tmp_path / "eos", "5.3")
    yield site
    site.close()


def test_a_project(double: Site, quick_gateway: Gateway) -> None:
    """Everybody works there as themselves, and EOS decides."""
    site, gateway, project = double, quick_gateway, "/eos/project/p/physics"
    site.call("mkdir", path=project, owner="alice")
    site.call("set_attribute", path=project, key="sys.acl", value="u:1002:rx")
    site.call("set_quota", path=project, name="alice", bytes=10**9)
    settings = site.settings()
    eos = settings["mounts__home__eos"]
    gateway.configure(**settings, mounts__shared={"driver": "eos", "kind": "project", "root": project}, mounts__shared__eos=eos)
    gateway.start()
    alice, bob = (gateway.client(user, "/remote.php/dav/spaces/shared$shared") for user in ("alice", "bob"))
    with alice, bob:
        assert alice.ask("PUT", "file", b"alice's").status == 201
        assert bob.ask("GET", "file").body == b"alice's"
        assert bob.list()["file"].permissions == ""
        for answer in (
            bob.ask("PUT", "file", b"bob's"),
            bob.ask("PUT", "new", b"x"),
            bob.ask("DELETE", "file"),
            bob.ask("MKCOL", "d"),
        ):
            assert answer.status == 403
        site.call("set_attribute", path=project, key="sys.acl", value="u:1002:rwx")
        site.call("set_quota", path=project, name="bob", bytes=10**9)
        assert bob.ask("PUT", "new", b"bob's").status == 201
        assert alice.ask("GET", "new").body == b"bob's"
    said = gateway.tool("explain", "bob", "/").stdout
    assert "works as  bob on EOS" in said
    assert not site.leaked(gateway.log())


@pytest.mark.parametrize("site", ["5.3"], indirect=True)
def test_homes(site: Site, quick_gateway: Gateway, tmp_path: Path) -> None:
    """A home that is missing is no empty tree; a command can make it."""
    gateway, settings = quick_gateway, site.settings()
    site.call("rename", old="/eos/user/b/bob", new="/eos/user/b/elsewhere")
    gateway.configure(**settings)
    gateway.start()
    with gateway.client("bob") as client:
        assert client.ask("PROPFIND", "", headers={"Depth": "0"}).status == 503
    gateway.stop()
    made = tmp_path / "make-home"
    body = '{"name": "make_home", "arguments": {"name": "\'$2\'"}}'
    made.write_text(
        f"#!/bin/sh\n[ $1 = /eos/user/b/bob ] && [ $3 = 1002 ] && curl -sf -d '{body}' {site.addresses['admin']}/call\n"
    )
    made.chmod(0o700)
    settings["mounts__home__eos"]["home_command"] = [str(made)]
    gateway.configure(**settings)
    gateway.start()
    with gateway.client("bob") as client:
        assert client.ask("PROPFIND", "", headers={"Depth": "0"}).status == 207
        assert client.ask("PUT", "file", b"x").status == 201
    assert not site.leaked(gateway.log())
