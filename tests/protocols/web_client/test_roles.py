from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_twisted

from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Password, User
from clawgate.protocols.web_client.roles import PREFIX, Roles
from clawgate.web.login import Login

ALICE = {"Authorization": "Basic YWxpY2U6eA=="}


class People(Authenticator):
    async def authenticate(self, credentials: object) -> Actor | None:
        return Actor(User("alice")) if credentials == Password("alice", "x") else None


@pytest.mark.parametrize(
    ("verb", "path", "status", "answer"),
    [
        ("POST", "roles-list", 200, {"bundles": []}),
        ("POST", "assignments-list", 200, {"assignments": []}),
        ("POST", "values-list", 200, {"values": []}),
        ("POST", "permissions-list", 200, {"permissions": ["of alice"]}),
        ("GET", "roles-list", 404, None),
        ("POST", "values-save", 404, None),
        ("POST", "", 404, None),
    ],
)
@pytest_twisted.ensureDeferred
async def test_lists(serve: Any, verb: str, path: str, status: int, answer: object) -> None:
    server = await serve({PREFIX: Roles(lambda actor: [f"of {actor.id}"], Login(People(), "r"))})
    response, body = await server(verb, f"{PREFIX}/{path}", data=b"{}", headers=ALICE)
    assert response.code == status
    assert answer is None or json.loads(body) == answer
    response, _ = await server(verb, f"{PREFIX}/{path}")
    assert response.code == 401 and response.headers.hasHeader("www-authenticate")
