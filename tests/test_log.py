from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogPublisher

from clawgate.log import LineObserver, redact, request_id


def lines(format: str, level: str, emit) -> list[str]:
    stream = io.StringIO()
    publisher = LogPublisher(LineObserver(stream, format, level))
    emit(Logger("clawgate.test", observer=publisher))
    return stream.getvalue().splitlines()


def test_text():
    (line,) = lines("text", "info", lambda log: log.info("{user} came", user="alice"))

    assert line[10] == "T"
    assert line[23:] == "Z info  clawgate.test: alice came"


def test_names_with_line_breaks_forge_no_lines():
    assert len(lines("text", "info", lambda log: log.info("{path}", path="a\r\n2026 info x"))) == 1
    assert len(lines("json", "info", lambda log: log.info("{path}", path="a\r\n2026 info x"))) == 1


def test_levels():
    def emit(log):
        for method in (log.debug, log.info, log.warn, log.error, log.critical):
            method("x")

    assert [len(lines("text", level, emit)) for level in ("error", "warn", "info", "debug")] == [2, 3, 4, 5]


@pytest.mark.parametrize("format", ["text", "json"])
def test_request_ids(format):
    token = request_id.set("r-17")
    try:
        (line,) = lines(format, "info", lambda log: log.info("x"))
    finally:
        request_id.reset(token)
    (other,) = lines(format, "info", lambda log: log.info("x", request_id="r-18"))

    assert "r-17" in line
    assert "r-18" in other


def test_json():
    def emit(log):
        log.warn("{user} came", user="älice", status=207, password="hunter2", odd=object())

    record = json.loads(lines("json", "info", emit)[0])

    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "warn",
        "logger": "clawgate.test",
        "message": "älice came",
        "user": "älice",
        "status": 207,
        "password": "***",
    }


@pytest.mark.parametrize("format", ["text", "json"])
def test_tracebacks_are_shown_without_secrets(format):
    def emit(log):
        try:
            raise ValueError("token=abcdef")
        except ValueError:
            log.failure("it broke")

    text = "\n".join(lines(format, "info", emit))

    assert "it broke" in text
    assert "ValueError" in text
    assert "abcdef" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Basic YWxpY2U6c2VjcmV0 and", "Authorization: Basic *** and"),
        ("{'authorization': 'Bearer abc.def-g'}", "{'authorization': 'Bearer ***'}"),
        ("Authorization: Digest username=x", "Authorization: ***"),
        ("Cookie: a=b; c=d", "Cookie: ***"),
        ("password='hunter2'", "password='***'"),
        ('{"password": "hunter2", "a": 1}', '{"password": "***", "a": 1}'),
        ("GET /x?access_token=abc&y=1", "GET /x?access_token=***&y=1"),
        ("postgresql://u:p4ss@db/x", "postgresql://u:***@db/x"),
        ("GET /s/AbCdEf12345", "GET /s/***"),
        ("https://h/index.php/s/AbCdEf12345 x", "https://h/index.php/s/*** x"),
        ("PUT /remote.php/dav/public-files/AbCdEf/a.txt", "PUT /remote.php/dav/public-files/***/a.txt"),
        ("GET /login/v2/flow/53gpRA1w0?user=x", "GET /login/v2/flow/***?user=x"),
        ("'http://h/index.php/login/v2/grant/c742b9'", "'http://h/index.php/login/v2/grant/***'"),
        ("GET /login/oidc/callback?code=1&state=2 403", "GET /login/oidc/callback?*** 403"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "***"),
        ("GET /remote.php/webdav/s/abcdefgh", "GET /remote.php/webdav/s/abcdefgh"),
        ("wrong user name or password", "wrong user name or password"),
        ("users.x.password: expected an argon2 hash", "users.x.password: expected an argon2 hash"),
    ],
)
def test_redaction(text, expected):
    assert redact(text) == expected


@given(st.text())
def test_redaction_takes_any_text(text):
    assert redact(redact(text)) == redact(text)
