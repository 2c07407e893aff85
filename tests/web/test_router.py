from __future__ import annotations

import json
from typing import Any

import pytest_twisted
from klein import Klein

from clawgate.errors import NotFound
from clawgate.web.request import Request
from clawgate.web.response import Response
from clawgate.web.router import KleinHandler, Router


async def nobody(request: Request) -> Response:
    return Response(204)


def test_longest_prefix_on_segment_borders() -> None:
    router = Router()
    for prefix in ("/a", "/a/b/c", "/d/", "/status.php"):
        router.add(prefix, nobody)

    def found(path: bytes) -> str | None:
        try:
            return router.find(path)[1]
        except NotFound:
            return None

    assert found(b"/a") == "/a"
    assert found(b"/a/") == "/a"
    assert found(b"/a/b") == "/a"
    assert found(b"/a/b/c") == "/a/b/c"
    assert found(b"/a/b/c/" + b"d/" * 1000) == "/a/b/c"
    assert found(b"/a/b/cd") == "/a"
    assert found(b"/ab") is None
    assert found(b"//a") is None
    assert found(b"/a%2Fb") is None
    assert found(b"/d") == "/d/"
    assert found(b"/d/x") == "/d/"
    assert found(b"*") is None
    router.add("/", nobody)
    assert found(b"/ab") == "/"
    assert found(b"/") == "/"
    assert found(b"/a/x") == "/a"


@pytest_twisted.ensureDeferred
async def test_klein(serve: Any, wait: Any) -> None:
    app = Klein()

    @app.route("/api/echo/<name>", methods=["POST"])
    async def echo(request: Request, name: str) -> bytes:
        await wait(0.01)
        request.setResponseCode(201)
        request.setHeader("Content-Type", "application/json")
        request.addCookie("a", "b")
        return json.dumps(
            {
                "name": name,
                "args": sorted((k.decode(), [x.decode() for x in v]) for k, v in request.args.items()),
                "agent": request.getHeader("user-agent"),
                "base": request.base_url,
                "body": request.content.read().decode(),
            }
        ).encode()

    @app.route("/api/fails")
    def fails(request: Request) -> bytes:
        raise RuntimeError("secret")

    router = Router()
    router.add("/api", KleinHandler(app.resource(), 100))
    server = await serve(router)

    def talk(client: Any) -> None:
        form = b"x=1&y=2"
        status, headers, body = client.ask(
            b"POST /api/echo/me?z=3 HTTP/1.1\r\nHost: h:80\r\nUser-Agent: me\r\nContent-Length: 7\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form
        )
        assert (status, headers["content-type"], headers["set-cookie"]) == (201, "application/json", "a=b")
        assert json.loads(body) == {
            "name": "me",
            "args": [["x", ["1"]], ["y", ["2"]], ["z", ["3"]]],
            "agent": "me",
            "base": "http://h:80",
            "body": "x=1&y=2",
        }
        assert client.ask(b"GET /api/echo/me HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 405
        assert client.ask(b"HEAD /api/nothing HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 404
        assert client.ask(b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 404
        assert client.ask(b"POST /api/echo/me HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n" + b"x" * 101)[0] == 413

    await server.talk(talk)
    assert server.site.running == 0


@pytest_twisted.ensureDeferred
async def test_klein_failure(serve: Any) -> None:
    app = Klein()

    @app.route("/fails")
    def fails(request: Request) -> bytes:
        raise RuntimeError("secret")

    server = await serve(KleinHandler(app.resource(), 100))
    status, _, body = await server.talk(lambda client: client.ask(b"GET /fails HTTP/1.1\r\nHost: h\r\n\r\n"))
    assert status == 500
    assert b"secret" not in body
