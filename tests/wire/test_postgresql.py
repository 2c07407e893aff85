"""A whole gateway on PostgreSQL: what clients do, and the server going away and coming back while they do it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..postgres import Postgres
from . import dav, trees
from .gateway import USERS, Gateway
from .programs import SyncClient, run
from .two_clients import agree
from .upload_chunked import Ng
from .upload_content import Content
from .upload_tus import TUS, Tus

LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
COLOUR = b'<propertyupdate xmlns="DAV:"><set><prop><colour xmlns="urn:x">red</colour></prop></set></propertyupdate>'
MB = 1_000_000


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    url = postgres.database()
    yield url.replace("+psycopg", "")
    postgres.drop(url)


@pytest.fixture
def house(stopped_gateway: Gateway, url: str) -> Gateway:
    """Both databases in one."""
    stopped_gateway.configure(state={"url": url}, index={"url": url})
    stopped_gateway.start()
    return stopped_gateway


def make(gateway: Gateway, *options: str) -> str:
    """An app password of alice's, by the operator."""
    said = gateway.tool("token", "create", "alice", *options)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def probe(gateway: Gateway, secret: str) -> dav.Answer:
    with dav.Client(gateway.port, "alice", secret, "/remote.php/dav/files/alice") as client:
        return client.ask("PROPFIND", "", None, {"Depth": "0"})


def until_said(gateway: Gateway, text: str) -> None:
    """Wait for what is done from time to time to come by."""
    deadline = time.monotonic() + 60
    while text not in gateway.log():
        assert time.monotonic() < deadline, gateway.log()[-3000:]
        time.sleep(0.05)


def agrees(gateway: Gateway) -> None:
    """The index and the storage, says the operator's command, which wants the gateway to be stopped."""
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr


def test_clients_at_work(house: Gateway, postgres: Postgres, url: str, tmp_path: Path) -> None:
    held = postgres.ask("SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND granted", url)
    assert len(held) == 2, "another gateway could take the tables as well"

    said = run(["litmus", house.url("/remote.php/webdav/"), "alice", USERS["alice"]], tmp_path / "home")
    assert said.count("0 failed. 100.0%") == 5, said

    (house.disk() / "docs").mkdir()
    trees.write(house.disk() / "docs/there before.txt", b"x", trees.TIME)
    one, two = (SyncClient("owncloudcmd", house, tmp_path / name) for name in ("one", "two"))
    one.sync()
    trees.write(one.folder / "docs/größe.bin", os.urandom(12 * MB), trees.TIME + 1)
    (one.folder / "docs/there before.txt").rename(one.folder / "moved.txt")
    one.sync()
    two.sync()
    agree("one gave, two took", house.disk(), one.folder, two.folder)

    content = Content(3 * MB, 1)
    with house.client() as client:
        tus = Tus(client, "by tus.bin", content)
        ng = Ng(client, "by ng.bin", content, naming="offset", cuts=[0, MB, 2 * MB], key="4711")
        tus.create(MB)
        ng.begin()
        ng.put(list(ng.chunks)[2])
        assert client.ask("PROPPATCH", "moved.txt", COLOUR).status == 207
        client.close()
        house.kill()
        house.start()
        tus.resume()
        tus.append(content.size - tus.acknowledged)
        assert ng.listed() == {name: stop - start for name, (start, stop) in [list(ng.chunks.items())[2]]}
        for name in list(ng.chunks)[:2]:
            ng.put(name)
        assert ng.move().status == 201
        assert b"red</" in client.ask("PROPFIND", "moved.txt", None, {"Depth": "0"}).body
    assert all(content.is_in(house.disk() / name) for name in ("by tus.bin", "by ng.bin"))

    secret = make(house)
    assert probe(house, secret).status == 207
    id = house.tool("token", "list", "alice").stdout.split("\t")[0]
    assert house.tool("token", "revoke", "alice", id).returncode == 0
    deadline = time.monotonic() + 60
    while probe(house, secret).status != 401:
        assert time.monotonic() < deadline, "it is still accepted"
        time.sleep(0.05)

    checked = house.tool("check").stdout
    for key in ("state", "index"):
        assert f"{key}: postgresql+psycopg://postgres:***@127.0.0.1:" in checked

    agrees(house)
    house.assert_tidy()
    assert not list(house.data.glob("*.db*"))
    assert "not asked for" not in house.log() and "not%20asked%20for" not in house.log()


