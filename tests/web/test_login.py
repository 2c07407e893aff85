from __future__ import annotations

import base64

import pytest
import pytest_twisted

from clawgate.errors import Unauthenticated
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Bearer, Credentials, Password, User
from clawgate.web.login import Login


class People(Authenticator):
    async def authenticate(self, credentials: Credentials) -> Actor | None:
        if credentials == Password("alice", "wrong"):
            raise Unauthenticated("no")
        return Actor(User("alice")) if credentials in (Password("alice", "right"), Bearer("token-1")) else None


class Request:
    actor = None

    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize("authorization", [basic("alice:right"), "Bearer token-1"])
@pytest_twisted.ensureDeferred
async def test_the_actor_is_left_in_the_request(authorization):
    request = Request(authorization=authorization)

    assert await Login(People(), "r").authenticate(request) is request.actor
    assert request.actor.id == "alice"


@pytest.mark.parametrize(
    "headers", [{}, *({"authorization": text} for text in (basic("alice:wrong"), basic("eve:x"), "Digest x"))]
)
@pytest_twisted.ensureDeferred
async def test_others_are_refused(headers):
    request = Request(**headers)
    with pytest.raises(Unauthenticated):
        await Login(People(), "r").authenticate(request)

    assert request.actor is None


def test_challenges():
    login = Login(People(), "r", bearer=True)

    assert [value.split()[0] for _, value in login.challenges(Request())] == [b"Bearer", b"Basic"]
    assert [value.split()[0] for _, value in login.challenges(Request(x_requested_with="XMLHttpRequest"))] == [b"Bearer"]
