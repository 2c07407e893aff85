"""owncloudcmd and nextcloudcmd with files over their chunk size, when the client or the gateway is killed in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from . import trees
from .cutting_proxy import CuttingProxy, Then
from .gateway import Gateway
from .programs import SyncClient
from .recorded import begun, repeated, sent, target

MB = 1_000_000
CHUNK = 10 * MB
"""What both clients begin with. If they are let, they grow it to up to 100 MB after the first one."""
NAME = "große Datei.bin"


class Dialect(NamedTuple):
    program: str
    tus: bool
    """Whether the gateway offers TUS."""
    resumes: bool
    """Whether the client's journal holds what it needs to go on. That of owncloudcmd 2.11 does so for chunking NG only; with TUS
    it asks for the offset within the same run, and only when the system has given up the connection."""


OWNCLOUD_TUS = Dialect("owncloudcmd", tus=True, resumes=False)
OWNCLOUD_NG = Dialect("owncloudcmd", tus=False, resumes=True)
NEXTCLOUD_NG = Dialect("nextcloudcmd", tus=True, resumes=True)

each_dialect = pytest.mark.parametrize(
    "dialect", [OWNCLOUD_TUS, OWNCLOUD_NG, NEXTCLOUD_NG], ids=["owncloud-tus", "owncloud-ng", "nextcloud-ng"]
)
each_size = pytest.mark.parametrize("size", [25 * MB, 60 * MB], ids=["25MB", "60MB"])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """Not started yet."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = Gateway(folder)
    yield gateway
    gateway.close()


@pytest.fixture
def proxy(gateway: Gateway) -> Iterator[CuttingProxy]:
    with CuttingProxy(gateway.port) as proxy:
        yield proxy


class Stage:
    """A running gateway, a proxy before it, and a client that has a large file to upload."""

    def __init__(self, gateway: Gateway, proxy: CuttingProxy, folder: Path, dialect: Dialect, size: int) -> None:
        gateway.configure(uploads={"tus": dialect.tus})
        gateway.start()
        self.gateway = gateway
        self.proxy = proxy
        self.dialect = dialect
        self.size = size
        self.client = SyncClient(dialect.program, gateway, folder / "client", port=proxy.port)
        self.write(trees.TIME)

    def write(self, mtime: int) -> None:
        trees.write(self.client.folder / NAME, os.urandom(self.size), mtime)

    def arrived(self) -> None:
        """The file is there, byte for byte and with its time."""
        assert not trees.differences(trees.content(self.client.folder), trees.content(self.gateway.disk()))
        self.gateway.assert_tidy()

    def interrupted(self) -> None:
        """The rest of the story after an interruption: the client goes on where it can, and the gateway where it was told."""
        first = begun(self.proxy.exchanges)
        assert len(first) == 1
        assert not (self.gateway.disk() / NAME).exists()
        if self.dialect.resumes:
            self.client.sync()
            assert begun(self.proxy.exchanges) == first, "the client began again"
            lost = [one for one in self.proxy.exchanges if not one.status]
            # What was lost on its way may have arrived, and then it is not sent again.
            again = sent(self.proxy.exchanges) - self.size
            assert 0 <= again <= sent(lost), "more was sent again than was not acknowledged"
        else:
            self.could_go_on(first[0])
            mark = len(self.proxy.exchanges)
            self.client.sync()
            again = self.proxy.exchanges[mark:]
            assert len(begun(again)) == 1 and sent(again) == self.size
        self.arrived()
        assert not repeated(self.proxy.exchanges)

    def could_go_on(self, upload: str) -> None:
        """The upload that the client has forgotten stands where the client was told; then it is ended."""
        told = max(int(one.answers.get("upload-offset", 0)) for one in self.proxy.exchanges if target(one) == upload)
        assert told >= CHUNK
        with self.gateway.client() as other:
            answer = other.raw("HEAD", upload, headers={"Tus-Resumable": "1.0.0"})
            assert answer.status == 200 and told <= int(answer.headers["Upload-Offset"]) < self.size
            assert other.raw("DELETE", upload, headers={"Tus-Resumable": "1.0.0"}).status == 204


@pytest.mark.parametrize(
    ("dialect", "grow"),
    [(OWNCLOUD_TUS, False), (OWNCLOUD_NG, False), (OWNCLOUD_NG, True), (NEXTCLOUD_NG, False), (NEXTCLOUD_NG, True)],
    ids=["owncloud-tus", "owncloud-ng", "owncloud-ng-growing", "nextcloud-ng", "nextcloud-ng-growing"],
)
def test_new_and_changed(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, dialect: Dialect, grow: bool) -> None:
    """Without any trouble: each byte is sent once, in chunks that stay as they are or grow."""
    stage = Stage(gateway, proxy, tmp_path, dialect, 60 * MB)
    if not grow:
        stage.client.environment["OWNCLOUD_MAX_CHUNK_SIZE"] = str(CHUNK)
    stage.client.sync()
    stage.arrived()
    stage.write(trees.TIME + 1)
    stage.client.sync()
    stage.arrived()
    assert sent(proxy.exchanges) == 2 * stage.size
    assert len(begun(proxy.exchanges)) == 2


@each_dialect
@each_size
def test_the_client_is_killed(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, dialect: Dialect, size: int) -> None:
    stage = Stage(gateway, proxy, tmp_path, dialect, size)
    stage.client.environment["OWNCLOUD_MAX_CHUNK_SIZE"] = str(CHUNK)
    stop = proxy.stop_after(size * 11 // 20)
    with stage.client.start() as running:
        stop.wait()
        running.kill()
    stop.decide(Then.GO_ON)
    stage.interrupted()


@each_dialect
@each_size
def test_the_gateway_is_killed(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, dialect: Dialect, size: int) -> None:
    stage = Stage(gateway, proxy, tmp_path, dialect, size)
    stage.client.environment["OWNCLOUD_MAX_CHUNK_SIZE"] = str(CHUNK)
    stop = proxy.stop_after(size * 11 // 20)
    with stage.client.start() as running:
        stop.wait()
        gateway.kill()
        stop.decide(Then.GO_ON)
        running.end(1)
    gateway.start()
    stage.client.forgive()
    stage.interrupted()


def test_owncloudcmd_and_twice_the_chunk(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path) -> None:
    """Where the offset is half the size, owncloudcmd 2.11 sends nothing, for ever if it is let. It is not; and where the gateway
    does not name a size of chunks it does not come to that."""
    stage = Stage(gateway, proxy, tmp_path, OWNCLOUD_TUS, 2 * 10000019)
    with stage.client.start() as running:
        running.end(1)
    assert [(one.method, one.body, one.status) for one in proxy.exchanges[-2:]] == [("POST", 10000019, 201), ("PATCH", 0, 400)]
    assert not (gateway.disk() / NAME).exists()
    gateway.configure(uploads={"tus_chunk_bytes": 0})
    gateway.restart()
    assert stage.client.forgive() == 1
    mark = len(proxy.exchanges)
    stage.client.sync()
    assert [(one.method, one.body) for one in proxy.exchanges[mark:] if one.body > 1000] == [("POST", stage.size)]
    stage.could_go_on(begun(proxy.exchanges)[0])
    stage.arrived()