def test_the_server_is_away_for_a_while(house: Gateway, postgres: Postgres) -> None:
    secret = make(house)
    content = Content(3 * MB, 2)
    with house.client() as client, dav.Client(house.port, "alice", secret, "/remote.php/dav/files/alice") as program:
        for name in ("kept", "old", "locked"):
            assert client.put(name, b"before").status == 201
        token = client.ask("LOCK", "locked", LOCK, {"Content-Type": "application/xml"}).headers["Lock-Token"]
        tus = Tus(client, "large.bin", content)
        tus.create(MB)
        etag = client.list("", "0")[""].etag
        assert program.get("kept") == b"before"

        postgres.stop("immediate")
        # What is in memory may be told; what is not can be had later, and is never said to be gone or forbidden.
        asked = [
            client.put("new", b"new"),
            client.put("old", b"changed"),
            client.ask("MKCOL", "folder"),
            client.ask("DELETE", "kept"),
            client.move("kept", "moved"),
            client.ask("PROPPATCH", "kept", COLOUR),
            client.ask("UNLOCK", "locked", None, {"Lock-Token": token}),
            client.ask("PROPFIND", "", None, {"Depth": "1"}),
            client.raw("HEAD", tus.target, None, TUS),
            client.raw("POST", f"{client.root}/", b"", {**TUS, "Upload-Length": "5", "Upload-Metadata": "filename eA=="}),
            client.raw("MKCOL", "/remote.php/dav/uploads/alice/4712", None, {}),
            *[probe(house, secret) for _ in range(3)],
            *[probe(house, USERS["alice"]) for _ in range(3)],
        ]
        statuses = [answer.status for answer in asked]
        assert set(statuses) <= {200, 207, 503}, statuses
        assert statuses.count(503) >= 10, statuses
        assert all(answer.headers["Retry-After"] for answer in asked if answer.status == 503)
        assert not any(str(postgres.port).encode() in answer.body for answer in asked), asked
        assert house.admin("/ready")[0] == 503
        until_said(house, "failed and will be tried again: the database does not work at the moment")

        postgres.start()
        assert house.admin("/ready")[0] == 200
        assert client.put("locked", b"without the token").status == 423
        assert client.put("new", b"new").status in (201, 204)
        assert client.put("old", b"changed").status == 204
        assert client.ask("MKCOL", "folder").status in (201, 405)
        assert client.ask("UNLOCK", "locked", None, {"Lock-Token": token}).status == 204
        assert client.get("old") == b"changed"
        assert client.list("", "0")[""].etag != etag
        tus.resume()
        tus.append(content.size - tus.acknowledged)
        assert program.ask("PROPFIND", "", None, {"Depth": "0"}).status == 207
        found = client.walk()
        assert {"new", "old", "locked", "large.bin", "folder"} <= set(found)
    assert content.is_in(house.disk() / "large.bin")
    assert set(found) - {""} == {str(path.relative_to(house.disk())) for path in house.disk().iterdir() if path.name[0] != "."}
    agrees(house)
    assert "works again" in house.log()


def test_connections_that_are_cut_all_the_time(house: Gateway, postgres: Postgres) -> None:
    over = threading.Event()
    cuts = 0
    pause = 0.02

    def cut() -> None:
        nonlocal cuts
        while not over.wait(pause):
            cuts += postgres.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    statuses: list[int] = []
    try:
        with house.client() as client:
            for round in range(40):
                for path in (f"folder {round % 4}", f"folder {round % 4}/file {round}"):
                    while True:
                        answer = client.put(path, b"x" * round) if "/" in path else client.ask("MKCOL", path)
                        statuses.append(answer.status)
                        if answer.status != 503:
                            pause = 0.02
                            break
                        # A busy machine needs longer for a request than from one cut to the next.
                        pause = min(pause * 1.1, 1.0)
    finally:
        over.set()
        cutter.join()
    assert cuts > 0
    assert set(statuses) <= {201, 204, 405, 503}, statuses
    with house.client() as client:
        found = {name: item.size for name, item in client.walk().items() if not item.folder}
    assert found == {f"folder {round % 4}/file {round}": round for round in range(40)}
    agrees(house)
