from __future__ import annotations

import json

import pytest
import pytest_twisted

from clawgate.protocols.capabilities import Features, status
from clawgate.protocols.wellknown import handlers


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
