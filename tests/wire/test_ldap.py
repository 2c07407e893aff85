"""People from a real directory through the real gateway: one bind for many requests, and 503 while the directory is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..identity.ldap.authority import Authority
from ..identity.ldap.people import GATEWAY, PEOPLE, SECRET, dn_of
from ..identity.ldap.slapd import Slapd
from . import dav
from .gateway import Gateway

REQUESTS = 1000


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "authority").mkdir()
    return Authority(tmp_path / "authority")


@pytest.fixture
def slapd(tmp_path: Path, authority: Authority) -> Iterator[Slapd]:
    server = Slapd(tmp_path / "slapd", authority.file, authority.certify("127.0.0.1")).start()
    yield server
    server.stop()


@pytest.fixture
def house(stopped_gateway: Gateway, slapd: Slapd, authority: Authority) -> Gateway:
    directory = {
        "urls": [slapd.secure_url],
        "ca_file": str(authority.file),
        "bind_dn": GATEWAY,
        "bind_password": SECRET,
        "base": PEOPLE,
        "attributes": ["department=ou"],
        "connect_timeout": 1.0,
        "answer_timeout": 1.0,
        "retry_seconds": 0.2,
    }
    stopped_gateway.configure(users={"file": str(stopped_gateway.data / "nobody.toml")})
    stopped_gateway.configure(ldap__site=directory, mounts__home={"root": "files/{user.department}/{user.id}"})
    (stopped_gateway.data / "files" / "physics").mkdir(parents=True)
    stopped_gateway.start()
    return stopped_gateway


def look(gateway: Gateway, user: str, secret: str) -> dav.Answer:
    with dav.Client(gateway.port, user, secret, f"/remote.php/dav/files/{user}") as client:
        return client.raw("PROPFIND", "/remote.php/dav/files/alice/", None, {"Depth": "0"})


def test_a_thousand_polls_cost_one_bind(house: Gateway, slapd: Slapd) -> None:
    with dav.Client(house.port, "alice", "secret of alice", "/remote.php/dav/files/alice") as client:
        for _ in range(REQUESTS):
            assert client.raw("PROPFIND", "/remote.php/dav/files/alice/", None, {"Depth": "0"}).status == 207
        assert client.raw("PUT", "/remote.php/dav/files/alice/a.txt", b"hello", {}).status == 201
    assert (house.data / "files/physics/alice/a.txt").read_bytes() == b"hello"
    assert [name for name in slapd.binds() if name.startswith("uid=")] == [dn_of("alice")]


def test_who_is_refused(house: Gateway) -> None:
    for user, secret in (
        ("alice", "wrong"),
        ("nobody", "x"),
        ("alice", ""),
        ("*", "secret of alice"),
        ("locked", "secret of locked"),
    ):
        assert look(house, user, secret).status == 401, user
    assert look(house, "alice", "secret of alice").status == 207


def test_a_directory_that_is_away_is_no_wrong_password(house: Gateway, slapd: Slapd) -> None:
    assert look(house, "alice", "secret of alice").status == 207
    slapd.stop()
    answer = look(house, "Bob", "secret of Bob")
    assert (answer.status, "retry-after" in {name.lower() for name in answer.headers}) == (503, True)
    # Who was let in is remembered.
    assert look(house, "alice", "secret of alice").status == 207
    slapd.start()
    time.sleep(0.3)
    assert look(house, "alice", "wrong").status == 401
