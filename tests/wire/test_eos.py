"""Clients on an EOS, which the double plays in each of three versions; or a real one, see `eos_site`."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from . import dav, kept, trees
from .eos_site import REAL, REAL_GRPC, RealSite, Site
from .gateway import USERS, Gateway
from .programs import Started, SyncClient, run
from .two_clients import agree

VERSIONS = ["real"] if REAL else ["5.1", "5.3", "5.4"]
HOME = "/eos/user/a/alice"
Served = tuple[Site | RealSite, Gateway]


LOGIN = {"Authorization": "Basic " + base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()}
TUS = "/remote.php/dav/files/alice/"
SIZE = 1_500_000
CHUNK = 400_001


def make_site(version: str, folder: Path) -> Site | RealSite:
    return RealSite() if version == "real" else Site(folder, version)


@pytest.fixture(scope="module", params=VERSIONS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("eos")
    site, gateway = make_site(request.param, folder / "eos"), Gateway(folder)
    gateway.configure(**site.settings())
    gateway.start()
    yield site, gateway
    gateway.close()
    assert not site.leaked(gateway.log())
    site.close()


@pytest.fixture
def gateway(served: Served) -> Gateway:
    """With nothing in alice's home."""
    _, gateway = served
    with gateway.client() as client:
        for path in client.list():
            assert not path or client.ask("DELETE", path).status == 204
    return gateway


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site | RealSite]:
    """One of its own."""
    site = make_site(request.param, tmp_path / "eos")
    yield site
    site.close()


