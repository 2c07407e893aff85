"""People from a real directory through the real gateway: one bind for many requests, and 503 while the directory is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clawgate.identity import app_secrets

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
        "connect_timeout": 30.0,
        "answer_timeout": 30.0,
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


def test_an_app_password_rests_on_the_directory(house: Gateway, slapd: Slapd) -> None:
    with dav.Client(house.port, "alice", "secret of alice", "") as client:
        answer = client.raw("GET", "/ocs/v2.php/core/getapppassword?format=json", None, {"OCS-APIRequest": "true"})
    secret = json.loads(answer.body)["ocs"]["data"]["apppassword"]
    house.stop()
    slapd.stop()
    house.start()
    assert look(house, "alice", secret).status == 503
    slapd.start()
    deadline = time.monotonic() + 60
    while (status := look(house, "alice", secret).status) != 207:
        assert (status, time.monotonic() < deadline) == (503, True)
        time.sleep(0.05)
    # Nobody's account gets locked because a program goes on with one that was revoked.
    assert look(house, "alice", app_secrets.make()).status == 401
    assert [name for name in slapd.binds() if name.startswith("uid=")] == [dn_of("alice")]


def test_operators_know_them_too(house: Gateway, slapd: Slapd) -> None:
    with dav.Client(house.port, "alice", "secret of alice", "/remote.php/dav/files/alice") as client:
        assert client.put("a.txt", b"hello").status == 201
    said = house.tool("explain", "alice", "/a.txt")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines()[:3] == ["user alice (Alice Adams), groups: none", "known from ldap.site", "uid 1001, gid 100"]
    assert f"  path      {house.data}/files/physics/alice/a.txt\n" in said.stdout
    other = house.folder / "new.toml"
    other.write_text(house.config.read_text().replace('"department=ou"', '"department=mail"'))
    assert house.tool("explain", "alice", "--against", str(other)).stdout == (
        f"alice: the space home$alice moves from {house.data}/files/physics/alice to {house.data}/files/alice@example.org/alice\n"
    )
    said = house.tool("explain", "nobody")
    assert (said.returncode, said.stderr) == (1, f"clawgate: nobody is not in {house.data}/nobody.toml or ldap.site\n")
    house.stop()
    assert house.tool("index", "rebuild", "alice").stdout == f"home$alice: learning {house.data}/files/physics/alice\n"
    slapd.stop()
    said = house.tool("explain", "alice")
    expected = "clawgate: ldap.site, which may know alice, does not answer; see 'clawgate check'\n"
    assert (said.returncode, said.stderr) == (1, expected)
    # What needs no directory goes on.
    left_out = "left out: home$alice is not there, or cannot be found without its people; name somebody whose it is\n"
    assert house.tool("index", "verify").stdout == left_out
    house.start()
