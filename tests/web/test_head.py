from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.web import head

token = st.text("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=20)
value = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40).map(
    lambda text: text.strip(" \t\xa0\x85")
)
target = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=50).map(lambda text: "/" + text)


def status(block: bytes, count: int = 100) -> int:
    with pytest.raises(head.BadHead) as caught:
        head.parse(block, count)
    return caught.value.status


@given(token, target, st.lists(st.tuples(token, value), max_size=20))
def test_what_is_written_is_read(verb: str, path: str, fields: list[tuple[str, str]]) -> None:
    framing = ("host", "content-length", "transfer-encoding")
    fields = [(name, text) for name, text in fields if name.lower() not in framing]
    block = "\r\n".join([f"{verb} {path} HTTP/1.1", "Host: a", *(f"{name}: {text}" for name, text in fields)]).encode("latin-1")
    parsed = head.parse(block, 100)
    assert (parsed.verb, parsed.target, parsed.minor, parsed.length) == (verb, path.encode(), 1, 0)
    for name in {name.lower() for name, _ in fields}:
        values = [text.strip(" \t") for other, text in fields if other.lower() == name]
        assert parsed.fields[name] in (values, [", ".join(values)])


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_else(block: bytes) -> None:
    try:
        head.parse(block, 10)
    except head.BadHead as error:
        assert error.status in (400, 431, 501, 505)


@given(st.binary(max_size=60))
def test_garbage_after_a_good_start(rest: bytes) -> None:
    try:
        parsed = head.parse(b"GET / HTTP/1.1\r\nHost: a\r\n" + rest, 10)
    except head.BadHead:
        return
    assert b"\0" not in rest
    assert set(rest.replace(b"\r\n", b"")).isdisjoint(b"\r\n")
    assert parsed.target == b"/"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"GET / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a", 400),
        (b"GET  / HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/2.0\r\nHost: a", 505),
        (b"GET / HTTP/x.0\r\nHost: a", 400),
        (b"GET /\r\nHost: a", 400),
        (b"GE(T / HTTP/1.1\r\nHost: a", 400),
        (b"GET a HTTP/1.1\r\nHost: a", 400),
        (b"GET * HTTP/1.1\r\nHost: a", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a", 400),
        (b"GET /\x01 HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX : b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000, 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400),
        (b"PUT / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", 501),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity", 501),
        (b"GET / HTTP/1.1\r\nHost: a" + b"\r\nX: y" * 100, 431),
    ],
)
def test_refused(block: bytes, expected: int) -> None:
    assert status(block) == expected


def test_accepted() -> None:
    assert head.parse(b"GET / HTTP/1.0", 9).minor == 0
    assert head.parse(b"GET / HTTP/1.9\r\nHost: a", 9).minor == 1
    assert head.parse(b"OPTIONS * HTTP/1.1\r\nHost: a", 9).target == b"*"
    absolute = head.parse(b"GET http://b:1/c?d HTTP/1.1\r\nHost: a", 9)
    assert (absolute.target, absolute.fields["host"]) == (b"/c?d", ["b:1"])
    assert head.parse(b"GET HTTPS://b HTTP/1.1\r\nHost: a", 9).target == b"/"
    assert head.parse(b"GET http://b?x HTTP/1.1\r\nHost: a", 9).target == b"/?x"
    assert head.parse("GET /ü HTTP/1.1\r\nHost: a".encode(), 9).target == "/ü".encode()
    assert head.parse(b"PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked", 9).length is None
    assert head.parse(b"PUT / HTTP/1.1\r\nHost: a\r\ncontent-length: 0012", 9).length == 12
    twice = head.parse(b'GET / HTTP/1.1\r\nHost: a\r\nIf-Match: "a"\r\nIf-Match: "b"\r\nX: 1\r\nX: 2', 9).fields
    assert (twice["if-match"], twice["x"]) == (['"a", "b"'], ["1", "2"])
