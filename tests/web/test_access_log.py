from __future__ import annotations

import json
from typing import Any

import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor

from clawgate.model.people import Actor, User
from clawgate.web.access_log import AccessLog, shown
from clawgate.web.request import Request
from clawgate.web.response import Response
from clawgate.workers import Workers


@given(st.binary(max_size=50))
def test_paths_are_one_printable_word(path: bytes) -> None:
    text = shown(path)
    assert text.isascii()
    assert not set(text) & set(' "\n\r\t\x7f')
    assert not text or text.isprintable()


def test_link_tokens_are_hidden() -> None:
    assert shown(b"/index.php/s/AbC123/download") == "/index.php/s/***/download"
    assert shown(b"/s/AbC123") == "/s/***"
    assert shown(b"/remote.php/dav/public-files/AbC123/a.txt") == "/remote.php/dav/public-files/***/a.txt"
    assert shown(b"/index.php/login/v2/flow/AbC-123") == "/index.php/login/v2/flow/***"
    assert shown(b"/login/v2/grant/c742b9") == "/login/v2/grant/***"
    assert shown(b"/remote.php/webdav/flow/a.txt") == "/remote.php/webdav/flow/a.txt"
    assert shown(b"/remote.php/dav/files/alice/a%20b.txt") == "/remote.php/dav/files/alice/a%20b.txt"
    assert shown("/ü".encode()) == "/%C3%BC"


@pytest_twisted.ensureDeferred
async def test_lines(serve: Any, until: Any) -> None:
    async def handler(request: Request) -> Response:
        request.actor = Actor(User("alice smith"))
        await request.body.read_all(100)
        return Response(201, [], b"12345")

    for form in ("text", "json"):
        written: list[str] = []
        workers = Workers(reactor, "log", 1, 10)
        workers.start()
        log = AccessLog(reactor, workers, written.append, form)
        server = await serve(handler, access_log=log)

        def talk(client: Any) -> None:
            for _ in range(3):
                client.ask(
                    b"PUT /a?OC-Signature=secret HTTP/1.1\r\nHost: h\r\nX-Request-ID: me\r\n"
                    b'User-Agent: a "b"\r\nAuthorization: Basic secret\r\nContent-Length: 3\r\n\r\nabc'
                )
            client.ask(b"nonsense\r\n\r\n")

        await server.talk(talk)
        await log.flush()
        workers.stop()
        lines = "".join(written).splitlines()
        assert len(lines) == 4
        assert "secret" not in "".join(lines)
        if form == "json":
            entry = json.loads(lines[0])
            assert entry.pop("seconds") >= 0
            assert entry.pop("time").endswith("Z")
            assert entry == {
                "ip": "127.0.0.1",
                "user": "alice smith",
                "verb": "PUT",
                "path": "/a",
                "http": "1.1",
                "status": 201,
                "received": 3,
                "sent": 5,
                "id": "me",
                "agent": 'a "b"',
            }
            assert json.loads(lines[3])["status"] == 400
        else:
            assert ' 127.0.0.1 alice_smith "PUT /a HTTP/1.1" 201 in=3 out=5 ' in lines[0]
            assert lines[0].endswith(" me \"a 'b'\"")
            assert '"- - HTTP/-" 400' in lines[3]
        assert log.dropped == 0


@pytest_twisted.ensureDeferred
async def test_a_log_that_cannot_be_written_costs_lines_not_requests(until: Any) -> None:
    def fail(text: str) -> None:
        raise OSError("disk full")

    workers = Workers(reactor, "log", 1, 10)
    workers.start()
    from twisted.logger import capturedLogs

    log = AccessLog(reactor, workers, fail)
    with capturedLogs() as logs:
        log.add_refusal("127.0.0.1", 400)
        await log.flush()
    assert len(logs) == 1
    workers.stop()
