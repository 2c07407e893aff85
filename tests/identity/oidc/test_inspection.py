from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from clawgate.identity.oidc.inspection import look
from clawgate.settings import Oidc

from .idp import Idp

DOCUMENT = "/realm/.well-known/openid-configuration"


@pytest_twisted.async_yield_fixture
async def idp(forge):
    server = Idp(forge)
    await server.start()
    server.answers[DOCUMENT] |= {
        "authorization_endpoint": "http://127.0.0.1/auth",
        "token_endpoint": "http://127.0.0.1/token",
        "end_session_endpoint": "http://127.0.0.1/end",
        "code_challenge_methods_supported": ["S256"],
    }
    yield server
    await server.stop()


async def seen(idp, **settings):
    chosen = Oidc(**{"issuer": idp.issuer, "audiences": ["files"], **settings})
    return [one[:2] for one in await deferToThread(lambda: list(look("main", chosen)))]


@pytest_twisted.ensureDeferred
async def test_all_is_well(idp):
    assert await seen(idp, opaque="introspection", userinfo=True) == [
        ("ok", f"oidc.main: {idp.issuer} answers"),
        ("ok", "oidc.main: 2 keys, for ES256, PS256, RS256"),
    ]


@pytest.mark.parametrize(
    ("path", "answer", "settings", "expected"),
    [
        (DOCUMENT, 404, {}, ("FAIL", "answers with 404")),
        (DOCUMENT, {"issuer": "https://evil.example.org"}, {}, ("FAIL", "evil.example.org")),
        (DOCUMENT, b" " * 300_000, {}, ("FAIL", "larger")),
        (DOCUMENT, {}, {"ca_file": "/nowhere", "metadata_url": "https://127.0.0.1:1/x"}, ("FAIL", "No such file")),
        ("/keys", 500, {}, ("FAIL", "answers with 500")),
        ("/keys", {"keys": []}, {"opaque": "userinfo"}, ("warn", "none that can be used")),
        (None, None, {"algorithms": ["EdDSA"]}, ("FAIL", "EdDSA")),
        ("introspection_endpoint", "", {"opaque": "introspection"}, ("FAIL", "introspection")),
        ("userinfo_endpoint", "", {"userinfo": True}, ("FAIL", "userinfo")),
        ("end_session_endpoint", "", {}, ("warn", "end_session_endpoint")),
        ("code_challenge_methods_supported", None, {}, ("warn", "PKCE")),
        ("jwks_uri", "", {}, ("FAIL", "jwks_uri")),
        ("token_endpoint", "", {"browser_client_id": "pages"}, ("FAIL", "browser_client_id")),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_wrong(idp, path, answer, settings, expected):
    if path is not None and path.startswith("/"):
        idp.answers[path] = answer
    elif path is not None:
        idp.answers[DOCUMENT][path] = answer
    level, words = expected

    assert any(found == level and words in text for found, text in await seen(idp, **settings))


@pytest_twisted.ensureDeferred
async def test_nobody_is_there(idp):
    await idp.stop()

    assert [level for level, _ in await seen(idp)] == ["FAIL"]
    await idp.start()
