"""A gateway that asks an EOS for metadata by gRPC, over the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import kept
from .eos_site import Site
from .gateway import USERS, Gateway
from .programs import run

NAMES = ["with space", "100%", "a&b", "1+1", "#hash", 'quo"te', "se;mi", "wh?t", "na\u0308h", "x" * 250]


class GrpcSite(Site):
    """The double with a gRPC port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "eos", "5.4", "--grpc-key", "grpc-key")
        self.key_file = folder / "grpc.key"
        self.key_file.write_text("grpc-key\n")
        self.key_file.chmod(0o600)

    def settings(self) -> dict[str, dict[str, Any]]:
        found = super().settings()
        spoken = {"metadata": "grpc", "grpc_urls": [self.addresses["grpc"]], "grpc_key": f"file:{self.key_file}"}
        return {**found, "mounts__home__eos": found["mounts__home__eos"] | spoken}

    def calls(self) -> list[str]:
        found = [f"{one['server']} {one['command'] or one['method']}" for one in self.admin("GET", "/record")]
        self.admin("DELETE", "/record")
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GrpcSite, Gateway]]:
    folder = tmp_path_factory.mktemp("eos")
    site, gateway = GrpcSite(folder), Gateway(folder)
    gateway.configure(**site.settings())
    gateway.start()
    yield site, gateway
    gateway.close()
    assert not site.leaked(gateway.log())
    assert "grpc-key" not in gateway.log()
    site.close()


def test_names(served: tuple[GrpcSite, Gateway]) -> None:
    _, gateway = served
    with gateway.client() as client:
        for name in NAMES:
            content = name.encode() * 100
            assert client.put(name, content).status == 201
            assert client.get(name) == content
            assert client.ask("MKCOL", f"{name}.d").status == 201
            assert client.move(name, f"{name}.d/{name}").status == 201
            assert set(client.list(f"{name}.d")) == {f"{name}.d", f"{name}.d/{name}"}
            assert client.ask("DELETE", f"{name}.d").status == 204
        assert list(client.list()) == [""]


def test_listings(served: tuple[GrpcSite, Gateway]) -> None:
    """As many calls whatever the number of entries, and none of them over HTTP."""
    site, gateway = served
    with gateway.client() as client:
        for count in (3, 300):
            for number in range(count):
                site.call("put", path=f"/eos/user/a/alice/{count} {number}", content="x", owner="alice")
            client.list()
            site.calls()
            found = client.list()
            assert len(found) >= count
            # The second for what may be done in the folder itself.
            assert site.calls() == ["grpc Find", "grpc STAT"]
            assert "CK" in found[""].permissions
            assert "D" in found[f"{count} 0"].permissions


def test_trash(served: tuple[GrpcSite, Gateway]) -> None:
    """It comes back by gRPC, and people may empty it."""
    site, gateway = served
    with gateway.client() as client:
        for name in ("back", "gone", "kept"):
            assert client.put(name, name.encode()).status == 201
            assert client.ask("DELETE", name).status == 204
        found = kept.trash(client)
        assert {"back", "gone", "kept"} <= set(found)
        site.calls()
        assert kept.restore(client, found["back"], "back").status == 201
        assert client.get("back") == b"back"
        assert "grpc recycle" in site.calls()
        assert client.raw("DELETE", found["gone"].href).status == 204
        assert "gone" not in kept.trash(client) and "kept" in kept.trash(client)
        assert client.raw("DELETE", f"{kept.BIN}/").status == 204
        assert kept.trash(client) == {}
        assert client.ask("DELETE", "back").status == 204


def test_litmus(served: tuple[GrpcSite, Gateway], tmp_path: Path) -> None:
    _, gateway = served
    arguments = ["litmus", gateway.url("/remote.php/dav/files/alice/"), "alice", USERS["alice"]]
    said = run(arguments, tmp_path / "home", environment={"TESTS": "basic copymove props locks http"})
    summaries = re.findall(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed, 0 failed\. 100", said)
    assert [suite for suite, ran, passed in summaries if ran == passed] == ["basic", "copymove", "props", "locks", "http"], said


def test_check(served: tuple[GrpcSite, Gateway]) -> None:
    _, gateway = served
    said = gateway.tool("check").stdout
    assert "takes the key" in said
    assert "alice sees /eos/user/a/alice by gRPC" in said
    assert "FAIL mounts" not in said, said
    assert "grpc-key" not in said
