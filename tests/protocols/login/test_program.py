from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from .conftest import LIMIT
from .visitor import FORM, Visitor

POLL = "/login/v2/poll"


async def begin(house, path="/login/v2", **headers):
    response, body = await house.ask("POST", path, headers=headers)
    return response, json.loads(body)


async def page_of(house, begun):
    """The address of the page that the program's address leads to, with the browser that went there."""
    browser = Visitor(house.ask)
    seen = await browser.open("/login/v2/flow/" + begun["login"].rpartition("/")[2])
    assert seen.status == 303
    return seen.header("location"), browser


async def granted(house):
    _, begun = await begin(house)
    page, browser = await page_of(house, begun)
    seen = await browser.open(page)
    await browser.send(page, mark=seen.mark, action="login", user="alice", password="right")
    seen = await browser.open(page)
    assert (await browser.send(page, mark=seen.mark, action="grant")).status == 200
    return begun["poll"]["token"]


@pytest.mark.parametrize("path", ["/login/v2", "/index.php/login/v2"])
@pytest_twisted.ensureDeferred
async def test_what_a_program_is_told(house, path):
    response, begun = await begin(house, path, Host="cloud.example.org")
    assert response.code == 200
    assert response.headers.getRawHeaders("content-type") == ["application/json; charset=utf-8"]
    assert response.headers.getRawHeaders("cache-control") == ["no-store"]
    assert begun["poll"]["endpoint"] == "http://cloud.example.org/login/v2/poll"
    assert begun["login"].startswith("http://cloud.example.org/login/v2/flow/")
    assert begun["poll"]["token"] not in begun["login"]


@pytest.mark.parametrize(
    ("agent", "shown"), [("Älices 手机".encode(), "Älices 手机"), (b"old \xc4", "old \ufffd"), (b"", "without a name")]
)
@pytest_twisted.ensureDeferred
async def test_the_name_of_a_program(house, agent, shown):
    """Programs for phones call themselves as the phone is called."""
    _, begun = await begin(house, **{"User-Agent": agent})
    page, browser = await page_of(house, begun)
    assert f"<strong>{shown}</strong>" in (await browser.open(page)).text


@pytest.mark.parametrize("way", ["form", "form below index.php", "address"])
@pytest_twisted.ensureDeferred
async def test_how_a_program_asks(house, way):
    token = await granted(house)
    target = {"form": POLL, "form below index.php": "/index.php" + POLL, "address": f"{POLL}?token={token}"}[way]
    options = {} if way == "address" else {"data": f"token={token}".encode(), "headers": FORM}
    response, body = await house.ask("POST", target, **options)
    answer = json.loads(body)
    assert response.code == 200
    assert (answer["loginName"], answer["appPassword"]) == ("alice", "secret-0-of-alice")
    assert answer["server"].startswith("http://127.0.0.1:")
    response, body = await house.ask("POST", target, **options)
    assert (response.code, body) == (404, b"[]")


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        (FORM["Content-Type"], b"token=x", 404),
        ("Application/X-WWW-Form-Urlencoded; charset=utf-8", b"token=x", 404),
        ("application/json", b'{"token": "x"}', 400),
        ("multipart/form-data; boundary=x", b"", 400),
        (FORM["Content-Type"], b"", 400),
        (FORM["Content-Type"], b"token=%ff", 400),
        (FORM["Content-Type"], b"token=\xc3\xbc", 400),
        (FORM["Content-Type"], b"token=x&token=y", 400),
        (FORM["Content-Type"], b"&".join(b"f%d=1" % n for n in range(30)), 400),
        (FORM["Content-Type"], b"token=" + b"x" * LIMIT, 413),
    ],
)
@pytest_twisted.ensureDeferred
async def test_bad_questions(house, kind, data, status):
    response, body = await house.ask("POST", POLL, data=data, headers={"Content-Type": kind})
    assert response.code == status
    answer = json.loads(body)
    assert answer == [] if status == 404 else answer["error"]


@pytest_twisted.ensureDeferred
async def test_too_many_programs(house):
    for _ in range(3):
        assert (await begin(house))[0].code == 200
    response, answer = await begin(house)
    assert (response.code, response.headers.getRawHeaders("retry-after")) == (429, ["60"])
    assert "too many programs" in answer["error"]
    house.clock[0] += 1201
    assert (await begin(house))[0].code == 200


@pytest.mark.parametrize(
    ("verb", "path", "status", "allowed"),
    [
        ("GET", "/login/v2", 405, "POST"),
        ("PUT", "/index.php/login/v2/poll", 405, "POST"),
        ("POST", "/login/v2/flow/x", 405, "GET, HEAD"),
        ("DELETE", "/login/v2/grant/x", 405, "GET, HEAD, POST"),
        ("DELETE", "/login/app-passwords", 405, "GET, HEAD, POST"),
        ("HEAD", "/login/oidc/callback", 405, "GET"),
        ("POST", "/login/oidc/start", 405, "GET"),
        ("GET", "/login/v2/flow/x", 404, ""),
        ("GET", "/login/v2/flow/", 404, ""),
        ("GET", "/login/v2/flow/x/y", 404, ""),
        ("GET", "/login/v2/grant/x", 404, ""),
        ("GET", "/login/v2/grant/" + "0" * 64, 404, ""),
        ("GET", "/login/flow", 404, ""),
        ("GET", "/login/v2/", 404, ""),
        ("GET", "/index.php/login", 303, ""),
        ("GET", "/login/", 303, ""),
        ("HEAD", "/login/app-passwords", 200, ""),
        ("GET", "/login/oidc/callback", 403, ""),
        ("GET", "/login/oidc/start", 403, ""),
        ("GET", "/login/oidc/start?for=x", 404, ""),
        ("GET", "/login/oidc/callback?state=%ff", 400, ""),
        ("GET", "/index.php/login/v2/flow/%ff", 303, ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_addresses(house, verb, path, status, allowed):
    response, body = await house.ask(verb, path)
    assert response.code == status
    assert (response.headers.getRawHeaders("allow") or [""]) == [allowed]
    assert response.headers.getRawHeaders("referrer-policy") == ["no-referrer"]
    assert bool(body) == (verb != "HEAD" and status != 303)


@pytest_twisted.ensureDeferred
async def test_long_addresses_lead_to_short_ones(house):
    response, _ = await house.ask("GET", "/index.php/login/oidc/callback?state=x&code=y")
    assert response.headers.getRawHeaders("location") == ["/login/oidc/callback?state=x&code=y"]


@pytest_twisted.ensureDeferred
async def test_bytes_that_are_no_text_lead_on_too(house):
    """Not through a client, which would write them otherwise."""
    response, _ = await house.ask("GET", "/login")
    port = urlsplit(response.request.absoluteURI.decode()).port
    request = b"GET /index.php/login/v2/flow/\xff\xc3?a=\xfe%41 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

    def exchange() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                return answer.read()

    answer = await deferToThread(exchange)
    assert answer.startswith(b"HTTP/1.1 303 ")
    assert b"\r\nLocation: /login/v2/flow/%FF%C3?a=%FE%41\r\n" in answer
