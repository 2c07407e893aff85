from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Bearer, User
from clawgate.protocols.capabilities import Features, status
from clawgate.protocols.wellknown import SignIn, handlers
from clawgate.web.login import Login


@pytest.fixture
def wellknown(serve):
    async def start():
        return await serve(handlers(Features()))

    return start


@pytest_twisted.ensureDeferred
async def test_status(wellknown):
    response, body = await (await wellknown())("GET", "/status.php")

    assert response.code == 200
    assert response.headers.getRawHeaders("content-type") == ["application/json"]
    assert response.headers.getRawHeaders("access-control-allow-origin") == ["*"]
    answer = json.loads(body)
    assert answer == status(Features())
    assert answer["installed"] is True
    assert answer["maintenance"] is False
    assert int(answer["version"].split(".")[0]) >= 10
    assert "kiteworks" not in answer["productname"].lower()


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        ("Mozilla/5.0 (Linux) mirall/3.7.3-1 (Debian built) (Nextcloud, debian-6.1)", "20.0.14.0"),
        ("Mozilla/5.0 (Android) Nextcloud-android/3.30.0", "20.0.14.0"),
        ("Mozilla/5.0 (Linux) mirall/2.11.0 (testpilotcloud, debian-6.1)", "10.15.0.0"),
        ("", "10.15.0.0"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_programs_of_nextcloud_are_told_another_version(serve, agent, version):
    server = await serve(handlers(Features(nextcloud=(20, 0, 14))))
    for headers, expected in (({"User-Agent": agent}, version), ({}, "10.15.0.0")):
        _, body = await server("GET", "/status.php", headers=headers)
        assert json.loads(body)["version"] == expected


@pytest.mark.parametrize(
    ("verb", "path", "code"),
    [
        ("HEAD", "/status.php", 200),
        ("POST", "/status.php", 405),
        ("GET", "/status.php/x", 404),
        ("GET", "/index.php/204", 204),
        ("GET", "/index.php", 200),
        ("GET", "/index.php/login/v2", 404),
        ("GET", "/.well-known/openid-configuration", 404),
        ("GET", "/.well-known/webfinger", 404),
        ("GET", "/.well-known/oauth-protected-resource", 404),
        ("GET", "/.well-known/caldav", 404),
        ("GET", "/kwdav/status.php", 404),
    ],
)
@pytest_twisted.ensureDeferred
async def test_codes(wellknown, verb, path, code):
    response, _ = await (await wellknown())(verb, path)

    assert response.code == code


@pytest.mark.parametrize("verb", ["GET", "PROPFIND"])
@pytest_twisted.ensureDeferred
async def test_webdav_is_found(wellknown, verb):
    response, _ = await (await wellknown())(verb, "/.well-known/webdav")

    assert response.code == 301
    assert response.headers.getRawHeaders("location")[0].endswith("/remote.php/dav/")


@pytest_twisted.ensureDeferred
async def test_front_page_is_text_for_people(wellknown):
    response, body = await (await wellknown())("GET", "/", headers={"Host": 'x"><script>'})

    assert response.code == 200
    assert b"<script" not in body
    assert b"/remote.php/webdav/" in body


DOCUMENT = b'{"issuer": "https://idp.example.org", "token_endpoint_auth_methods_supported": ["client_secret_basic"]}'
CONFIGURATION, WEBFINGER, RESOURCE = (
    f"/.well-known/{name}" for name in ("openid-configuration", "webfinger", "oauth-protected-resource")
)
ISSUER = {"rel": "http://openid.net/specs/connect/1.0/issuer", "href": "https://idp.example.org"}


class Tokens(Authenticator):
    async def authenticate(self, credentials):
        return Actor(User("alice")) if credentials == Bearer("good") else None


class Provider:
    """What is known of one."""

    down = False

    async def document(self):
        if self.down:
            raise StorageUnavailable("the login service does not answer; try again later")
        return DOCUMENT


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def signing_in(serve, provider):
    async def start():
        sign_in = SignIn(
            "https://idp.example.org",
            provider.document,
            ("https://idp.example.org", "https://other.example.org"),
            ("files",),
            {"desktop": "OpenCloudDesktop"},
            ("openid", "profile"),
        )
        login = Login(Tokens(), "r", bearer=True, metadata=RESOURCE)
        server = await serve(handlers(Features(), sign_in, login))

        async def ask(verb, path, **headers):
            response, body = await server(verb, path, headers={"Host": "cloud.example.org", **headers})
            return response, body

        return ask

    return start


@pytest_twisted.ensureDeferred
async def test_the_providers_document(signing_in, provider):
    ask = await signing_in()
    response, body = await ask("GET", CONFIGURATION)

    assert (response.code, body) == (200, DOCUMENT)
    assert response.headers.getRawHeaders("content-type") == ["application/json"]
    assert response.headers.getRawHeaders("access-control-allow-origin") == ["*"]
    assert (await ask("POST", CONFIGURATION))[0].code == 405
    assert (await ask("GET", CONFIGURATION + "/x"))[0].code == 404
    provider.down = True
    response, _ = await ask("GET", CONFIGURATION)
    assert response.code == 503
    assert response.headers.hasHeader("retry-after")


@pytest.mark.parametrize(
    "resource",
    ["https://cloud.example.org", "https://CLOUD.example.org/", "http://cloud.example.org:443/x", "acct:me@cloud.example.org"],
)
@pytest_twisted.ensureDeferred
async def test_webfinger_before_the_login(signing_in, resource):
    response, body = await (await signing_in())("GET", f"{WEBFINGER}?resource={quote(resource, safe='')}")

    assert response.code == 200
    assert response.headers.getRawHeaders("content-type") == ["application/json"]
    assert json.loads(body) == {"subject": resource, "links": [ISSUER]}


@pytest_twisted.ensureDeferred
async def test_webfinger_after_the_login(signing_in):
    ask = await signing_in()
    path = f"{WEBFINGER}?resource=acct%3Ame%40cloud.example.org"
    _, body = await ask("GET", path, Authorization="Bearer good")

    assert json.loads(body) == {
        "subject": "acct:me@cloud.example.org",
        "links": [
            {"rel": "http://webfinger.owncloud/rel/server-instance", "href": "http://cloud.example.org"},
            {"rel": "http://webfinger.opencloud/rel/server-instance", "href": "http://cloud.example.org"},
            ISSUER,
        ],
    }
    response, _ = await ask("GET", path, Authorization="Bearer bad")
    assert response.code == 401
    assert 'error="invalid_token"' in response.headers.getRawHeaders("www-authenticate")[0]


@pytest_twisted.ensureDeferred
async def test_webfinger_of_opencloud(signing_in):
    ask = await signing_in()
    path = f"{WEBFINGER}?resource=https%3A%2F%2Fcloud.example.org&rel={quote(ISSUER['rel'], safe='')}"
    _, body = await ask("GET", path + "&platform=desktop", Authorization="Bearer good")

    assert json.loads(body) == {
        "subject": "https://cloud.example.org",
        "links": [ISSUER],
        "properties": {
            "http://opencloud.eu/ns/oidc/client_id": "OpenCloudDesktop",
            "http://opencloud.eu/ns/oidc/scopes": ["openid", "profile"],
        },
    }
    assert "properties" not in json.loads((await ask("GET", path + "&platform=tv"))[1])
    assert json.loads((await ask("GET", f"{WEBFINGER}?resource=https%3A%2F%2Fcloud.example.org&rel=x"))[1])["links"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", 400),
        ("?resource=", 400),
        ("?resource=https%3A%2F%2Felsewhere.example.org", 404),
        ("?resource=acct%3Ame%40elsewhere.example.org", 404),
        ("?resource=acct%3Ame", 404),
        ("?resource=https%3A%2F%2F%5B%3A%3A1", 404),
        ("?resource=%ff%fe", 404),
    ],
)
@pytest_twisted.ensureDeferred
async def test_webfinger_of_others(signing_in, query, code):
    response, _ = await (await signing_in())("GET", WEBFINGER + query)

    assert response.code == code


@pytest_twisted.ensureDeferred
async def test_whose_tokens_are_accepted(signing_in):
    response, body = await (await signing_in())("GET", RESOURCE)

    assert response.code == 200
    assert json.loads(body) == {
        "resource": "http://cloud.example.org",
        "authorization_servers": ["https://idp.example.org", "https://other.example.org"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["files"],
    }
