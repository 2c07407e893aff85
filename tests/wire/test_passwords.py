"""A site where programs log in with app passwords or tokens only."""

from __future__ import annotations

import pytest

from . import dav
from .gateway import USERS, Gateway

LOOK = "/remote.php/dav/files/alice/"


@pytest.mark.parametrize("where", ["page", "never"])
def test_own_passwords_are_refused(quick_gateway: Gateway, where: str) -> None:
    gateway = quick_gateway
    gateway.configure(users={"passwords": where})
    gateway.start()
    made = gateway.tool("token", "create", "alice")
    assert made.returncode == 0, made.stderr
    with dav.Client(gateway.port, "alice", made.stdout.strip(), LOOK) as client:
        assert client.raw("PROPFIND", LOOK, headers={"Depth": "0"}).status == 207
    with gateway.client() as client:
        for _ in range(2):
            answer = client.raw("PROPFIND", LOOK, headers={"Depth": "0"})
            assert answer.status == 401
            # Programs are asked for a name and a password all the same: that is how app passwords are sent.
            assert [value.split()[0] for value in answer.headers.get_all("WWW-Authenticate")] == ["Basic"]
            assert USERS["alice"].encode() not in answer.body
    gateway.stop()
    gateway.configure(users={"passwords": "everywhere"})
    gateway.start()
    with gateway.client() as client:
        assert client.raw("PROPFIND", LOOK, headers={"Depth": "0"}).status == 207