def test_litmus(gateway: Gateway, tmp_path: Path) -> None:
    arguments = ["litmus", gateway.url("/remote.php/dav/files/alice/"), "alice", USERS["alice"]]
    said = run(arguments, tmp_path / "home", environment={"TESTS": "basic copymove props locks http"})
    summaries = re.findall(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed, 0 failed\. 100", said)
    assert [suite for suite, ran, passed in summaries if ran == passed] == ["basic", "copymove", "props", "locks", "http"], said


@pytest.mark.parametrize("program", ["owncloudcmd", "nextcloudcmd"])
def test_two_clients(gateway: Gateway, served: Served, tmp_path: Path, program: str) -> None:
    site, _ = served
    one, two = (SyncClient(program, gateway, tmp_path / name) for name in ("one", "two"))
    trees.make(one.folder, 45, seed=2)
    for path in [path for path in one.folder.rglob("*") if path.is_file()]:
        # Nextcloud's client leaves out what begins with a blank.
        if path.stat().st_size > 11_000_000 or path.name.startswith(" "):
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


def changed(client: dav.Client, path: str) -> float:
    return parsedate_to_datetime(client.ask("HEAD", path).headers["Last-Modified"]).timestamp()


def test_trash(gateway: Gateway) -> None:
    """What is removed is in EOS's own bin, and comes back from it; nobody else gets it, and over HTTP nobody can empty it."""
    with gateway.client() as client, gateway.client("bob") as bob:
        if REAL:
            text = "the directory that is given needs a recycle bin (sys.recycle)"
            assert client.raw("PROPFIND", f"{kept.BIN}/", kept.ASK).status != 404, text
        client.ask("MKCOL", "folder")
        client.put("folder/a & b*%.txt", b"hello", X_OC_Mtime="1500000000")
        client.put("folder/more", b"more")
        id, before = kept.id_of(client, "folder/a & b*%.txt"), client.list("")[""].etag
        assert client.ask("DELETE", "folder/a & b*%.txt").status == 204
        assert client.list("")[""].etag != before
        entry = kept.trash(client)["folder/a & b*%.txt"]
        assert (entry.name, entry.size, entry.folder, entry.id) == ("a & b*%.txt", 5, False, id)
        assert abs(entry.removed - time.time()) < 60
        assert client.raw("GET", entry.href).body == b"hello"
        assert kept.restore(client, entry, "gone/file").status == 409
        client.put("folder/taken", b"taken")
        assert kept.restore(client, entry, "folder/taken").status == 412
        assert kept.restore(client, entry, "folder/a & b*%.txt").status == 201
        assert client.get("folder/a & b*%.txt") == b"hello" and kept.id_of(client, "folder/a & b*%.txt") == id
        assert changed(client, "folder/a & b*%.txt") == 1500000000
        assert kept.restore(client, entry, "again").status == 404

        client.ask("DELETE", "folder")
        client.ask("MKCOL", "folder")
        for bin in (kept.BIN, "/dav/spaces/trash-bin/home$alice", "/remote.php/dav/trashbin/alice/trash"):
            entry = kept.trash(client, bin)["folder"]
            inside = kept.entries(client.raw("PROPFIND", entry.href, kept.ASK, {"Depth": "1"}).body)
            found = {one["trashbin-original-location"]: one["href"] for one in inside}
            assert client.raw("GET", found["folder/more"]).body == b"more"
            if not REAL_GRPC:
                assert client.raw("DELETE", entry.href).status == 403
                assert client.raw("DELETE", f"{bin}/").status == 403
            assert bob.raw("PROPFIND", f"{bin}/", kept.ASK).status in (403, 404)
            assert bob.raw("GET", entry.href.replace("alice", "bob")).status == 404
            assert bob.raw("MOVE", entry.href.replace("alice", "bob"), None, {"Destination": bob.href("x")}).status == 404
        assert "folder" not in kept.trash(bob, "/remote.php/dav/trash-bin/bob")
        assert kept.restore(client, entry, "elsewhere").status == 201
        assert client.get("elsewhere/more") == b"more"
        assert kept.restore(client, kept.trash(client, bin).get("folder") or entry, "again").status == 404
        assert sorted(client.list("")) == ["", "elsewhere", "folder"]


def test_copies(gateway: Gateway) -> None:
    """They go through the gateway; times and versions are the copy's own affair."""
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/a & b", b"hello" * 100_000, X_OC_Mtime="1500000000")
        client.put("folder/empty", b"")
        assert client.ask("COPY", "folder", headers={"Destination": client.href("other")}).status == 201
        assert client.get("other/a & b") == b"hello" * 100_000 and client.get("other/empty") == b""
        assert changed(client, "other/a & b") == 1500000000
        assert kept.id_of(client, "other/a & b") != kept.id_of(client, "folder/a & b")
        taken = {"Destination": client.href("folder/empty"), "Overwrite": "F"}
        assert client.ask("COPY", "folder/a & b", headers=taken).status == 412
        assert client.ask("COPY", "folder/a & b", headers={**taken, "Overwrite": "T"}).status == 204
        assert client.get("folder/empty") == b"hello" * 100_000


def capabilities(gateway: Gateway) -> dict[str, Any]:
    with gateway.client() as client:
        answer = json.loads(client.raw("GET", "/ocs/v2.php/cloud/capabilities?format=json").body)
    found: dict[str, Any] = answer["ocs"]["data"]["capabilities"]
    return found


def test_capabilities(gateway: Gateway) -> None:
    """What needs an index is neither offered nor done; what EOS has is."""
    found = capabilities(gateway)
    assert found["files"]["versioning"]
    assert REAL or (found["files"]["undelete"] and found["dav"]["trashbin"])
    assert "search" not in found and found["dav"]["reports"] == ["filter-files"]
    with gateway.client() as client:
        ask = b'<d:propfind xmlns:d="DAV:"><d:prop><d:supported-report-set/><d:sync-token/></d:prop></d:propfind>'
        said = client.ask("PROPFIND", "", ask, {"Depth": "0"}).body
        assert b"sync-collection" not in said and b"http" not in said.partition(b"sync-token")[2].partition(b"<")[0]
        sync = b'<d:sync-collection xmlns:d="DAV:"><d:sync-token/><d:sync-level>1</d:sync-level><d:prop/></d:sync-collection>'
        search = (
            b'<oc:search-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop/>'
            b"<oc:search><oc:pattern>x</oc:pattern></oc:search></oc:search-files>"
        )
        for report in (sync, search):
            assert client.ask("REPORT", "", report, {"Depth": "0"}).status in (400, 403, 405, 415, 501)


def arrives(gateway: Gateway, name: str, content: bytes) -> None:
    with gateway.client() as client:
        assert client.get(name) == content
        assert changed(client, name) == 1500000000


@pytest.mark.parametrize("part", ["unknown", "with checksums"])
def test_tuspy(gateway: Gateway, part: str) -> None:
    content = os.urandom(SIZE)
    metadata = {"filename": "file", "mtime": "1500000000"}
    if part != "unknown":
        metadata["checksum"] = f"SHA1 {hashlib.sha1(content).hexdigest()}"
    client = TusClient(gateway.url(TUS), dict(LOGIN))
    uploader = Uploader(
        file_stream=io.BytesIO(content),
        client=client,
        metadata=metadata,
        chunk_size=CHUNK,
        upload_checksum=part != "unknown",
    )
    uploader.upload()
    arrives(gateway, "file", content)


@pytest.mark.parametrize("options", [{"chunkSize": CHUNK}, {"parallelUploads": 2}], ids=["chunks", "parallel"])
def test_tusjs(gateway: Gateway, tmp_path: Path, options: dict[str, Any]) -> None:
    content, file = os.urandom(SIZE), tmp_path / "content"
    file.write_bytes(content)
    common = {"endpoint": gateway.url(TUS), "headers": LOGIN, "metadata": {"filename": "file", "mtime": "1500000000"}}
    script = Path(__file__).parent / "tusjs" / "upload.mjs"
    order = {"file": str(file), "options": {**common, **options}}
    with Started(["node", str(script), json.dumps(order)], tmp_path / "home") as started:
        assert json.loads(started.end())["outcome"] == "success"
    arrives(gateway, "file", content)


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


def test_without_a_bin(double: Site, quick_gateway: Gateway) -> None:
    """Where nothing says that what is removed is kept there is no trash, and none is offered once that is known."""
    double.call("set_attribute", path=HOME, key="sys.recycle", value=None)
    quick_gateway.configure(**double.settings())
    quick_gateway.start()
    with quick_gateway.client() as client:
        client.put("file", b"x")
        found = capabilities(quick_gateway)
        assert not found["files"]["undelete"] and "trashbin" not in found["dav"]
        assert client.raw("PROPFIND", f"{kept.BIN}/", kept.ASK).status == 404
        assert client.ask("DELETE", "file").status == 204


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
