from __future__ import annotations

import base64
import gc
from typing import ClassVar

import pytest
import pytest_twisted

from clawgate.errors import Unauthenticated
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Bearer, Credentials, Password, User
from clawgate.web.login import Login


class Expired(Unauthenticated):
    challenge: ClassVar = {"error": "invalid_token", "error_description": "the token has expired"}


class People(Authenticator):
    async def authenticate(self, credentials: Credentials) -> Actor | None:
        if credentials == Password("alice", "wrong"):
            raise Unauthenticated("no")
        if credentials == Bearer("expired"):
            raise Expired("the token has expired")
        return Actor(User("alice")) if credentials in (Password("alice", "right"), Bearer("token-1")) else None


class Request:
    actor = None
    base_url = "https://cloud.example.org"

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


@pytest.mark.parametrize(
    ("token", "description"), [("expired", b"the token has expired"), ("nonsense", b"nobody here knows the token")]
)
@pytest_twisted.ensureDeferred
async def test_a_refused_token_is_told_what_is_wrong(token, description):
    login = Login(People(), "r", bearer=True)
    request, other = Request(authorization=f"Bearer {token}"), Request()
    with pytest.raises(Unauthenticated):
        await login.authenticate(request)

    bearer, basic = (value for _, value in login.challenges(request))
    assert bearer.endswith(b'error="invalid_token", error_description="%b"' % description)
    assert b"error" not in basic
    assert all(b"error" not in value for _, value in login.challenges(other))


@pytest_twisted.ensureDeferred
async def test_refusals_are_forgotten_with_their_requests():
    login = Login(People(), "r", bearer=True)
    request = Request(authorization="Bearer expired")
    with pytest.raises(Unauthenticated):
        await login.authenticate(request)
    del request
    gc.collect()

    assert not login._refused


def test_the_document_about_the_issuers():
    login = Login(People(), "r", bearer=True, metadata="/.well-known/oauth-protected-resource")
    bearer, basic = (value for _, value in login.challenges(Request()))

    assert bearer.endswith(b'resource_metadata="https://cloud.example.org/.well-known/oauth-protected-resource"')
    assert b"resource_metadata" not in basic
